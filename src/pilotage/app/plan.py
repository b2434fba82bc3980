"""From a configuration to a plan; apart from the store, so that planning needs no database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from pilotage.adapters import registry
from pilotage.config.loading import Loaded
from pilotage.config.models import TrafficSection
from pilotage.engine.targets import capabilities_of
from pilotage.model.answers import Answers
from pilotage.model.capabilities import Port
from pilotage.model.plan import Plan, StepKind
from pilotage.model.quantity import format_duration
from pilotage.model.risk import Assessment
from pilotage.model.traffic import WHOLE
from pilotage.plan.making import Acceptance, Service, Traffic, make_plan
from pilotage.plan.numbers import Override


@dataclass(frozen=True)
class Wish:
    """What is asked of a plan beside the configuration. changes: answers given anew, for a what-if · risk: of the
    change that the version brings."""

    version: str
    release_date: date | None = None
    today: date | None = None
    done: Iterable[str] = ()
    accept: Mapping[str, Acceptance] = field(default_factory=dict)
    changes: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    risk: Assessment | None = None
    going_back: bool = False
    """The way back is planned whatever the target can do: nothing may block it."""


def plan_for(loaded: Loaded, environment: str, wish: Wish) -> Plan:
    """The plan for a wish, its overrides traced to their lines. Raises ValueError with what is wrong."""
    from pilotage.config.calendars import calendar_of

    recorded = {
        name: Acceptance(reason, "pilotage.yaml", loaded.place("accept", name))
        for name, reason in loaded.configuration.accept.items()
    }
    plan = make_plan(
        changed(loaded.configuration.answers.to_answers(), wish.changes),
        version=wish.version,
        release_date=wish.release_date,
        today=wish.today,
        done=wish.done,
        service=service_of(loaded, environment),
        calendar=calendar_of(loaded, wish.release_date),
        accept={**recorded, **wish.accept},
        risk=wish.risk,
        target=None if wish.going_back else capabilities_of(loaded.configuration.environments[environment]),
    )
    traffic = loaded.configuration.environments[environment].traffic
    return replace(plan, notes=(*plan.notes, *_forecasts(plan, traffic))) if traffic else plan


def _forecasts(plan: Plan, traffic: TrafficSection) -> Iterator[str]:
    """When the judge will know of twice as many errors, at each share that is watched; a warning where too late."""
    from pilotage.judge.forecast import time_to_decision
    from pilotage.model.quantity import format_share

    usual = f"{traffic.requests_per_second:g} requests a second, {format_share(traffic.error_rate)} of them errors"
    for step in plan.steps:
        if step.ramp or step.kind not in (StepKind.ANALYSE, StepKind.BATCH) or not 0 < step.weight < WHOLE:
            continue
        found = time_to_decision(
            requests=traffic.requests_per_second,
            share=step.weight / WHOLE,
            base_rate=traffic.error_rate,
            harm=2,
            tolerated_ratio=plan.number("judge.tolerated_ratio"),
            alpha=plan.number("judge.false_rollback"),
        )
        known = f"known after {found.span}" if found.span else "never known"
        late = (
            ""
            if found.seconds <= step.duration
            else f", longer than the {format_duration(step.duration)} it is watched"
        )
        yield f"at {usual}, twice as many of them at {format_share(step.weight / WHOLE)} would be {known}{late}"


def service_of(loaded: Loaded, environment: str) -> Service:
    """What the plan needs to know of the service there."""
    section = loaded.configuration.environments[environment]
    overrides = {
        path: Override(value, loaded.place("environments", environment, "overrides", path))
        for path, value in section.overrides.items()
    }
    signals: Iterable[str] = section.analysis.signals if section.analysis else ()
    measured = {
        **dict.fromkeys(registry.of(Port.METRICS, section.metrics).capabilities.provides, section.metrics.kind),
        **dict.fromkeys(registry.of(Port.FLEET, section.fleet).capabilities.provides, section.fleet.kind),
        **dict.fromkeys(signals, "prometheus"),
    }
    usual = section.traffic
    return Service(
        loaded.configuration.service, environment, section.fleet.count, overrides, measured, section.downtime,
        Traffic(usual.requests_per_second, usual.error_rate) if usual else None,
    )  # fmt: skip


class UnknownAnswer(ValueError):
    """A what-if that names no question, or an answer that it does not have."""


def changed(answers: Answers, changes: Mapping[str, str | tuple[str, ...]]) -> Answers:
    """The answers with some given anew. Raises UnknownAnswer."""
    given = {name: getattr(answers, name) for name in Answers.__dataclass_fields__}
    for name, answer in changes.items():
        if name not in given:
            raise UnknownAnswer(f"there is no question called {name!r}; there are {', '.join(given)}")
        try:
            given = {**given, name: answer}
            Answers(**given)
        except ValueError:
            present: StrEnum = answers.stakeholders[0] if name == "stakeholders" else getattr(answers, name)
            shown = answer if isinstance(answer, str) else ", ".join(answer)
            raise UnknownAnswer(f"{name}: {shown!r} is not one of {', '.join(type(present))}") from None
    return Answers(**given)
