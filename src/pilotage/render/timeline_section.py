"""The timeline of a plan as a reader sees it: phases with their days, or the stages of a pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from pilotage.model.document import Section
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration
from pilotage.model.schedule import Phase, Stage
from pilotage.render.days import show_day


def timeline_section(plan: Plan) -> Section:
    timeline = plan.timeline
    if not timeline.phases:
        headers: tuple[str, ...] = ("stage", "usual time", "this plan", "activities", "approval")
        rows: tuple[tuple[str, ...], ...] = tuple(
            (
                stage.title, f"{format_duration(stage.shortest)}–{format_duration(stage.longest)}",
                _in_this_plan(stage), _names(stage.activities),
                "by a person, at the end" if stage.approval else "–",
            )
            for stage in timeline.stages
        )  # fmt: skip
        return Section("timeline", "Pipeline", (), headers, rows, (*timeline.afterwards, *timeline.on_failure))
    rows = tuple(_phase(phase) for phase in timeline.phases)
    dated = ("safe schedule", "shortest path") if plan.release_date else ()
    headers = ("phase", "open days", *dated, "activities", "milestones")
    return Section("timeline", "Timeline", tuple(_slack(plan)), headers, rows, timeline.afterwards)


def _slack(plan: Plan) -> Iterator[str]:
    timeline = plan.timeline
    if timeline.trains and not plan.release_date:
        yield from (f"{one[0].upper()}{one[1:]}." for one in timeline.trains.overlap)
    if timeline.latest_safe_start and timeline.latest_start:
        yield (
            f"Latest safe start: {show_day(timeline.latest_safe_start)}. Latest start at all: "
            f"{show_day(timeline.latest_start)}, {timeline.slack} open days later."
        )
    if timeline.flag_removal:
        yield f"Remove the flag's code by {show_day(timeline.flag_removal)}."


def _phase(phase: Phase) -> tuple[str, ...]:
    length = str(phase.longest) if phase.shortest == phase.longest else f"{phase.shortest}–{phase.longest}"
    milestones = "; ".join(f"{m.title} {m.due:%m-%d}" if m.due else m.title for m in phase.milestones)
    spans = (
        (_span(phase.start, phase.end), _span(phase.latest_start, phase.latest_end))
        if phase.start and phase.end and phase.latest_start and phase.latest_end
        else ()
    )
    return (
        f"{phase.title}{' (done)' if phase.done else ''}",
        length,
        *spans,
        _names(tuple(a.id for a in phase.activities)),
        milestones,
    )


def _span(first: date, last: date) -> str:
    return f"{first} … {last}" if first != last else str(first)


def _names(activities: tuple[str, ...]) -> str:
    return ", ".join(activity.replace("_", " ") for activity in activities)


def _in_this_plan(stage: Stage) -> str:
    """How long the stage takes. Without a way, whatever comes before the rollout is the work of the team's own
    pipeline; with one, its stages take what they take."""
    if stage.estimate is None:
        return "your pipeline" if stage.source.startswith("R10") else "–"
    return format_duration(stage.estimate) if stage.estimate else "its checks"
