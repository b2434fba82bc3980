"""How risky a range is: by its probability, by what this project usually releases, and by what was found (R17).

docs/decisions/0132-a-level-compares-a-release-with-its-project.md has the rule and the figures behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pilotage.model.risk import CONTEXT, Finding, RiskFactor, RiskLevel, Standing

MEDIUM_FROM, HIGH_FROM = 0.2, 0.75
"""Probabilities of a repair within 30 days from which a range is medium and high."""

ENOUGH = 5
"""With fewer measured releases, nobody knows what this project usually releases."""

_UNUSUAL, _UNUSUAL_FROM = 0.8, 0.5
"""A range that is riskier than this share of the earlier releases is high from a lower probability."""
_USUAL = 0.5
"""A range that is not riskier than this share of them is what this project usually releases, and never high."""


@dataclass(frozen=True)
class Released:
    """An earlier release, measured as the range is. score: probability of a repair, 0…1 · sizes: as `sizes_of` has
    them."""

    score: float
    sizes: Mapping[RiskFactor, int]


def standing_of(score: float, earlier: Sequence[Released], unmeasured: int) -> Standing | None:
    if not earlier:
        return None
    return Standing(len(earlier), sum(one.score < score for one in earlier), unmeasured)


def level_of(
    score: float, standing: Standing | None, findings: Iterable[Finding], *, is_compared: bool = True
) -> RiskLevel:
    """What makes a release critical is a finding, such as data that is lost, and never a probability: most repairs are
    of small things. is_compared: False where there was no time for a comparison, which alone makes nothing high."""
    measured = _measured(score, standing)
    if not is_compared and measured is RiskLevel.HIGH:
        measured = RiskLevel.MEDIUM
    return highest((measured, *(one.level for one in findings if _raises(one))))


def as_usual(
    findings: Iterable[Finding], sizes: Mapping[RiskFactor, int], earlier: Sequence[Released]
) -> Iterator[Finding]:
    """The findings, where provisioning is only medium if it is not unusual to change as much of it: in a repository of
    nothing else every release would be high."""
    factor = RiskFactor.INFRASTRUCTURE
    smaller = sum(one.sizes.get(factor, 0) < sizes.get(factor, 0) for one in earlier)
    usual = len(earlier) >= ENOUGH and smaller < _UNUSUAL * len(earlier)
    for one in findings:
        lowered = usual and one.factor is factor and one.level is RiskLevel.HIGH
        yield replace(one, level=RiskLevel.MEDIUM) if lowered else one


def _raises(finding: Finding) -> bool:
    """Whether a finding raises the whole release and not only its factor: releases with a major version of a package
    or a harder function were not repaired more often than others of the same probability."""
    if finding.factor in CONTEXT:
        return False
    return finding.level.rank >= RiskLevel.HIGH.rank or finding.factor is RiskFactor.MIGRATIONS


def _measured(score: float, standing: Standing | None) -> RiskLevel:
    if score < MEDIUM_FROM:
        return RiskLevel.LOW
    share = standing.share if standing is not None and standing.releases >= ENOUGH else None
    if share is None:
        return RiskLevel.HIGH if score >= HIGH_FROM else RiskLevel.MEDIUM
    unusual = share >= _UNUSUAL and score >= _UNUSUAL_FROM
    return RiskLevel.HIGH if unusual or (share > _USUAL and score >= HIGH_FROM) else RiskLevel.MEDIUM


def factor_level(
    factor: RiskFactor, size: int, findings: Iterable[Finding], earlier: Sequence[Released]
) -> tuple[RiskLevel, str]:
    """A factor's level by its findings and by its size among earlier releases, and what the size says."""
    found = highest(finding.level for finding in findings if finding.factor is factor)
    smaller = sum(one.sizes.get(factor, 0) < size for one in earlier)
    if not size or len(earlier) < ENOUGH or smaller < 0.9 * len(earlier):
        return found, ""
    which = f"all of the last {len(earlier)} releases"
    if smaller < len(earlier):
        which = f"{smaller} of the last {len(earlier)} releases"
    return highest((found, RiskLevel.MEDIUM)), f"more than in {which}"


def highest(levels: Iterable[RiskLevel]) -> RiskLevel:
    return max(levels, key=lambda one: one.rank, default=RiskLevel.LOW)
