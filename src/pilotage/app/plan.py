"""From a configuration to a plan, and from one plan to another. Planning needs no database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters import registry
from pilotage.app.configured_checks import configured_checks
from pilotage.app.project import Project, Unclear
from pilotage.app.trains import boards, off_train
from pilotage.app.way.making import stages_of
from pilotage.config.environment import TrafficSection
from pilotage.config.loading import Loaded
from pilotage.engine.execution.abilities import capabilities_of
from pilotage.model.acceptance import Acceptance
from pilotage.model.answers import SHORT_NAMES, Answers
from pilotage.model.capabilities import Port
from pilotage.model.errors import Invalid
from pilotage.model.flag import FlagPurpose
from pilotage.model.json import JsonObject, read_as
from pilotage.model.meeting import Guest
from pilotage.model.plan import Plan, StepKind
from pilotage.model.plan_change import PlanChange, Renotified
from pilotage.model.quantity import format_duration
from pilotage.model.risk import Assessment
from pilotage.model.schedule import Role
from pilotage.model.traffic import WHOLE
from pilotage.model.version import check_version
from pilotage.plan.difference import difference, told_again
from pilotage.plan.frame import Service
from pilotage.plan.making import Traffic, make_plan
from pilotage.plan.numbers import Override
from pilotage.plan.rollback import ANSWERS
from pilotage.plan.tenant_waves import WantedWaves

if TYPE_CHECKING:
    from pilotage.plan.reasons import Reason
    from pilotage.plan.trains import Departure
    from pilotage.render.trains import Line


@dataclass(frozen=True)
class PlanRequest:
    """The inputs of a plan besides the configuration. changes: other answers, for a what-if · risk: of the version's
    change · first: no version serves there yet, by `app.first_deployment.is_first` · as_update: as if one served."""

    version: str
    release_date: date | None = None
    today: date | None = None
    done: Iterable[str] = ()
    accept: Mapping[str, Acceptance] = field(default_factory=dict)
    changes: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    risk: Assessment | None = None
    risk_unknown: str = ""
    """Why there is none."""
    going_back: bool = False
    """A rollback is planned whatever the target can do: nothing may block it."""
    waves: WantedWaves | None = None
    """Of the environment's tenants, by `app.waves.with_waves`."""
    first: bool = False
    as_update: bool = False


def plan_for(loaded: Loaded, environment: str, wish: PlanRequest) -> Plan:
    """The plan for a wish, its overrides traced to their lines. Raises ValueError with what is wrong."""
    from pilotage.config.calendars import calendar_of

    if not wish.going_back:
        check_version(wish.version)
        _check_exemptions(loaded)
    recorded = {
        name: Acceptance(reason, "pilotage.yaml", loaded.place("accepted_conflicts", name))
        for name, reason in loaded.configuration.accepted_conflicts.items()
    }
    plan = make_plan(
        changed(loaded.configuration.answers.to_answers(), wish.changes),
        version=wish.version,
        release_date=wish.release_date,
        today=wish.today,
        done=wish.done,
        service=replace(service_of(loaded, environment), waves=wish.waves, first=wish.first),
        calendar=calendar_of(loaded, wish.release_date),
        accept={**recorded, **wish.accept},
        risk=wish.risk,
        target=None if wish.going_back else capabilities_of(loaded.configuration.environments[environment]),
    )
    plan = replace(plan, risk_unknown=wish.risk_unknown)
    if not wish.going_back:
        plan = replace(plan, notes=(*plan.notes, *off_train(loaded, plan)))
    traffic = loaded.configuration.environments[environment].traffic
    return replace(plan, notes=(*plan.notes, *_forecasts(plan, traffic))) if traffic else plan


