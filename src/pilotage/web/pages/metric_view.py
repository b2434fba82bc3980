"""Each metric of a rollout as people read it: a ratio with its interval against its limit, now and over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pilotage.engine.records.trends import Point
from pilotage.model.live import SeenVerdict
from pilotage.model.plan import Plan
from pilotage.model.wording import called
from pilotage.render.pills import verdict_pill


@dataclass(frozen=True, kw_only=True)
class Trend:
    """Points of an SVG of 100 by 100, where the limit and equal are lines across. began, ended: Unix seconds."""

    line: str
    band: str
    limit: float
    same: float
    began: float
    ended: float


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """Positions in percent of the width, where 50 is equal to stable; None for what is not known."""

    name: str
    kind: str
    bar: str
    """Its colour: a metric that passes may still lie on both sides of its limit."""
    word: str
    new: str
    stable: str
    sentence: str
    details: tuple[str, ...]
    dot: float | None
    low: float | None
    high: float | None
    limit: float
    label: str
    trend: Trend | None


def metrics_of(verdicts: Sequence[SeenVerdict], plan: Plan, course: Sequence[Point]) -> tuple[MetricRow, ...]:
    """course: how they developed, oldest first."""
    limit = plan.number("analysis.max_ratio")
    return tuple(_metric(one, limit, course) for one in verdicts)


def _metric(verdict: SeenVerdict, limit: float, course: Sequence[Point]) -> MetricRow:
    kind, word = verdict_pill(verdict.kind)
    low, high = verdict.interval or (None, None)
    # Without any bound there is nothing to draw, as where neither version has an error.
    known = bool(verdict.interval) and kind != "none" and not (verdict.ratio is None and not low and high is None)
    crosses = known and (high is None or high > limit)
    ratio = f"Ratio {verdict.ratio:.3g}, " if verdict.ratio is not None else ""
    bounds = f"interval {_bound(low, '0')} to {_bound(high, 'any')}, " if known else ""
    return MetricRow(
        name=called(verdict.metric), kind=kind, bar="wait" if crosses and kind == "good" else kind, word=word,
        new=verdict.canary, stable=verdict.stable,
        sentence=verdict.sentence, details=verdict.detail,
        dot=None if verdict.ratio is None else _place(verdict.ratio, limit),
        low=(0.0 if low is None else _place(low, limit)) if known else None,
        high=(100.0 if high is None else _place(high, limit)) if known else None,
        limit=_place(limit, limit), label=f"{ratio}{bounds}limit {limit:g}: {word}",
        trend=None if verdict.unit else _trend(verdict.metric, limit, course),
    )  # fmt: skip


def _bound(value: float | None, otherwise: str) -> str:
    return otherwise if value is None else f"{value:.3g}"


def _place(ratio: float, limit: float) -> float:
    """On a logarithmic scale around 1, wide enough that the limit is well inside."""
    span = math.log(max(4.0, limit**2.5))
    if ratio <= 0:
        return 0.0
    return round(min(100.0, max(0.0, 50 + 50 * math.log(ratio) / span)), 2)


def _trend(metric: str, limit: float, course: Sequence[Point]) -> Trend | None:
    """None before there are two points."""
    found = [(point.at, point.metrics[metric]) for point in course if metric in point.metrics]
    if len(found) < 2 or found[-1][0] <= found[0][0]:
        return None
    began, ended = found[0][0], found[-1][0]

    def x(at: float) -> float:
        return round((at - began) / (ended - began) * 100, 2)

    def y(ratio: float) -> float:
        return round(100 - _place(ratio, limit), 2)

    line = " ".join(f"{x(at)},{y(one.ratio)}" for at, one in found if one.ratio is not None)
    low = [f"{x(at)},{100.0 if one.low is None else y(one.low)}" for at, one in found]
    high = [f"{x(at)},{0.0 if one.high is None else y(one.high)}" for at, one in found]
    return Trend(
        line=line, band=" ".join((*low, *reversed(high))), limit=y(limit), same=y(1.0), began=began, ended=ended
    )  # fmt: skip
