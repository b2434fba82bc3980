"""How much more carefully `canary.weights: auto` begins, by the forecast of the change's risk (R13, R17)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pilotage.model.risk import Assessment, RiskLevel

USUAL = 30.0
"""Percent: the probability of a repair up to which a release begins as usual, where risk stops being low."""

_AT_MOST: Mapping[RiskLevel, float] = {RiskLevel.HIGH: 0.5, RiskLevel.CRITICAL: 0.25}
"""A level also comes from findings and from earlier releases, which a probability knows nothing of."""


@dataclass(frozen=True, kw_only=True)
class Caution:
    """factor: on the errors that a total outage may cost at the first weight, at most 1 · lengthens: the release is
    worth a longer canary · why: in words, empty at 1."""

    factor: float = 1.0
    lengthens: bool = False
    why: str = ""


def caution_of(risk: Assessment | None) -> Caution:
    """The errors that are risked shrink as the probability grows, so that their expectation stays the same. A release
    of low risk begins as one whose risk is unknown."""
    if risk is None or risk.level is RiskLevel.LOW:
        return Caution()
    by_chance = USUAL / max(risk.probability_percent, USUAL)
    factor = min(by_chance, _AT_MOST.get(risk.level, 1.0))
    if factor == 1:
        return Caution()
    return Caution(factor=factor, lengthens=risk.level in _AT_MOST, why=f"{risk.level} risk ({risk.lead})")
