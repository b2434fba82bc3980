"""The timeline as a Gantt chart and the rollout as a staircase: SVG, for pages and as files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape

from pilotage.model.plan import Plan, Step
from pilotage.model.quantity import format_duration, format_share, spoken_share
from pilotage.model.schedule import open_days
from pilotage.model.traffic import WHOLE
from pilotage.render.days import show_day
from pilotage.render.plan_page import spaced
from pilotage.render.sections import headline
from pilotage.render.stylesheet import chart_style

WIDE, HALF, NARROW = 960, 600, 360
"""Widths of charts: of a page or a file, of a column, and of a phone, where each label is above its bar."""

_ROW, _TOP = 34, 44


@dataclass(frozen=True)
class _Bar:
    """One row: its wide bar and, inside it, the shortest; marks are (position, title). All in the axis' unit."""

    title: str
    note: str
    wide: tuple[float, float]
    core: tuple[float, float]
    marks: tuple[tuple[float, str], ...] = ()


def gantt(plan: Plan, width: int = WIDE) -> str:
    """The phases of a scheduled release (days, or open days without a date), or a pipeline's stages (minutes)."""
    bars, unit, start = _bars(plan)
    narrow = width < HALF
    labels, row, inset = (8, 48, 18) if narrow else (126 if width < WIDE else 150, _ROW, 0)
    end = max((bar.wide[1] for bar in bars), default=1.0) or 1.0
    height = _TOP + row * len(bars) + 30
    scale = (width - labels - 20) / end

    def x(position: float) -> float:
        return round(labels + position * scale, 1)

    body = [*_axis(end, unit, start, height, x, max(4, width // 90))]
    for index, bar in enumerate(bars):
        top = _TOP + index * row + inset
        body.append(f'<text x="8" y="{top - 6 if narrow else top + 17}">{escape(bar.title)}</text>')
        for kind, (left, right), within in (("span", bar.wide, 0), ("sure", bar.core, 7)):
            length = max(2.0, round((right - left) * scale, 1))
            body.append(
                f'<rect class="{kind}" x="{x(left)}" y="{top + within}" width="{length}" '
                f'height="{24 - 2 * within}" rx="3"><title>{escape(bar.note)}</title></rect>'
            )
        body += [
            f'<circle class="event" cx="{x(at)}" cy="{top + 12}" r="4"><title>{escape(title)}</title></circle>'
            for at, title in bar.marks
        ]
    title = f"{headline(plan)}: {'phases' if plan.timeline.phases else 'pipeline'}"
    return svg(title, _description(bars), height, body, width)


def _bars(plan: Plan) -> tuple[list[_Bar], str, date | None]:
    timeline = plan.timeline
    if timeline.stages:
        return _stage_bars(plan), "minutes", None
    starts = [phase.start for phase in timeline.phases if phase.start]
    if not starts:
        return _length_bars(plan), "open days", None
    first, bars = starts[0], []
    for phase in timeline.phases:
        if not (phase.start and phase.end and phase.latest_start and phase.latest_end):
            continue
        wide = ((phase.start - first).days, (phase.end - first).days + 1)
        core = ((phase.latest_start - first).days, (phase.latest_end - first).days + 1)
        marks = tuple(((m.due - first).days + 0.5, f"{m.title}, {show_day(m.due)}") for m in phase.milestones if m.due)
        note = f"{phase.title}: {phase.start} … {phase.end}, shortest {phase.latest_start} … {phase.latest_end}"
        bars.append(_Bar(phase.title, note, wide, core, marks))
    return bars, "", first


def _length_bars(plan: Plan) -> list[_Bar]:
    bars, begin = [], 0
    for phase in plan.timeline.phases:
        note = f"{phase.title}: {open_days(phase.shortest, phase.longest)}"
        end = begin + phase.longest
        bars.append(_Bar(phase.title, note, (begin, end), (begin, begin + phase.shortest)))
        begin = end
    return bars


def _stage_bars(plan: Plan) -> list[_Bar]:
    bars, begin = [], 0.0
    for stage in plan.timeline.stages:
        most = max(stage.longest, stage.estimate or 0) / 60
        core = (stage.shortest if stage.estimate is None else stage.estimate) / 60
        note = f"{stage.title}: {format_duration(stage.shortest)}–{format_duration(stage.longest)}"
        if stage.estimate is not None:
            note += f", this plan {format_duration(stage.estimate)}"
        bars.append(_Bar(stage.title, note, (begin, begin + most), (begin, begin + core)))
        begin += most
    return bars


def _axis(
    end: float, unit: str, start: date | None, height: float, x: Callable[[float], float], most: int
) -> Iterator[str]:
    """most: how many labels there is room for."""
    spacings = (1, 2, 5, 7, 14, 28, 56, 60, 120, 240, 480, 960, 1920, 3840)
    spacing = next((s for s in spacings if end / s <= most), end / most)
    for index in range(int(end / spacing) + 1):
        at = index * spacing
        label = f"{start + timedelta(days=at):%d %b}" if start else f"{at:g}"
        place = "start" if x(at) < 20 else "middle" if x(end) - x(at) > 20 else "end"
        yield f'<line class="line" x1="{x(at)}" x2="{x(at)}" y1="{_TOP - 10}" y2="{height - 22}"/>'
        yield f'<text class="soft" x="{x(at)}" y="{_TOP - 18}" text-anchor="{place}">{label}</text>'
    if unit:
        yield f'<text class="soft" x="8" y="{_TOP - 32 if x(0) < 20 else _TOP - 18}">{unit}</text>'
    shortest = "shortest" if unit != "minutes" else "shortest or estimated"
    yield f'<text class="soft" x="{x(0)}" y="{height - 6}">broad: longest time, thin: {shortest} time</text>'


def _description(bars: list[_Bar]) -> str:
    return "; ".join(bar.note for bar in bars)


def staircase(plan: Plan, width: int = WIDE) -> str:
    """The share of users on the new version (with the flag on), step by step. The width of a wait shows its
    duration."""
    points, labels = _points(plan.steps)
    height, left, right, top = (300, 60, 20, 24) if width == WIDE else (240, 52, 8, 16)
    floor = height - 60
    scale = (width - left - right) / (points[-1][0] or 1)

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return round(left + point[0] * scale, 1), round(floor - point[1] * (floor - top), 1)

    body = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        _, y = at((0, share))
        body.append(f'<line class="line" x1="{left}" x2="{width - right}" y1="{y}" y2="{y}"/>')
        body.append(f'<text class="soft" x="{left - 8}" y="{y + 4}" text-anchor="end">{spoken_share(share)}</text>')
    corners = [at(point) for point in points]
    path = " ".join(f"{'L' if index else 'M'}{x} {y}" for index, (x, y) in enumerate(corners))
    body.append(f'<path class="under" d="{path} L{corners[-1][0]} {floor} Z"/><path class="stair" d="{path}"/>')
    free = 0.0
    for point, label in labels:
        x, _ = at(point)
        # A label that would run into the one before it, or over the edge, is left out; the table has them all.
        if free <= x <= width - 7.2 * len(label):
            body.append(f'<text x="{x}" y="{floor + 18}">{escape(label)}</text>')
            free = x + 7.2 * len(label) + 8
    takes = f"width = duration; {spaced(format_duration(plan.watched))} in total"
    foot = "first deployment: all users get it at once" if plan.first else takes
    body.append(f'<text class="soft" x="{left}" y="{height - 8}">{foot}</text>')
    described = "; ".join(f"{step.title}: {format_share(step.weight / WHOLE)}" for step in plan.steps)
    return svg(f"{headline(plan)}: users on the new version", described, height, body, width)


def _points(steps: tuple[Step, ...]) -> tuple[list[tuple[float, float]], list[tuple[tuple[float, float], str]]]:
    """Corners of the staircase as (width, share), and the position of each wait's label."""
    longest = max((step.duration for step in steps), default=0) or 1
    points: list[tuple[float, float]] = [(0.0, 0.0)]
    labels = []
    now, share = 0.0, 0.0
    for step in steps:
        level = step.weight / WHOLE
        if level != share:
            points += [(now, share), (now, level)]
            share = level
        width = 0.03 + step.duration / longest
        if step.duration:
            name = step.audience or spoken_share(level)
            labels.append(((now, level), f"{name}, {spaced(format_duration(step.duration))}"))
        now += width
        points.append((now, share))
    return points, labels


def svg(title: str, description: str, height: float, body: list[str], width: float = WIDE) -> str:
    """A chart around `body`, with a description for screen readers. Its classes have their style from the page that it
    is in; `picture` makes a file of it."""
    inside = "\n".join(body)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="pg-chart" role="img" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}"><title>{escape(title)}</title><desc>{escape(description)}</desc>\n'
        f'<rect class="paper" width="{width:g}" height="{height:g}"/>\n{inside}\n</svg>\n'
    )


def picture(chart: str) -> str:
    """The chart as a file of its own, readable on light and on dark backgrounds."""
    head, foot = chart.split("</desc>", 1)
    return f"{head}</desc><style>{chart_style()}</style>{foot}"
