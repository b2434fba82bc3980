"""The ratio with its confidence sequence over time, the margin as a line, the decision as a mark: SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from html import escape

from pilotage.judge.replay import GaugeReplay, Moment, Replay
from pilotage.model.live import SeenVerdict
from pilotage.model.observation import VerdictKind
from pilotage.model.wording import called, within
from pilotage.render.charts import WIDE, svg
from pilotage.render.pills import verdict_pill

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = WIDE, 380, 64, 20, 34, 44
_LOWEST, _HIGHEST = 1 / 64, 256.0
_MARKS = (1 / 64, 1 / 16, 1 / 4, 1, 4, 16, 64, 256)


def ratio_chart(replay: Replay, title: str) -> str:
    """Time in seconds from the first look, the ratio on a logarithmic scale from 1/64 to 256."""
    end = max(1.0, replay.moments[-1].at - replay.began)

    def x(moment: Moment) -> float:
        return round(_LEFT + (moment.at - replay.began) / end * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(ratio: float) -> float:
        place = math.log(min(max(ratio, _LOWEST), _HIGHEST) / _LOWEST) / math.log(_HIGHEST / _LOWEST)
        return round(_HEIGHT - _BOTTOM - place * (_HEIGHT - _TOP - _BOTTOM), 1)

    shown = _thinned(replay.moments)
    low = [(x(m), y(m.verdict.interval[0])) for m in shown if m.verdict.interval]
    high = [(x(m), y(m.verdict.interval[1])) for m in shown if m.verdict.interval]
    band = " ".join(f"{a},{b}" for a, b in [*low, *reversed(high)])
    line = " ".join(f"{x(m)},{y(m.verdict.ratio)}" for m in shown if m.verdict.ratio is not None)
    body = [_axis(end, y), f'<polygon class="band" points="{band}"/>']
    body.append(f'<polyline class="stair" points="{line}"/>')
    margin = y(replay.tolerated)
    body.append(
        f'<line class="edge" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{margin}" y2="{margin}"/>'
        f'<text x="{_WIDTH - _RIGHT}" y="{margin - 6}" text-anchor="end">tolerated: {replay.tolerated:g}×</text>'
    )
    if replay.decided:
        at = x(replay.decided)
        word = "harm" if replay.decided.verdict.kind is VerdictKind.FAIL else "no harm"
        anchor = "end" if at > _WIDTH * 0.7 else "start"
        body.append(
            f'<line class="edge" x1="{at}" x2="{at}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
            f'<text x="{at + (-6 if anchor == "end" else 6)}" y="{_TOP - 8}" text-anchor="{anchor}">'
            f"{word} after {replay.decided.at - replay.began:.0f} s</text>"
        )
    return svg(title, replay.sentence, _HEIGHT, body)


def gauge_chart(replay: GaugeReplay, title: str) -> str:
    """Both versions' samples over time on one linear scale from zero, and the decision."""
    samples = replay.samples
    began, end = samples[0].at, max(1.0, samples[-1].at - samples[0].at)
    top = max(1e-9, *(max(sample.canary, sample.stable) for sample in samples))

    def line(values: list[tuple[float, float]]) -> str:
        width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        return " ".join(
            f"{_LEFT + (at - began) / end * width:.1f},{_HEIGHT - _BOTTOM - max(0.0, value) / top * height:.1f}"
            for at, value in values
        )

    step = max(1, -(-len(samples) // 800))
    body = [
        f'<polyline class="quiet" points="{line([(s.at, s.stable) for s in samples[::step]])}"/>',
        f'<polyline class="stair" points="{line([(s.at, s.canary) for s in samples[::step]])}"/>',
    ]
    for part in range(5):
        height = _HEIGHT - _BOTTOM - part / 4 * (_HEIGHT - _TOP - _BOTTOM)
        place = _LEFT + part / 4 * (_WIDTH - _LEFT - _RIGHT)
        body.append(
            f'<line class="line" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height:.1f}" y2="{height:.1f}"/>'
            f'<text class="soft" x="{_LEFT - 8}" y="{height + 4:.1f}" text-anchor="end">{top * part / 4:.3g}</text>'
            f'<text class="soft" x="{place:.1f}" y="{_HEIGHT - _BOTTOM + 20}" text-anchor="middle">'
            f"{end * part / 4 / 3600:.3g} h</text>"
        )
    if replay.decided:
        at = _LEFT + (replay.decided[0].at - began) / end * (_WIDTH - _LEFT - _RIGHT)
        anchor, shift = ("end", -6) if at > _WIDTH * 0.6 else ("start", 6)
        body.append(
            f'<line class="edge" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
            f'<text x="{at + shift:.1f}" y="{_TOP - 8}" text-anchor="{anchor}">'
            f"harm after {(replay.decided[0].at - began) / 3600:.3g} h</text>"
        )
    body.append(
        f'<text class="soft" x="{_LEFT}" y="{_HEIGHT - 6}">thick and orange: canary, thin and blue: stable</text>'
    )
    return svg(title, replay.sentence, _HEIGHT, body)


def _axis(end: float, y: object) -> str:
    assert callable(y)
    lines = []
    for mark in _MARKS:
        height = y(mark)
        label = f"{mark:g}×" if mark >= 1 else f"1/{1 / mark:g}×"
        lines.append(
            f'<line class="line" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height}" y2="{height}"/>'
            f'<text class="soft" x="{_LEFT - 8}" y="{height + 4}" text-anchor="end">{escape(label)}</text>'
        )
    for part in range(5):
        place = _LEFT + part / 4 * (_WIDTH - _LEFT - _RIGHT)
        lines.append(
            f'<text class="soft" x="{place:.1f}" y="{_HEIGHT - _BOTTOM + 20}" text-anchor="middle">'
            f"{end * part / 4:.0f} s</text>"
        )
    lines.append(
        f'<text class="soft" x="{_LEFT}" y="{_HEIGHT - 6}">'
        "canary's rate over stable's, with all ratios that the counts do not refute at any time</text>"
    )
    return "".join(lines)


def _thinned(moments: tuple[Moment, ...], most: int = 400) -> tuple[Moment, ...]:
    """At most so many, evenly, the last one among them."""
    step = max(1, -(-len(moments) // most))
    kept = moments[::step]
    return kept if kept[-1] is moments[-1] else (*kept, moments[-1])


def verdicts_chart(verdicts: Sequence[SeenVerdict], tolerated: float, title: str, *, narrow: bool = False) -> str:
    """A line a metric that is compared: all ratios that are not refuted as a bar, the ratio as a dot, the tolerated one
    as a mark. `verdicts` as a look records them; what has no ratio is named without a picture. narrow: for a phone,
    with each name above its bar."""
    left, width, rows = (12, 380, 46) if narrow else (220, _WIDTH, 34)
    marks = _MARKS[::2] if narrow else _MARKS

    def x(ratio: float | None, otherwise: float) -> float:
        inside = min(max(otherwise if ratio is None else ratio, _LOWEST), _HIGHEST)
        return round(left + math.log(inside / _LOWEST) / math.log(_HIGHEST / _LOWEST) * (width - left - _RIGHT), 1)

    bottom = _TOP + rows * max(1, len(verdicts))
    body = [
        f'<line class="line" x1="{x(mark, 1)}" x2="{x(mark, 1)}" y1="{_TOP - 6}" y2="{bottom}"/>'
        f'<text x="{x(mark, 1)}" y="{bottom + 18}" text-anchor="middle">{Fraction(mark)}×</text>'
        for mark in marks
    ]
    for number, verdict in enumerate(verdicts):
        y = _TOP + rows * number + (34 if narrow else rows // 2)
        unit = f" ({verdict.unit})" if verdict.unit and verdict.interval and narrow else ""
        body.append(f'<text x="12" y="{y - 12 if narrow else y + 4}">{escape(_named(verdict))}{escape(unit)}</text>')
        interval, ratio = verdict.interval, verdict.ratio
        state = verdict_pill(verdict.kind).state
        if interval:
            low, high = x(interval[0], _LOWEST), x(interval[1], _HIGHEST)
            body.append(
                f'<rect class="{state}" opacity="0.35" x="{low}" y="{y - 6}" width="{max(2.0, high - low):.1f}" '
                'height="12" rx="6"/>'
            )
        if ratio is not None:
            body.append(f'<circle class="{state}" cx="{x(ratio, 1)}" cy="{y}" r="5"/>')
    at = x(tolerated, 1)
    body.append(f'<line class="edge" x1="{at}" x2="{at}" y1="{_TOP - 6}" y2="{bottom}"/>')
    body.append(f'<text x="{at + 4}" y="{_TOP - 12}">tolerated: {tolerated:g}×</text>')
    body.append(
        f'<text class="soft" x="12" y="{bottom + 38}">new version over stable: dot, with its confidence interval</text>'
    )
    words = "; ".join(f"{called(v.metric)}: {within(v.kind)}: {v.sentence}" for v in verdicts)
    return svg(title, f"new version over stable, tolerated up to {tolerated:g}×. {words}", bottom + 48, body, width)


def _named(verdict: SeenVerdict) -> str:
    return f"{called(verdict.metric)}: {within(verdict.kind)}" + (
        "" if verdict.interval or verdict.ratio is not None else ", no ratio"
    )
