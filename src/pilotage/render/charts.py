"""The timeline as a Gantt chart and the rollout as a staircase, as SVG that is readable on light and dark
backgrounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape

from pilotage.model.plan import Plan, Step
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.schedule import open_days
from pilotage.model.traffic import WHOLE
from pilotage.render.days import show_day
from pilotage.render.sections import headline

_WIDTH, _LABELS, _ROW, _TOP = 960, 150, 34, 44
_STYLE = """
.pg-chart{font:13px system-ui,sans-serif;--ink:#1c2733;--soft:#5b6670;--line:#d4dae0;--bar:#7fb2e5;--core:#1f6fb5;\
--mark:#a64b00;--paper:#fff}
@media (prefers-color-scheme:dark){.pg-chart{--ink:#e8edf2;--soft:#a9b4be;--line:#3a444e;--bar:#2c5a86;--core:#7cbcf5;\
--mark:#ffb066;--paper:#14191e}}
.pg-chart text{fill:var(--ink)} .pg-chart .soft{fill:var(--soft)} .pg-chart .line{stroke:var(--line);fill:none}
.pg-chart .bar{fill:var(--bar)} .pg-chart .core{fill:var(--core)} .pg-chart .mark{fill:var(--mark)}
.pg-chart .stair{stroke:var(--core);stroke-width:3;fill:none} .pg-chart .paper{fill:var(--paper)}
.pg-chart .quiet{stroke:var(--bar);stroke-width:2;fill:none} .pg-chart .stair{stroke-linejoin:round}
.pg-chart .edge{stroke:var(--mark);stroke-dasharray:6 4}
"""


@dataclass(frozen=True)
class _Bar:
    """One row: its wide bar and, inside it, the shortest; marks are (position, title). All in the axis' unit."""

    title: str
    note: str
    wide: tuple[float, float]
    core: tuple[float, float]
    marks: tuple[tuple[float, str], ...] = ()


def gantt(plan: Plan) -> str:
    """The phases of a scheduled release (days, or open days without a date), or a pipeline's stages (minutes)."""
    bars, unit, start = _bars(plan)
    end = max((bar.wide[1] for bar in bars), default=1.0) or 1.0
    height = _TOP + _ROW * len(bars) + 30
    scale = (_WIDTH - _LABELS - 20) / end

    def x(position: float) -> float:
        return round(_LABELS + position * scale, 1)

    body = [*_axis(end, unit, start, height, x)]
    for index, bar in enumerate(bars):
        top = _TOP + index * _ROW
        body.append(f'<text x="8" y="{top + 17}">{escape(bar.title)}</text>')
        for kind, (left, right), inset in (("bar", bar.wide, 0), ("core", bar.core, 7)):
            width = max(2.0, round((right - left) * scale, 1))
            body.append(
                f'<rect class="{kind}" x="{x(left)}" y="{top + inset}" width="{width}" '
                f'height="{24 - 2 * inset}" rx="3"><title>{escape(bar.note)}</title></rect>'
            )
        body += [
            f'<circle class="mark" cx="{x(at)}" cy="{top + 12}" r="4"><title>{escape(title)}</title></circle>'
            for at, title in bar.marks
        ]
    title = f"{headline(plan)}: {'phases' if plan.timeline.phases else 'pipeline'}"
    return svg(title, _description(bars), height, body)


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


def _axis(end: float, unit: str, start: date | None, height: float, x: Callable[[float], float]) -> Iterator[str]:
    spacing = next((s for s in (1, 2, 5, 7, 14, 28, 60, 120, 240, 480, 960, 1920, 3840) if end / s <= 10), end / 10)
    for index in range(int(end / spacing) + 1):
        at = index * spacing
        label = f"{start + timedelta(days=at):%d %b}" if start else f"{at:g}"
        yield f'<line class="line" x1="{x(at)}" x2="{x(at)}" y1="{_TOP - 10}" y2="{height - 22}"/>'
        yield f'<text class="soft" x="{x(at)}" y="{_TOP - 18}" text-anchor="middle">{label}</text>'
    if unit:
        yield f'<text class="soft" x="8" y="{_TOP - 18}">{unit}</text>'
    legend = (
        "light: longest time, dark: shortest time"
        if unit != "minutes"
        else "light: longest time, dark: shortest or estimated time"
    )
    yield f'<text class="soft" x="{_LABELS}" y="{height - 6}">{legend}</text>'


def _description(bars: list[_Bar]) -> str:
    return "; ".join(bar.note for bar in bars)


def staircase(plan: Plan) -> str:
    """The share of users on the new version (with the flag on), step by step. The width of a wait shows its
    duration."""
    points, labels = _points(plan.steps)
    height, left, right, top = 300, 60, 20, 24
    floor = height - 60
    scale = (_WIDTH - left - right) / (points[-1][0] or 1)

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return round(left + point[0] * scale, 1), round(floor - point[1] * (floor - top), 1)

    body = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        _, y = at((0, share))
        body.append(f'<line class="line" x1="{left}" x2="{_WIDTH - right}" y1="{y}" y2="{y}"/>')
        body.append(f'<text class="soft" x="{left - 8}" y="{y + 4}" text-anchor="end">{share:.0%}</text>')
    path = " ".join(f"{'L' if index else 'M'}{x} {y}" for index, (x, y) in enumerate(map(at, points)))
    body.append(f'<path class="stair" d="{path}"/>')
    free = 0.0
    for point, label in labels:
        x, _ = at(point)
        # A label that would run into the one before it, or over the edge, is left out; the table has them all.
        if free <= x <= _WIDTH - 7.2 * len(label):
            body.append(f'<text x="{x}" y="{floor + 18}">{escape(label)}</text>')
            free = x + 7.2 * len(label) + 8
    foot = f"width = duration; {format_duration(plan.watched)} in total"
    body.append(f'<text class="soft" x="{left}" y="{height - 8}">{foot}</text>')
    described = "; ".join(f"{step.title}: {format_share(step.weight / WHOLE)}" for step in plan.steps)
    return svg(f"{headline(plan)}: users on the new version", described, height, body)


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
            name = step.audience or format_share(level)
            labels.append(((now, level), f"{name} {format_duration(step.duration)}"))
        now += width
        points.append((now, share))
    return points, labels


def svg(title: str, description: str, height: float, body: list[str], width: float = _WIDTH) -> str:
    """A chart of the usual size and colours around `body`, with a description for screen readers."""
    inside = "\n".join(body)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="pg-chart" role="img" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}"><title>{escape(title)}</title><desc>{escape(description)}</desc>'
        f"<style>{_STYLE}</style>"
        f'<rect class="paper" width="{width:g}" height="{height:g}"/>\n{inside}\n</svg>\n'
    )
