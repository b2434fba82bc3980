"""What a release did to a figure: the days after it against the same hours of the weeks before (R24).

An interrupted time series (Bernal et al., International Journal of Epidemiology 2017): one level for each day of the
week, a straight trend, and a step at the release. The step is the effect, so a service that grows anyway, or is quiet
on Sundays, shows none. Errors of neighbouring days depend on each other, which widens the interval. A control, such as
the same figure of a market without the release, is divided out first.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from pilotage.model.wording import counted
from pilotage.report.statistics import student

DAY = 86400.0
WEEK = 7 * DAY
BEFORE = 5 * WEEK
"""How far back a release is compared, in seconds: more weeks say more about the days of the week and the trend."""
_FEWEST_BEFORE = 14
"""Days before the release below which days of the week and the trend cannot be told apart."""
_FEWEST_AFTER = 2
_WHOLE = 0.9
"""Share of a usual day's readings that a day needs to count."""
_MOST_ALIKE = 0.8
"""Largest correlation of neighbouring days that is believed; more would leave no interval at all."""


@dataclass(frozen=True)
class Reading:
    """A value for the time from `at`, Unix seconds, until the next reading."""

    at: float
    value: float


@dataclass(frozen=True, kw_only=True)
class Span:
    """Unix seconds: when the rollout started and completed, and until when its effect is asked for."""

    started: float
    completed: float
    until: float


@dataclass(frozen=True, kw_only=True)
class Impact:
    """before: what the days after would have come to without the release, where it could be worked out; else the mean
    before it · change, low, high: of after against it, as shares; the bounds hold for all figures of a report together
    with 95 % · days_before, days_after: days that count · why_not: why there is no change, or no interval."""

    name: str
    before: float | None = None
    after: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    days_before: int = 0
    days_after: int = 0
    control: str = ""
    higher_is_better: bool | None = True
    why_not: str = ""

    @property
    def found(self) -> bool:
        """Whether the release certainly changed the figure."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high

    @property
    def worse(self) -> bool:
        """Whether it certainly changed for the worse."""
        if not self.found or self.change is None or self.higher_is_better is None:
            return False
        return (self.change < 0) is self.higher_is_better


def impact_of(
    name: str, readings: Sequence[Reading], span: Span, *, control: Sequence[Reading] = (), tests: int = 1
) -> Impact:
    """tests: figures of the same report, whose intervals have to hold together."""
    blocks = _blocks(readings, span)
    if control:
        others = _blocks(control, span)
        blocks = {day: value / others[day] for day, value in blocks.items() if others.get(day)}
    before, after = ({day: v for day, v in blocks.items() if (day >= 0) is late} for late in (False, True))
    found = Impact(
        name=name, before=fmean(before.values()) if before else None, after=fmean(after.values()) if after else None,
        days_before=len(before), days_after=len(after),
    )  # fmt: skip
    if why := _too_few(before, after):
        return replace(found, why_not=why)
    if not found.before:
        return replace(found, why_not="it was 0 before, so there is no relative change")
    return _stepped(found, blocks, 1 - 0.05 / (2 * max(1, tests)))


def _blocks(readings: Sequence[Reading], span: Span) -> Mapping[int, float]:
    """The mean of each 24 hours, counted from the completion: 0 is the first after it, −1 the last before it. What the
    rollout itself touched is left out."""
    ordered = sorted(readings, key=lambda one: one.at)
    length = _length(ordered)
    found = defaultdict[int, list[float]](list)
    for one in ordered:
        early = span.started - BEFORE <= one.at and one.at + length <= span.started
        if early or (one.at >= span.completed and one.at + length <= span.until):
            found[math.floor((one.at - span.completed) / DAY)].append(one.value)
    usual = median(len(values) for values in found.values()) if found else 0
    return {day: fmean(values) for day, values in sorted(found.items()) if len(values) >= _WHOLE * usual}


def _length(ordered: Sequence[Reading]) -> float:
    """How long a reading stands for: the usual time to the next one, at most a day."""
    gaps = [later.at - earlier.at for earlier, later in pairwise(ordered) if later.at > earlier.at]
    return min(median(gaps), DAY) if gaps else DAY


def _too_few(before: Mapping[int, float], after: Mapping[int, float]) -> str:
    if len(after) < _FEWEST_AFTER:
        return f"{counted(len(after), 'whole day')} after the release, {_FEWEST_AFTER} are needed"
    if len(before) < _FEWEST_BEFORE:
        return f"{len(before)} days before the release, {_FEWEST_BEFORE} are needed"
    if missing := {day % 7 for day in after} - {day % 7 for day in before}:
        return f"{len(missing)} days of the week have no reading before the release"
    return ""


def _stepped(found: Impact, blocks: Mapping[int, float], level: float) -> Impact:
    """The change with its interval, from the least squares of weekdays, trend and step."""
    days, values = np.array(sorted(blocks)), np.array([blocks[day] for day in sorted(blocks)])
    weekdays = sorted({int(day) % 7 for day in days})
    columns = [*(days % 7 == weekday for weekday in weekdays), days / len(days), days >= 0]
    design = np.stack([np.asarray(column, dtype=float) for column in columns], axis=1)
    fitted, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    free = len(values) - int(rank)
    step, expected = float(fitted[-1]), float(found.after or 0.0) - float(fitted[-1])
    if free < 1 or expected <= 0:
        return replace(found, why_not="too few days for the days of the week")
    rest = values - design @ fitted
    spread = float(rest @ rest) / free * float(np.linalg.pinv(design.T @ design)[-1, -1]) * _alike(rest, free)
    margin = student(level, free) * math.sqrt(spread) / expected
    change = step / expected
    return replace(found, before=expected, change=change, low=change - margin, high=change + margin)


def _alike(rest: NDArray[np.float64], free: int) -> float:
    """Factor by which the dependence of neighbouring days widens the variance (of a process of first order). Residuals
    of few days hide some of it (Kendall, Biometrika 1954), which is added back."""
    whole = float(rest @ rest)
    if whole <= 0:
        return 1.0
    seen = float(rest[1:] @ rest[:-1]) / whole
    alike = min(_MOST_ALIKE, max(0.0, seen + (1 + 3 * max(0.0, seen)) / max(free, 4)))
    return (1 + alike) / (1 - alike)
