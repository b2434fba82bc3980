"""Keeps the risk model's level up with a repository's own past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median_low

from pilotage.adapters.files import write_durably
from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.app.project import Project
from pilotage.app.risk import LEARNED
from pilotage.app.risk_reading import label_newest
from pilotage.engine.placement.location import made
from pilotage.model.risk import Horizon
from pilotage.model.rollout import Status
from pilotage.risk.model import RiskModel, shipped
from pilotage.risk.recalibration import NEWEST, Check, checked, kept_up, ripe_source

_READ = 5000
_FEW = 5
"""If a release of at most this many changes was rolled back, each change counts as harmful; in a larger release the
cause is unknown."""


@dataclass(frozen=True, kw_only=True)
class Learned:
    """changes, harmful: of source, that the intercept within 30 days comes from · checks: one per horizon that has
    enough changes · taken: whether later assessments use it."""

    model: RiskModel
    changes: int
    harmful: int
    checks: tuple[Check, ...]
    taken: bool = False

    @property
    def harms(self) -> bool:
        """Whether the level of the past was shown to be further off within 30 days than the shipped one."""
        first = next((one for one in self.checks if one.horizon is Horizon.DAYS_30), None)
        return first is not None and first.worse


def learn(repository: Path, revision: str, undone: Sequence[tuple[str, str]] = ()) -> Learned:
    """Raises TooLittleHistory, AdapterError. undone: versions that were rolled back, as (the one before, it)."""
    git = Git(repository)
    last = git.commit(revision)
    git.see_whole([last], revision)
    labelled = label_newest(git, last, _READ, _harmed(git, undone))
    # Not the latest date: a clock that was ahead would make everything ripe.
    now = median_low([one.measured.change.landed for one in labelled[-9:]] or [0])
    known = ripe_source(labelled, Horizon.DAYS_30, now)[-NEWEST:]
    harmful = sum(one.harmful(Horizon.DAYS_30) for one in known)
    origin = (
        f"{shipped().origin}; its level from {len(known)} changes of {repository.resolve().name}, "
        f"of which {harmful} needed a repair {Horizon.DAYS_30.words}"
    )
    model = kept_up(shipped(), labelled, now, origin)
    checks = [check for horizon in Horizon if (check := checked(shipped(), labelled, horizon, now))]
    return Learned(model=model, changes=len(known), harmful=harmful, checks=tuple(checks))


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


def train(project: Project, revision: str, *, repository: Path | None = None, anyway: bool = False) -> Learned:
    """Keep the model's level up with a repository's own repairs, reverts and rollbacks, next to the store. A level that
    harms is kept only `anyway`. Raises TooLittleHistory, AdapterError."""
    learned = learn(repository or project.folder, revision, undone_of(project))
    if learned.harms and not anyway:
        return learned
    made(project.directory)
    write_durably(project.directory / LEARNED, learned.model.to_json().encode())
    return replace(learned, taken=True)


def undone_of(project: Project) -> tuple[tuple[str, str], ...]:
    """Versions that were rolled back, each with the one before it."""
    if not project.config.exists() or not project.has_store:
        return ()
    known = project.store.history(project.whole.configuration.service, limit=500)
    return tuple((r.old, r.version) for r in known if r.status is Status.ROLLED_BACK and r.old)
