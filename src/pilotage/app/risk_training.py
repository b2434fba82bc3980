"""Fits the risk model to a repository's own past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.files import write_durably
from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.app.project import Project
from pilotage.app.risk import LEARNED
from pilotage.engine.placement.location import made
from pilotage.model.risk import RiskFactor
from pilotage.model.rollout import Status
from pilotage.risk.features import YEAR
from pilotage.risk.labels import label
from pilotage.risk.model import RiskModel, TooLittleHistory, refit, shipped

_NEWEST = 5000
_FEW = 5
"""If a release of at most this many changes was rolled back, each change counts as harmful; in a larger release the
cause is unknown."""


@dataclass(frozen=True)
class Learned:
    """scales: what each factor weighs, 1 as shipped · auc: on the later fifth, of a model fitted to the earlier four
    fifths, and of the shipped one."""

    model: RiskModel
    changes: int
    harmful: int
    scales: tuple[tuple[RiskFactor, float], ...]
    auc: tuple[float, float]


def learn(repository: Path, revision: str, undone: Sequence[tuple[str, str]] = ()) -> Learned:
    """Raises TooLittleHistory, AdapterError. undone: versions that were rolled back, as (the one before, it)."""
    git = Git(repository)
    git.see_whole([git.commit(revision)], revision)
    found = label(git.changes([git.commit(revision)]), _harmed(git, undone))
    # What the newest changes caused is not known yet.
    latest = max((m.change.at for m in found.measured), default=0) - YEAR
    known = [(m.measures, bad) for m, bad in zip(found.measured, found.harmful, strict=True) if m.change.at < latest]
    known = known[-_NEWEST:]
    measures, harmful = [m for m, _ in known], [bad for _, bad in known]
    origin = f"{len(known)} changes of {repository.resolve().name}, {sum(harmful)} of which needed a fix"
    model = refit(shipped(), measures, harmful, origin)
    scales = tuple(zip(RiskFactor, model.scales, strict=True))
    return Learned(model, len(known), sum(harmful), scales, _compared(measures, harmful))


def _harmed(git: Git, undone: Sequence[tuple[str, str]]) -> frozenset[str]:
    found: set[str] = set()
    for before, version in undone:
        try:
            first, last = git.commit(before), git.commit(version)
        except AdapterError:
            continue  # a version that is no tag
        commits = git.run("rev-list", "--first-parent", f"{first}..{last}").split()
        found |= set(commits) if len(commits) <= _FEW else set()
    return frozenset(found)


def _compared(measures: Sequence[Sequence[float]], harmful: Sequence[bool]) -> tuple[float, float]:
    cut = len(measures) * 4 // 5
    later, bad = measures[cut:], harmful[cut:]
    try:
        fitted = refit(shipped(), measures[:cut], harmful[:cut], "")
    except TooLittleHistory:
        fitted = shipped()
    own, usual = (_auc([model.probability(m) for m in later], bad) for model in (fitted, shipped()))
    return own, usual


def _auc(scores: Sequence[float], harmful: Sequence[bool]) -> float:
    """Probability that a harmful change scores above a harmless one; a half where there is nothing to compare."""
    import numpy as np

    s, y = np.array(scores), np.array(harmful, dtype=bool)
    if not y.any() or y.all():
        return 0.5
    bad, good = s[y][:, None], s[~y][None, :]
    return float((bad > good).mean() + (bad == good).mean() / 2)


def train(project: Project, revision: str, *, repository: Path | None = None) -> Learned:
    """Fit the model to a repository's own repairs, reverts and rollbacks, and keep it next to the store. Raises
    TooLittleHistory, AdapterError."""
    learned = learn(repository or project.folder, revision, undone_of(project))
    made(project.directory)
    write_durably(project.directory / LEARNED, learned.model.to_json().encode())
    return learned


def undone_of(project: Project) -> tuple[tuple[str, str], ...]:
    """Versions that were rolled back, each with the one before it."""
    if not project.config.exists() or not project.has_store:
        return ()
    known = project.store.history(project.whole.configuration.service, limit=500)
    return tuple((r.old, r.version) for r in known if r.status is Status.ROLLED_BACK and r.old)
