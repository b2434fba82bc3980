"""The differences between two plans by meaning: what changes, for whom, and because of which input (R3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import TypeVar

from pilotage.model.plan import Plan, Step
from pilotage.model.plan_change import PlanChange, Renotified
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.schedule import AlertRule, Message, Phase, Requirement, open_days
from pilotage.model.traffic import WHOLE
from pilotage.model.wording import counted
from pilotage.plan.attendance import outside_hours
from pilotage.plan.monitoring import limit_in_words
from pilotage.plan.values import origin, show_value
from pilotage.plan.wave_difference import of_waves

T = TypeVar("T")
NOTHING = "–"
QUESTIONS = (
    "release_type", "deployment_strategy", "team_size", "release_frequency", "risk_tolerance", "stakeholder_complexity",
)  # fmt: skip


def difference(before: Plan, after: Plan) -> tuple[PlanChange, ...]:
    """Every change from one plan to the other, the inputs first; empty when and only when they are the same."""
    inputs = tuple(_inputs(before, after))
    parts = (change for part, causes in _PARTS for change in part(before, after, _cause(inputs, causes)))
    return (*inputs, *parts) or tuple(_rest(before, after, _cause(inputs, ())))


def _cause(inputs: tuple[PlanChange, ...], causes: tuple[str, ...]) -> str:
    """The changed inputs that can have changed a part; all of them where none of its usual ones did."""
    likely = [change for change in inputs if change.what in causes] or inputs
    return "; ".join(f"{change.what}: {change.after}" for change in likely) or "the configuration"


def _inputs(a: Plan, b: Plan) -> Iterator[PlanChange]:
    for name, old, new in (
        ("service", a.service, b.service),
        ("environment", a.environment, b.environment),
        ("version", a.version, b.version),
        *((name, _show(getattr(a.answers, name)), _show(getattr(b.answers, name))) for name in QUESTIONS),
        ("release date", _show(a.release_date), _show(b.release_date)),
        ("instances", str(a.instances), str(b.instances)),
        ("first deployment", _yes(a.first), _yes(b.first)),
        ("zones", ", ".join(a.zones), ", ".join(b.zones)),
    ):
        if old != new:
            yield PlanChange("inputs", name, old, new, "everyone", "given")


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"


def _numbers(a: Plan, b: Plan, cause: str) -> Iterator[PlanChange]:
    def show(plan: Plan, path: str) -> str:
        setting = plan.setting(path)
        return show_value(setting.unit, setting.value)

    old, new = ({setting.path: setting for setting in plan.settings} for plan in (a, b))
    for path in dict.fromkeys((*old, *new)):
        if path not in new:
            yield PlanChange("settings", path, show(a, path), NOTHING, "operators", cause)
        elif path not in old:
            yield PlanChange("settings", path, NOTHING, show(b, path), "operators", origin(new[path].source))
        elif old[path].value != new[path].value:
            yield PlanChange("settings", path, show(a, path), show(b, path), "operators", origin(new[path].source))


def _pairs(a: tuple[T, ...], b: tuple[T, ...], key: Callable[[T], str]) -> Iterator[tuple[str, T | None, T | None]]:
    """Things of both by their key, in the order of the second and then what only the first has."""
    old, new = {key(thing): thing for thing in a}, {key(thing): thing for thing in b}
    for name in dict.fromkeys((*new, *old)):
        if old.get(name) != new.get(name):
            yield name, old.get(name), new.get(name)


def _steps(a: Plan, b: Plan, cause: str) -> Iterator[PlanChange]:
    for name, old, new in _pairs(a.steps, b.steps, lambda step: step.id):
        title = new.title if new else old.title if old else name
        yield PlanChange("steps", title, _step(old), _step(new), _users(old, new), _why(new, b) or cause)


def _step(step: Step | None) -> str:
    if step is None:
        return NOTHING
    watches = f" for {format_duration(step.duration)}" if step.duration else ""
    count = counted(step.instances, "instance")
    reach = "closed" if step.downtime else step.audience or format_share(step.weight / WHOLE)
    return f"{reach} on {count}{watches}, timeout {format_duration(step.timeout)}"


def _users(old: Step | None, new: Step | None) -> str:
    touched = any(step and (step.weight or step.audience or step.downtime) for step in (old, new))
    return "users" if touched else "operators"


def _why(step: Step | None, plan: Plan) -> str:
    sources = [f"{d.setting}: {origin(plan.setting(d.setting).source)}" for d in step.derived] if step else []
    return "; ".join(sources)


def _rollback(a: Plan, b: Plan, cause: str) -> Iterator[PlanChange]:
    if a.rollback == b.rollback:
        return
    if a.rollback.timeout != b.rollback.timeout:
        old, new = format_duration(a.rollback.timeout), format_duration(b.rollback.timeout)
        yield PlanChange("rollback", "done within", old, new, "users", cause)
    for name in ("steps", "triggers", "next_steps"):
        old_lines, new_lines = getattr(a.rollback, name), getattr(b.rollback, name)
        gone = [line for line in old_lines if line not in new_lines]
        come = [line for line in new_lines if line not in old_lines]
        if gone or come or old_lines != new_lines:
            yield PlanChange("rollback", name, "; ".join(gone) or NOTHING, "; ".join(come) or NOTHING, "users", cause)


def _timeline(a: Plan, b: Plan, cause: str) -> Iterator[PlanChange]:
    for name, old, new in _pairs(a.timeline.phases, b.timeline.phases, lambda phase: phase.id):
        if _phase(old) != _phase(new):
            yield PlanChange("timeline", name.replace("_", " "), _phase(old), _phase(new), "the team", cause)
    for name, was, will in _pairs(a.timeline.stages, b.timeline.stages, lambda stage: stage.id):
        shown = [f"{format_duration(stage.estimate or stage.longest)}" if stage else NOTHING for stage in (was, will)]
        yield PlanChange("timeline", name.replace("_", " "), shown[0], shown[1], "the team", cause)
    for title, before, after in (
        ("latest safe start", a.timeline.latest_safe_start, b.timeline.latest_safe_start),
        ("latest start", a.timeline.latest_start, b.timeline.latest_start),
        ("flag code removed by", a.timeline.flag_removal, b.timeline.flag_removal),
    ):
        if before != after:
            yield PlanChange("timeline", title, _show(before), _show(after), "the team", cause)


def _phase(phase: Phase | None) -> str:
    if phase is None:
        return NOTHING
    days = open_days(phase.shortest, phase.longest) + (", done" if phase.done else "")
    return f"{phase.start} … {phase.end}, {days}" if phase.start else days


def _readiness(a: Plan, b: Plan, cause: str) -> Iterator[PlanChange]:
    for _, old, new in _pairs(a.readiness, b.readiness, lambda item: item.id):
        item = new or old
        assert item is not None
        yield PlanChange("readiness", item.title, _item(old), _item(new), item.owner, cause)


def _item(item: Requirement | None) -> str:
    if item is None:
        return NOTHING
    note = f" ({item.note})" if item.note else ""
    when = f"by {item.due}" if item.due else f"in {item.phase.replace('_', ' ')}"
    return f"{item.requirement}, {when}{note}"


def _attendance(a: Plan, b: Plan, cause: str) -> Iterator[PlanChange]:
    if a.on_call == b.on_call:
        return
    old, new = (_awake(plan) for plan in (a, b))
    yield PlanChange("on-call", "outside working hours", old, new, "people on call", cause)


def _awake(plan: Plan) -> str:
    if not plan.on_call:
        return NOTHING
    first, last = plan.on_call[0].begins, plan.on_call[-1].ends
    outside = format_duration(outside_hours(plan.on_call).total_seconds())
    return f"{outside} between {first:%Y-%m-%d %H:%M} and {last:%Y-%m-%d %H:%M}"


def _communication(a: Plan, b: Plan, cause: str) -> Iterator[PlanChange]:
    for _, old, new in _pairs(a.communication, b.communication, lambda message: message.id):
        message = new or old
        assert message is not None
        if _due(old) != _due(new) or old is None or new is None:
            yield PlanChange("communication", message.title, _due(old), _due(new), message.audience, cause)
        else:
            what = f"{message.title}: its draft"
            yield PlanChange("communication", what, old.draft, new.draft, message.audience, cause)


def _due(message: Message | None) -> str:
    if message is None:
        return NOTHING
    day = f"{message.due_at:%Y-%m-%d %H:%M}" if message.due_at else str(message.due) if message.due else ""
    return f"{day} ({message.lead})" if day else str(message.lead)


def _conflicts(a: Plan, b: Plan, cause: str) -> Iterator[PlanChange]:
    for name, old, new in _pairs(a.conflicts, b.conflicts, lambda conflict: conflict.name):
        shown = [
            NOTHING if conflict is None else f"accepted: {conflict.reason}" if conflict.reason else conflict.explanation
            for conflict in (old, new)
        ]
        yield PlanChange("conflicts", name, shown[0], shown[1], "everyone", cause)


def _risk(a: Plan, b: Plan, cause: str) -> Iterator[PlanChange]:
    old, new = (NOTHING if r is None else f"{r.level}: {r.lead}; {r.advice}" for r in (a.risk, b.risk))
    if old != new:
        yield PlanChange("risk", "assessment", old, new, "approvers", cause)


def _alerts(a: Plan, b: Plan, cause: str) -> Iterator[PlanChange]:
    for _, old, new in _pairs(a.alerts, b.alerts, lambda alert: alert.id):
        alert = new or old
        assert alert is not None
        shown = [_alert(plan, found) for plan, found in ((a, old), (b, new))]
        reason = origin(b.setting(new.limit_from).source) if new else cause
        yield PlanChange("alerts", alert.title, shown[0], shown[1], "people on call", reason)


def _alert(plan: Plan, alert: AlertRule | None) -> str:
    if alert is None:
        return NOTHING
    setting = plan.setting(alert.limit_from)
    return f"{limit_in_words(alert, show_value(setting.unit, setting.value))}, {alert.severity}"


def _health(a: Plan, b: Plan, cause: str) -> Iterator[PlanChange]:
    for _, old, new in _pairs(a.health, b.health, lambda metric: metric.id):
        assert old is not None
        assert new is not None
        shown = [metric.provided_by or "nothing" for metric in (old, new)]
        yield PlanChange("health", f"{new.title} measured by", shown[0], shown[1], "operators", cause)


def _retrospective(a: Plan, b: Plan, cause: str) -> Iterator[PlanChange]:
    old, new = (
        f"{plan.retrospective.timing}, {plan.retrospective.minutes} minutes"
        + (f", {plan.retrospective.due}" if plan.retrospective.due else "")
        for plan in (a, b)
    )
    if old != new:
        yield PlanChange("retrospective", "held", old, new, "the team", cause)


def _rest(a: Plan, b: Plan, cause: str) -> Iterator[PlanChange]:
    """What no part above speaks of, by its key, so that two different plans never look the same."""
    old, new = a.to_dict_of_today(), b.to_dict_of_today()
    for key in old:
        if old[key] != new[key]:
            yield PlanChange("other", key, _short(old[key]), _short(new[key]), "operators", cause)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _show(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return NOTHING if value is None else str(value)


_OF_STEPS = ("deployment_strategy", "risk_tolerance", "instances", "first deployment")
_OF_DATES = ("release_type", *_OF_STEPS, "release_frequency", "release date", "zones")
_PARTS: tuple[tuple[Callable[[Plan, Plan, str], Iterator[PlanChange]], tuple[str, ...]], ...] = (
    (_numbers, ("deployment_strategy",)),
    (_steps, _OF_STEPS),
    (of_waves, _OF_STEPS),
    (_rollback, _OF_STEPS),
    (_timeline, _OF_DATES),
    (_readiness, (*_OF_DATES, "team_size", "stakeholder_complexity")),
    (_attendance, _OF_DATES),
    (_communication, ("stakeholder_complexity", "release_type", "release date", "version", "deployment_strategy")),
    (_conflicts, ()),
    (_risk, ()),
    (_alerts, ("deployment_strategy", "risk_tolerance")),
    (_health, ()),
    (_retrospective, ("team_size", "release_frequency", "release date")),
)
"""What compares each part, and the inputs that usually change it."""


def told_again(before: Plan, after: Plan, today: date) -> tuple[Renotified, ...]:
    """The audiences whose messages named a date that no longer holds, and were due by today."""
    if before.release_date == after.release_date:
        return ()
    told: dict[str, list[Message]] = {}
    for message in before.communication:
        if message.due and message.due <= today:
            told.setdefault(message.audience, []).append(message)
    return tuple(
        Renotified(audience, tuple(f"{m.title} ({m.channel}, {m.due})" for m in messages), messages[0].owner)
        for audience, messages in told.items()
    )


def by_part(changes: tuple[PlanChange, ...]) -> Mapping[str, tuple[PlanChange, ...]]:
    """The changes grouped by the part of the plan, in order."""
    parts = dict.fromkeys(change.part for change in changes)
    return {part: tuple(change for change in changes if change.part == part) for part in parts}
