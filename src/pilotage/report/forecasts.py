"""Forecasts of risk against what became of the releases: the Brier score and the calibration of each level (R17, R24).

Only releases whose time is over count, also those of which harm was known before: harm shows early and its absence
does not, so counting both at once would show more harm than there is.

The Brier score is the mean squared difference between a probability and the outcome, 0 or 1 (Brier, Monthly Weather
Review 1950). It is compared with that of the base rate: the observed share, forecast for every release.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pilotage.model.forecast import Fate, Followed
from pilotage.model.risk import RiskLevel
from pilotage.report.statistics import wilson

ENOUGH, OF_EACH = 20, 5
"""Ripe releases, and of these with each outcome, from which a score says anything."""


@dataclass(frozen=True, kw_only=True)
class LevelScore:
    """Releases of one level. forecast: mean probability · observed: share that needed a repair · low, high: its 95 %
    interval (Wilson, JASA 1927)."""

    level: RiskLevel
    n: int
    repaired: int
    forecast: float
    low: float
    high: float

    @property
    def observed(self) -> float:
        return self.repaired / self.n

    @property
    def verdict(self) -> str:
        if self.forecast < self.low:
            return "forecast too low"
        return "forecast too high" if self.forecast > self.high else "consistent"


@dataclass(frozen=True, kw_only=True)
class Scores:
    """brier, base: of the forecasts and of the base rate; None without a ripe release · levels: those that have any ·
    unknown: ripe releases that are left out · open: of which the time is not over."""

    releases: int
    ripe: int
    repaired: int
    unknown: int
    open: int
    brier: float | None
    base: float | None
    levels: tuple[LevelScore, ...]

    @property
    def share(self) -> float | None:
        """The base rate: the share of ripe releases that needed a repair."""
        return self.repaired / self.ripe if self.ripe else None

    @property
    def suffices(self) -> bool:
        """Whether there are enough releases to say how good the forecasts are."""
        return self.ripe >= ENOUGH and min(self.repaired, self.ripe - self.repaired) >= OF_EACH


def scores_of(followed: Sequence[Followed]) -> Scores:
    counted = [one for one in followed if one.counts]
    outcomes = [one.outcome.fate is Fate.REPAIRED for one in counted]
    repaired, n = sum(outcomes), len(counted)
    forecasts = [one.forecast.probability for one in counted]
    return Scores(
        releases=len(followed), ripe=n, repaired=repaired,
        unknown=sum(one.ripe and not one.counts for one in followed), open=sum(not one.ripe for one in followed),
        brier=brier(forecasts, outcomes) if n else None,
        base=brier([repaired / n] * n, outcomes) if n else None,
        levels=tuple(_levels(counted)),
    )  # fmt: skip


def brier(forecasts: Sequence[float], outcomes: Sequence[bool]) -> float:
    """0 where every outcome was forecast for certain; ¼ where every forecast is a half. Raises ValueError for none."""
    if not forecasts:
        raise ValueError("no forecast has no score")
    return math.fsum((p - y) ** 2 for p, y in zip(forecasts, outcomes, strict=True)) / len(forecasts)


def _levels(counted: Sequence[Followed]) -> list[LevelScore]:
    found = []
    for level in RiskLevel:
        mine = [one for one in counted if one.forecast.level is level]
        if not mine:
            continue
        repaired = sum(one.outcome.fate is Fate.REPAIRED for one in mine)
        low, high = wilson(repaired, len(mine))
        mean = math.fsum(one.forecast.probability for one in mine) / len(mine)
        found.append(LevelScore(level=level, n=len(mine), repaired=repaired, forecast=mean, low=low, high=high))
    return found
