"""From measures and findings to an assessment: a probability, a level, reasons, and what to do about them (R17)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from pilotage.model.answers import DeploymentStrategy, RiskTolerance
from pilotage.model.change import FileKind
from pilotage.model.file_kind import kind_of
from pilotage.model.quantity import format_share, percent_of
from pilotage.model.risk import Assessment, ChangeRisk, FactorRisk, Finding, RiskFactor, RiskLevel
from pilotage.risk.direction import is_left_out
from pilotage.risk.measured import Measured
from pilotage.risk.model import RiskModel

_LEVELS = ((0.3, RiskLevel.LOW), (0.75, RiskLevel.MEDIUM))
"""Below which probability that something of the release needs a repair it is how risky, else high. Most repairs are of
small things: what makes a release critical is a finding, such as data that is lost, and never this number alone."""


def of_change(measured: Measured, model: RiskModel) -> ChangeRisk:
    parts = model.parts(measured)
    change = measured.change
    return ChangeRisk(
        change.commit,
        change.subject,
        change.author,
        round(model.probability(measured), 6),
        tuple((factor, round(part, 6)) for factor, part in parts.items()),
    )


def assess(
    revisions: str,
    measured: Sequence[Measured],
    findings: Sequence[Finding],
    model: RiskModel,
    tolerance: RiskTolerance = RiskTolerance.MEDIUM,
) -> Assessment:
    """score: 1 − Π (1 − p) over the changes, as if they failed independently of one another."""
    each = [of_change(m, model) for m in measured]
    score = round(1 - math.prod(1 - c.score for c in each), 6)
    shares = _shares(each)
    level = max([_level(score), *(f.level for f in findings)], key=lambda one: one.rank)
    factors = tuple(_factor(factor, shares[factor], score, measured, findings) for factor in RiskFactor)
    strategy, settings, why = _recommended(level, findings, tolerance)
    cures = [f.mitigation for f in sorted(findings, key=lambda f: -f.level.rank) if f.mitigation]
    return Assessment(
        revisions, len(each), float(percent_of(score)), level, factors,
        tuple(sorted(findings, key=lambda f: -f.level.rank)),
        tuple(dict.fromkeys([*cures, *_general(measured, each, score)])), strategy, settings, why, model.origin,
    )  # fmt: skip


def _level(score: float) -> RiskLevel:
    return next((level for bound, level in _LEVELS if score < bound), RiskLevel.HIGH)


def _shares(each: Sequence[ChangeRisk]) -> dict[RiskFactor, float]:
    """What part of the risk each factor brings: what it adds to the log-odds, of riskier changes more."""
    weighed = dict.fromkeys(RiskFactor, 0.0)
    for change in each:
        for factor, part in change.parts:
            weighed[factor] += change.score * max(0.0, part)
    total = sum(weighed.values())
    return {factor: part / total if total else 0.0 for factor, part in weighed.items()}


def _factor(
    factor: RiskFactor, share: float, score: float, measured: Sequence[Measured], findings: Sequence[Finding]
) -> FactorRisk:
    mine = [f for f in findings if f.factor is factor]
    found = max((f.level for f in mine), key=lambda one: one.rank, default=RiskLevel.LOW)
    by_share = _level(1 - (1 - score) ** share) if share else RiskLevel.LOW
    words = "; ".join(part for part in (_words(factor, measured), _said(mine)) if part)
    return FactorRisk(
        factor,
        max(found, by_share, key=lambda one: one.rank),
        float(percent_of(round(share, 6))),
        words or "nothing found",
    )


def _said(findings: Sequence[Finding]) -> str:
    said = [f.sentence for f in sorted(findings, key=lambda f: -f.level.rank)]
    return "; ".join(said[:3]) + (f"; and {len(said) - 3} more" if len(said) > 3 else "")


def _words(factor: RiskFactor, measured: Sequence[Measured]) -> str:
    match factor:
        case RiskFactor.COMPLEXITY:
            return _size(measured)
        case RiskFactor.EXPERIENCE:
            return _experience(measured)
        case RiskFactor.TIMING:
            late = sum(bool(m.of("night") or m.of("weekend")) for m in measured)
            return f"{late} of {len(measured)} changes were written at night or on a weekend" if late else ""
        case RiskFactor.MIGRATIONS:
            files = (f.path for m in measured for f in m.change.files)
            paths = {path for path in files if kind_of(path) is FileKind.MIGRATION and not is_left_out(path)}
            return f"{len(paths)} migration file{'s' * (len(paths) != 1)}" if paths else ""
        case _:
            return ""


def _size(measured: Sequence[Measured]) -> str:
    lines: dict[str, int] = {}
    for m in measured:
        for file in m.change.files:
            if kind_of(file.path) is FileKind.SOURCE:
                folder = file.path.rpartition("/")[0] or "."
                lines[folder] = lines.get(folder, 0) + file.added + file.deleted
    if not lines:
        return "no source file is touched"
    folder, most = max(lines.items(), key=lambda item: item[1])
    total, untested = sum(lines.values()), sum(m.of("untested") > 0 for m in measured)
    words = f"{total} line{'s' * (total != 1)} of source"
    if len(lines) > 1:
        words += f", {most} of them in `{folder}/`"
    return words + (f"; {untested} of {len(measured)} changes add code without tests" if untested else "")


def _experience(measured: Sequence[Measured]) -> str:
    people = [m for m in measured if not _is_bot(m.change.author)]
    new = sorted({_person(m.change.author) for m in people if m.of("newcomer")})
    strange = sorted(
        {_person(m.change.author) for m in people if m.of("files") and not m.of("ownership") and not m.of("newcomer")}
    )
    words = []
    if new:
        words.append(f"{_some(new)} changed nothing here in the past year")
    if strange:
        words.append(f"{_some(strange)} had not touched these files for a year")
    alone = sum(m.of("ownership") == 1 for m in people)
    if alone:
        words.append(f"{alone} of {len(measured)} changes are in files that only their author touched in the past year")
    idle = max((m.of("idle") for m in measured), default=0.0)
    return "; ".join(words) or ("their authors know these files" if idle < 1 and measured else "")


def _is_bot(address: str) -> bool:
    return bool(re.search(r"\[bot\]|\b(dependabot|renovate|pre-commit-ci|github-actions|greenkeeper)\b", address))


def _person(address: str) -> str:
    """Whom an address names: `12345+ada@users.noreply.github.com` and `ada@example.org` are both ada."""
    return address.partition("@")[0].rpartition("+")[2] if "users.noreply" in address else address.partition("@")[0]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _general(measured: Sequence[Measured], each: Sequence[ChangeRisk], score: float) -> list[str]:
    found = []
    if each and score >= _LEVELS[1][0]:
        worst = max(each, key=lambda change: change.score)
        by_itself = format_share(round(worst.score, 2))
        found.append(f"have {worst.commit[:10]} ({worst.subject[:60]}) reviewed again: {by_itself} on its own")
    if len(each) > 20 and score >= _LEVELS[1][0]:
        found.append(f"release it in parts: with {len(each)} changes at once, it is hard to tell which one did harm")
    if any(m.of("untested") for m in measured):
        found.append("add tests to the changes without any")
    if any(m.of("newcomer") for m in measured):
        found.append("have someone who knows these files review the changes by newcomers")
    return found


_SMALL_STEPS = ("canary.weights", "[1%, 5%, 25%, 50%, 100%]")
_CAREFUL: Mapping[RiskLevel, tuple[DeploymentStrategy, tuple[tuple[str, str], ...], str]] = {
    RiskLevel.LOW: (DeploymentStrategy.ROLLING, (), "the risk is low: batches with an analysis after each are enough"),
    RiskLevel.MEDIUM: (
        DeploymentStrategy.CANARY,
        (),
        "harm should reach few users first, and be distinguished from chance",
    ),
    RiskLevel.HIGH: (
        DeploymentStrategy.CANARY,
        (_SMALL_STEPS,),
        "harm is likely enough to start with 1 % of users",
    ),
    RiskLevel.CRITICAL: (
        DeploymentStrategy.CANARY,
        (_SMALL_STEPS, ("canary.require_approval", "true")),
        "the findings can do lasting harm: start with 1 % of users, and require an approval for each weight",
    ),
}


def _recommended(
    level: RiskLevel, findings: Sequence[Finding], tolerance: RiskTolerance
) -> tuple[DeploymentStrategy, tuple[tuple[str, str], ...], str]:
    """The strategy that fits, and the numbers that go with it. Where data is destroyed no strategy takes it back."""
    strategy, settings, why = _CAREFUL[level]
    if level is RiskLevel.LOW and tolerance in (RiskTolerance.LOW, RiskTolerance.ZERO_DOWNTIME):
        strategy, settings, why = _CAREFUL[RiskLevel.MEDIUM]
        why = f"{why}, as a {tolerance} tolerance requires"
    if any(f.factor is RiskFactor.MIGRATIONS and f.level is RiskLevel.CRITICAL for f in findings):
        settings = (*settings, ("rollback.enabled", "false"))
        why = f"{why}; a migration destroys data, which no rollback restores"
    return strategy, settings, why