def _forecasts(plan: Plan, traffic: TrafficSection) -> Iterator[str]:
    """When the judge will know of twice as many errors, at each share that is watched; a warning where too late."""
    from pilotage.judge.forecast import time_to_decision
    from pilotage.model.quantity import format_share

    usual = f"{traffic.requests_per_second:g} requests per second with {format_share(traffic.error_rate)} errors"
    for step in plan.steps:
        if step.ramp or step.kind not in (StepKind.ANALYSE, StepKind.BATCH) or not 0 < step.weight < WHOLE:
            continue
        found = time_to_decision(
            requests=traffic.requests_per_second,
            share=step.weight / WHOLE,
            base_rate=traffic.error_rate,
            harm=2,
            tolerated_ratio=plan.number("analysis.max_ratio"),
            alpha=plan.number("analysis.false_positive_rate"),
        )
        known = f"detected after {found.span}" if found.span else "never detected"
        late = (
            ""
            if found.seconds <= step.duration
            else f", longer than the {format_duration(step.duration)} it is watched"
        )
        yield f"at {usual}, twice as many errors at {format_share(step.weight / WHOLE)} would be {known}{late}"


def scrapes_pilotage(loaded: Loaded, environment: str) -> bool:
    """Whether a Prometheus scrapes Pilotage's own metrics page there."""
    section = loaded.configuration.environments[environment].monitoring
    return section is not None and section.metrics is not None


@dataclass(frozen=True, kw_only=True)
class FormatContext:
    """What forms of a plan show beside it. page: whether a Prometheus scrapes Pilotage's own metrics · notify: the
    configured channels · organizer: who invites, a mail address · guests: people with an address, by role · train: that
    a plan goes with, None where none is configured."""

    page: bool
    notify: tuple[JsonObject, ...]
    organizer: str
    guests: Mapping[Role, tuple[Guest, ...]]
    train: Callable[[Plan], tuple[Line, Departure] | None]


def format_context(project: Project, environment: str) -> FormatContext:
    from pilotage.app.meetings import guests_of, organizer_of

    channels = tuple(one.kept(project.whole.folder) for one in project.whole.configuration.notify)
    return FormatContext(
        page=scrapes_pilotage(project.loaded, environment), notify=channels,
        organizer=organizer_of(project.loaded, environment),
        guests={role: guests_of(project.loaded, [role], ()) for role in Role},
        train=partial(boards, project.loaded),
    )  # fmt: skip


def service_of(loaded: Loaded, environment: str) -> Service:
    """What the plan needs to know of the service there."""
    section = loaded.configuration.environments[environment]
    overrides = {
        path: Override(value, *loaded.line_and_column("environments", environment, "overrides", path))
        for path, value in section.overrides.items()
    }
    queried: Iterable[str] = section.analysis.queried if section.analysis else ()
    measured = {
        **dict.fromkeys(registry.of(Port.METRICS, section.metrics).can(section.metrics).provides, section.metrics.kind),
        **dict.fromkeys(registry.of(Port.FLEET, section.fleet).can(section.fleet).provides, section.fleet.kind),
        **dict.fromkeys(queried, "prometheus"),
        **({"user_satisfaction": ANSWERS} if section.analysis and section.analysis.takes_feedback else {}),
    }
    usual, readiness = section.traffic, loaded.configuration.readiness
    return Service(
        loaded.configuration.service, environment, section.fleet.count, overrides, measured, section.downtime,
        Traffic(usual.requests_per_second, usual.error_rate) if usual else None,
        readiness.not_for_us if readiness else {},
        configured_checks(loaded, environment),
        minds_alerts=section.monitoring is not None and section.monitoring.tells_alerts,
        rehearses=readiness is not None and readiness.staging == environment,
        prepares=registry.of(Port.FLEET, section.fleet).can(section.fleet).prepares,
        flag=section.flag.purpose if section.flag else FlagPurpose.RELEASE,
        segments={name: section.flag.segment_of(name) for name in section.flag.segments} if section.flag else None,
        way=stages_of(loaded)[0],
    )  # fmt: skip


def _check_exemptions(loaded: Loaded) -> None:
    """Raises UnknownItem for a name under readiness.not_for_us that is no item, or one that cannot be left out."""
    from pilotage.model.readiness import UnknownItem
    from pilotage.plan.readiness import NEVER_EXEMPT, every_item

    section, known = loaded.configuration.readiness, sorted(every_item())
    for name in section.not_for_us if section else ():
        place = loaded.place("readiness", "not_for_us", name)
        if name not in known:
            raise UnknownItem(f"{place}: no readiness item is called {name!r}; items are {', '.join(known)}")
        if name in NEVER_EXEMPT:
            raise UnknownItem(f"{place}: your answers require {name}. Change the answer, or waive it for one release")


