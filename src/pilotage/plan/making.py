"""Makes the plan of a canary release (R2, R13, R18): pure, and the same bytes for the same inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from pilotage.model.answers import Answers, DeploymentStrategy
from pilotage.model.plan import FORMAT, Plan, Rollback, Setting, Step, StepKind
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.traffic import WHOLE, instances_for
from pilotage.plan.numbers import Override, settings, show_value


class PlanRefused(ValueError):
    """No plan can be made from these inputs; says which one and what would do."""


@dataclass(frozen=True)
class Service:
    """What the plan needs to know of the service in one environment.

    instances: how many carry all traffic · overrides: plan numbers by path, from `pilotage.yaml`.
    """

    name: str = "service"
    environment: str = "production"
    instances: int = 1
    overrides: Mapping[str, Override] = field(default_factory=dict)


@dataclass(frozen=True)
class Calendar:
    """Days on which nothing may be released. Weekends never count as working days (R11)."""

    frozen: frozenset[date] = frozenset()

    def latest_working_day(self, wanted: date) -> date:
        """`wanted`, or the nearest working, unfrozen day before it (C14). Raises PlanRefused after a year."""
        for back in range(366):
            day = wanted - timedelta(days=back)
            if day.weekday() < 5 and day not in self.frozen:
                return day
        raise PlanRefused(f"every day of the year before {wanted} is frozen: open a day in the calendar")


def make_plan(
    answers: Answers,
    *,
    version: str,
    release_date: date | None = None,
    service: Service | None = None,
    calendar: Calendar | None = None,
) -> Plan:
    """The plan for releasing `version`.

    Weights are per mille of requests, durations seconds. Raises PlanRefused when the answers ask for what
    cannot be planned, and BadOverride (a ValueError too) for an override that names no number or a wrong one.
    """
    if answers.deployment_strategy is not DeploymentStrategy.CANARY:
        raise PlanRefused(
            f"deployment_strategy {answers.deployment_strategy} cannot be planned yet: the strategy that can is canary"
        )
    if not version:
        raise PlanRefused("version: name the version to release, such as 2.4.0")
    service = service or Service()
    if service.instances < 1:
        raise PlanRefused(f"instances: {service.instances} carry no traffic; 1 is the least")
    numbers = {setting.path: setting for setting in settings(answers.risk_tolerance, service.overrides)}
    day, moved = _release_day(release_date, calendar or Calendar())
    return Plan(
        format=FORMAT,
        service=service.name,
        environment=service.environment,
        version=version,
        answers=answers,
        release_date=day.isoformat() if day else None,
        instances=service.instances,
        settings=tuple(numbers.values()),
        steps=tuple(_canary_steps(numbers, service.instances)),
        rollback=_rollback(numbers),
        notes=moved,
    )


def _release_day(wanted: date | None, calendar: Calendar) -> tuple[date | None, tuple[str, ...]]:
    if wanted is None:
        return None, ()
    day = calendar.latest_working_day(wanted)
    if day == wanted:
        return day, ()
    return day, (f"{wanted} is a free or frozen day: the release moved earlier, to {day} (C14)",)


def _canary_steps(numbers: Mapping[str, Setting], full: int) -> Iterator[Step]:
    """R13, in the order of the execution rules: write, read back, watch; at the end bake, drain, retire."""
    weights = numbers["canary.weights"].value
    assert isinstance(weights, tuple)
    start, switch = _seconds(numbers, "canary.start_deadline"), _seconds(numbers, "canary.switch_deadline")
    hold = _seconds(numbers, "hold.duration")
    before = 0
    for weight in weights:
        share, count = format_share(weight / WHOLE), instances_for(weight, full)
        back = f"all requests to stable ({format_share(before / WHOLE)} before)"
        if numbers["canary.approval"].value:
            yield Step(
                f"approve-{share}", StepKind.GATE, f"approval to send {share}", before, instances_for(before, full),
                0, _seconds(numbers, "canary.approval_deadline"), "nothing to undo",
            )  # fmt: skip
        yield Step(
            f"scale-{share}", StepKind.SCALE, f"{count} healthy canary instance{'s' if count > 1 else ''}",
            before, count, 0, start, "retire the canary",
        )  # fmt: skip
        yield Step(
            f"weight-{share}", StepKind.SET_WEIGHT, f"{share} of requests to the canary, read back from the router",
            weight, count, 0, switch, back,
        )  # fmt: skip
        kind = StepKind.BAKE if weight == WHOLE else StepKind.ANALYSE
        watch = _seconds(numbers, "canary.bake_duration" if weight == WHOLE else "canary.phase_duration")
        title = f"watch {share} for {format_duration(watch)}"
        yield Step(f"{kind}-{share}", kind, title, weight, count, watch, watch + hold, back)
        before = weight
    drain = _seconds(numbers, "canary.drain_duration")
    undo = "all requests to stable"
    title = "stable gets no new requests and finishes its old ones"
    yield Step("drain", StepKind.DRAIN, title, WHOLE, full, drain, drain + start, undo)
    undo = "start the old version again, then all requests to it"
    yield Step("retire", StepKind.RETIRE, "the old version stops", WHOLE, full, 0, start, undo)


def _rollback(numbers: Mapping[str, Setting]) -> Rollback:
    def show(path: str) -> str:
        return show_value(numbers[path].unit, numbers[path].value)

    auto = numbers["limits.rollback_auto"].value
    harm = "at once" if auto else f"after a hold of {show('hold.answer_deadline')} that nobody answers"
    return Rollback(
        moves=(
            "all requests to stable, read back from the router",
            f"the canary finishes its old requests ({show('canary.drain_duration')})",
            "the canary stops",
        ),
        triggers=(
            f"error rate above {show('limits.error_rate')}, stable's not as high: at once (R18, C1)",
            "an instance of the canary dies: at once",
            f"errors more than {show('judge.tolerated_ratio')} stable's: {harm} (R18, C1)",
            f"95th percentile above {show('limits.latency_factor')} stable's: {harm} (R18, C1)",
            f"memory above {show('limits.memory_factor')} a stable instance's: {harm} (R19, C1)",
            f"no data or no clear answer for {show('hold.duration')}: {show('hold.then')} (rule 5)",
        ),
        deadline=_seconds(numbers, "rollback.deadline"),
    )


def _seconds(numbers: Mapping[str, Setting], path: str) -> float:
    value = numbers[path].value
    assert isinstance(value, int | float)
    return float(value)
