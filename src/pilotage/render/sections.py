"""What a reader sees of a plan, once for terminal, Markdown and HTML: titles, sentences and tables."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from zoneinfo import ZoneInfo

from pilotage.model.document import Section
from pilotage.model.impact import Facts
from pilotage.model.plan import Plan, Step
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.risk import Assessment
from pilotage.model.schedule import Conflict, Message, OnCall, Shift
from pilotage.model.traffic import WHOLE
from pilotage.model.wording import counted
from pilotage.plan.attendance import outside_hours
from pilotage.plan.first_deployment import NO_WAY_BACK
from pilotage.plan.monitoring import UNKNOWN_FOR, limit_in_words
from pilotage.plan.values import origin, show_value
from pilotage.render.days import show_day, show_instant
from pilotage.render.risk_words import CONTEXT, actions, doubt, level_word, most_harmful, reading
from pilotage.render.timeline_section import timeline_section
from pilotage.render.wave_section import waves_section


def sections(plan: Plan) -> tuple[Section, ...]:
    """Every part of the plan, in the order in which a release meets them."""
    return (
        _answers(plan),
        *((_conflicts(plan),) if plan.conflicts else ()),
        timeline_section(plan),
        _readiness(plan),
        *((_risk(plan.risk),) if plan.risk else _unknown_risk(plan.risk_unknown)),
        _steps(plan),
        *((waves_section(plan),) if plan.waves else ()),
        *((_attendance(plan),) if plan.on_call else ()),
        _rollback(plan),
        _health(plan),
        _alerts(plan),
        _communication(plan),
        _retrospective(plan),
        _numbers(plan),
    )


IDS = (
    "answers", "conflicts", "timeline", "readiness", "risk", "steps", "waves", "on-call", "rollback", "health",
    "alerts", "communication", "retrospective", "settings",
)  # fmt: skip


def headline(plan: Plan) -> str:
    """`shop 2.4.0 → production`."""
    return f"{plan.service} {plan.version} → {plan.environment}"


def summary(plan: Plan) -> str:
    """One line: what, how, how long, when."""
    when = f", complete on {show_day(plan.release_date)}" if plan.release_date else ""
    kind, strategy = plan.answers.release_type, plan.answers.deployment_strategy
    if plan.first:
        return f"{kind} release, first deployment: all users get it at once, with no earlier version to return to{when}"
    least, undo = format_duration(plan.watched), format_duration(plan.rollback.timeout)
    return (
        f"{kind} release, {strategy}, risk tolerance {plan.answers.risk_tolerance}: "
        f"takes at least {least}, rollback within {undo}{when}"
    )


def _answers(plan: Plan) -> Section:
    a, facts = plan.answers, plan.facts
    rows = (
        ("release type", a.release_type, f"{facts.scope}; impact {facts.impact}"),
        (
            "deployment strategy",
            a.deployment_strategy,
            f"{counted(len(plan.steps), 'step')}, {counted(plan.instances, 'instance')}",
        ),
        ("team size", a.team_size, f"retrospective of {plan.retrospective.minutes} minutes"),
        ("release frequency", a.release_frequency, _planning(facts)),
        ("risk tolerance", a.risk_tolerance, f"error rate up to {_limit(plan, 'rollback_triggers.error_rate')}"),
        ("stakeholders", ", ".join(a.stakeholders), counted(len(plan.communication), "message")),
    )
    return Section("answers", "Answers", (), ("question", "answer", "effect"), rows)


def _planning(facts: Facts) -> str:
    words = f"planning {facts.planning}, execution {facts.execution}"
    if facts.planning_from is None or facts.planning_by is None:
        return words
    return f"{words}; planning begins between {facts.planning_from} and {facts.planning_by}"


def _limit(plan: Plan, path: str) -> str:
    setting = plan.setting(path)
    return show_value(setting.unit, setting.value)


def _conflicts(plan: Plan) -> Section:
    stops = len(plan.stopped_by)
    sentence = (
        f"{stops} of them block{'s' if stops == 1 else ''} the deployment until you accept it with "
        '`--accept NAME --reason "…"`.'
        if stops
        else "None of them blocks the deployment."
    )
    rows = tuple((c.name, c.explanation, ", ".join(c.between), c.relaxation, _standing(c)) for c in plan.conflicts)
    return Section(
        "conflicts", "Conflicts", (sentence,),
        ("conflict", "problem", "between", "smallest change that solves it", "status"), rows,
    )  # fmt: skip


def _unknown_risk(why: str) -> tuple[Section, ...]:
    return (Section("risk", "Risk", (f"Unknown: {why}.",)),) if why else ()


def _risk(risk: Assessment) -> Section:
    rows = tuple((f.factor, level_word(f), f.sentence) for f in risk.factors)
    return Section(
        "risk", "Risk",
        (
            f"{risk.level.upper()}: {risk.lead}.", *doubt(risk), *most_harmful(risk),
            f"Recommendation: {risk.advice}.", CONTEXT,
        ),
        ("factor", "level", "why"), rows, (*actions(risk), *reading(risk), *risk.notes),
    )  # fmt: skip


def _standing(conflict: Conflict) -> str:
    if conflict.reason:
        return f"accepted by {conflict.accepted_by}: {conflict.reason}"
    return "blocks" if conflict.blocking else "warning"


def _readiness(plan: Plan) -> Section:
    rows = tuple(
        (item.title, item.requirement, item.owner, item.evidence, show_day(item.due), item.note or "–")
        for item in plan.readiness
    )
    return Section(
        "readiness", "Readiness", (_items_in_words(plan),),
        ("item", "required", "owner", "evidence", "due", "note"), rows,
    )  # fmt: skip


def _items_in_words(plan: Plan) -> str:
    exempt = sum(not item.blocking for item in plan.readiness)
    words = f"{len(plan.readiness)} items. "
    words += "With `readiness` in pilotage.yaml, an item without valid evidence blocks the deployment."
    return words + f" {exempt} of them do not apply here, as their notes say." * bool(exempt)


def _steps(plan: Plan) -> Section:
    rows = tuple(_step(plan, number, step) for number, step in enumerate(plan.steps, 1))
    headers: tuple[str, ...] = ("#", "step", "new version", "instances", "takes", "timeout", "if it fails")
    if plan.first and all(step.undo == NO_WAY_BACK for step in plan.steps):
        headers, rows = headers[:-1], tuple(row[:-1] for row in rows)
    return Section(
        "steps", "Steps", (f"{_how_long(plan)} A step ends only when its result is confirmed.",), headers, rows,
        numbers=("#", "new version", "instances", "takes", "timeout"),
    )  # fmt: skip


def _how_long(plan: Plan) -> str:
    if plan.first:
        return "There is no earlier version: no step compares, and if one fails, the rollout fails."
    return f"At least {format_duration(plan.watched)} in all."


def _step(plan: Plan, number: int, step: Step) -> tuple[str, ...]:
    users = "closed" if step.downtime else step.audience or format_share(step.weight / WHOLE)
    watches = format_duration(step.duration) if step.duration else "–"
    return (
        str(number), step.title, users, f"{step.instances} of {plan.instances}", watches,
        format_duration(step.timeout), "–" if step.undo == NO_WAY_BACK else step.undo,
    )  # fmt: skip


def _attendance(plan: Plan) -> Section:
    outside = outside_hours(plan.on_call)
    sentence = (
        f"{format_duration(outside.total_seconds())} are outside the working hours of every zone."
        if outside
        else "The working hours of the zones cover all of it."
    )
    rows = tuple(row for wave in plan.on_call for row in _wave(plan, wave))
    headers = ("step", "duty", "from", "until", "zone", "hours", *(f"in {zone}" for zone in plan.zones[1:]))
    return Section("on-call", "On call", (sentence,), headers, rows)


def _wave(plan: Plan, wave: OnCall) -> Iterator[tuple[str, ...]]:
    for number, shift in enumerate(wave.shifts):
        elsewhere = (_in_zone(shift, zone) for zone in plan.zones[1:])
        duty = "as above" if number else f"{wave.duty}: {wave.reason}"
        yield (
            wave.title, duty, show_instant(shift.begins), show_instant(shift.ends),
            shift.zone, "outside working hours" if shift.outside else "working hours", *elsewhere,
        )  # fmt: skip


def _in_zone(shift: Shift, zone: str) -> str:
    begins, ends = (instant.astimezone(ZoneInfo(zone)) for instant in (shift.begins, shift.ends))
    return f"{begins:%a %H:%M} – {ends:%a %H:%M}"


def _rollback(plan: Plan) -> Section:
    rollback = plan.rollback
    return Section(
        "rollback", "Rollback",
        (
            f"{_way_back(plan)} Triggers:",
            *(f"• {trigger}" for trigger in rollback.triggers),
        ),
        ("#", "step"), tuple((str(number), move) for number, move in enumerate(rollback.steps, 1)),
        () if plan.first else rollback.next_steps, ("#",),
    )  # fmt: skip


def _way_back(plan: Plan) -> str:
    limit = f"at most {format_duration(plan.rollback.timeout)}; after that, Pilotage pages an operator."
    if not plan.first:
        return f"Takes {limit}"
    again = "Then find the cause in the rollout's log, and deploy again."
    if plan.rollback.steps:
        return f"There is no earlier version; the flag goes off, which takes {limit} {again}"
    return f"There is no earlier version: the rollout fails, and Pilotage pages an operator. {again}"


def _health(plan: Plan) -> Section:
    rows = tuple(
        (h.title, f"{_limit(plan, h.limit)} ({h.limit})", h.compared_with, h.provided_by or "nothing")
        for h in plan.health
    )
    return Section("health", "Health", (), ("metric", "limit", "against", "measured by"), rows)


def _alerts(plan: Plan) -> Section:
    rows = tuple(
        (
            a.title, f"{a.metric.replace('_', ' ')} {limit_in_words(a, _limit(plan, a.limit_from))}",
            format_duration(a.seconds) if a.seconds and a.comparison != UNKNOWN_FOR else "–",
            a.severity, a.action.replace("_", " "), ", ".join(a.channels),
        )
        for a in plan.alerts
    )  # fmt: skip
    return Section("alerts", "Alerts", (), ("alert", "condition", "for", "severity", "action", "channels"), rows)


def _communication(plan: Plan) -> Section:
    rows = tuple(
        (_when(message), message.audience, message.title, message.channel, message.owner, message.draft)
        for message in plan.communication
    )
    waivers = tuple(message.catch_up.waiver for message in plan.communication if message.catch_up)
    return Section(
        "communication", "Communication", waivers, ("when", "audience", "message", "channel", "owner", "draft"), rows
    )


def _when(message: Message) -> str:
    if message.due_at:
        return f"{show_instant(message.due_at)} ({message.lead})"
    return f"{show_day(message.due)} ({message.lead})" if message.due else str(message.lead)


def _retrospective(plan: Plan) -> Section:
    retro = plan.retrospective
    due = f", next on {show_day(retro.due)}" if retro.due else ""
    sentences = (
        f"{retro.timing.capitalize()}{due}, {retro.minutes} minutes; {retro.after_rollback}.",
        f"Required: {', '.join(retro.required)}. Optional: {', '.join(retro.optional)}.",
        f"Each action has: {', '.join(retro.action_fields)}. Follow-up: {'; '.join(retro.follow_up)}.",
    )
    rows = tuple(
        (item.title, f"{item.minutes} min", "in writing, beforehand" if item.asynchronous else "together")
        for item in retro.agenda
    )
    targets = tuple(
        f"{group}: " + "; ".join(f"{t.title} {t.goal} ({t.how})" for t in found)
        for group, found in groupby(retro.targets, key=lambda target: target.group)
    )
    return Section(
        "retrospective", "Retrospective", sentences, ("part", "time", "how"), rows, targets, numbers=("time",)
    )


def _numbers(plan: Plan) -> Section:
    rows = tuple((s.path, show_value(s.unit, s.value), origin(s.source), s.why) for s in plan.settings)
    later = ("Settings of the strategy act from the next version on.",) if plan.first else ()
    return Section("settings", "Settings", later, ("setting", "value", "source", "meaning"), rows)