class UnknownAnswer(Invalid):
    """`--what-if` names an unknown question, or an answer that it does not have."""


def changed(answers: Answers, changes: Mapping[str, str | tuple[str, ...]]) -> Answers:
    """The answers with some given again. Raises UnknownAnswer."""
    given = {name: getattr(answers, name) for name in Answers.__dataclass_fields__}
    for called, answer in changes.items():
        name = SHORT_NAMES.get(called, called)
        if name not in given:
            raise UnknownAnswer(f"no question is called {name!r}; there are {', '.join(given)}")
        try:
            given = {**given, name: answer}
            Answers(**given)
        except ValueError:
            present: StrEnum = answers.stakeholders[0] if name == "stakeholder_complexity" else getattr(answers, name)
            shown = answer if isinstance(answer, str) else ", ".join(answer)
            raise UnknownAnswer(f"{name}: {shown!r} is not one of {', '.join(type(present))}") from None
    return Answers(**given)


# ── for a project ──────────────────────────────────────────────────────────────────────────────────────────


def read_plan(project: Project, named: str, text: str | None = None) -> Plan:
    """The plan in a JSON file or in `text`, or that of a rollout. Raises Unclear."""
    path = Path(named)
    if text is None and not path.is_file():
        try:
            return project.store.get(named).plan
        except KeyError:
            raise Unclear(f"{named!r} is neither a file nor a rollout; list rollouts with `pilotage history`") from None
    from pilotage.model.plan_formats import read_document

    try:
        return read_document(path.read_text(encoding="utf-8") if text is None else text)
    except (ValueError, AttributeError, KeyError, TypeError, OSError, RecursionError) as error:
        raise Unclear(f"{named}: {error}; create one with `pilotage plan VERSION --json`") from None


def what_if(
    project: Project, environment: str, wish: PlanRequest, made: Plan, given: Sequence[str]
) -> tuple[PlanChange, ...]:
    """What other answers would change in a plan. given: `question=answer`, several stakeholders with commas. Raises
    Unclear, UnknownAnswer."""
    changes: dict[str, str | tuple[str, ...]] = {}
    for pair in given:
        name, equals, answer = pair.partition("=")
        if not equals or not answer:
            raise Unclear(f"--what-if {pair}: use QUESTION=ANSWER, such as risk_tolerance=low")
        several = tuple(word.strip() for word in answer.split(","))
        changes[name] = several if SHORT_NAMES.get(name, name) == "stakeholder_complexity" else answer
    from pilotage.app.waves import with_waves

    other = replace(wish, changes=changes, risk=made.risk, risk_unknown=made.risk_unknown, first=made.first)
    other = with_waves(project, environment, other)
    return difference(made, plan_for(project.loaded, environment, other))


@dataclass(frozen=True, kw_only=True)
class Retargeted:
    """A plan at another date. again: who must be notified of the date again."""

    plan: Plan
    changes: tuple[PlanChange, ...]
    again: tuple[Renotified, ...]


def retarget(project: Project, before: Plan, wish: PlanRequest) -> Retargeted:
    """A plan moved to the date of a wish, with its own answers. Raises Unclear."""
    from pilotage.app.first_deployment import is_first
    from pilotage.app.known_risk import held_against_tags
    from pilotage.app.waves import with_waves

    project.environment(before.environment)
    answers = read_as(dict[str, str | tuple[str, ...]], before.to_dict(), "answers")
    done = wish.done or tuple(phase.id for phase in before.timeline.phases if phase.done)
    moved = replace(
        wish,
        changes=answers,
        done=done,
        risk=held_against_tags(project, before.environment, wish) or before.risk,
        risk_unknown="" if wish.risk else before.risk_unknown,
        first=is_first(project, before.environment, before.version),
    )
    after = plan_for(project.loaded, before.environment, with_waves(project, before.environment, moved))
    again = told_again(before, after, wish.today) if wish.today else ()
    return Retargeted(plan=after, changes=difference(before, after), again=again)


def compare(before: Plan, after: Plan) -> tuple[PlanChange, ...]:
    """What changes from one plan to another."""
    return difference(before, after)


def reason_of(plan: Plan, path: str) -> Reason:
    """Why one value of a plan is what it is. Raises NoSuchPath."""
    from pilotage.plan.reasons import why

    return why(plan, path)
