"""What every part of a plan is made from: numbers, steps, dates; and what of the inputs cannot be planned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

from pilotage.model.answers import Answers, DeploymentStrategy, ReleaseType
from pilotage.model.calendar import Calendar
from pilotage.model.flag import FlagPurpose
from pilotage.model.impact import Impact
from pilotage.model.plan import Step
from pilotage.model.risk import Assessment
from pilotage.model.segment import Segment
from pilotage.model.way import WayStage
from pilotage.plan.caution import caution_of
from pilotage.plan.dates import Landing, PlanRefused, Search, lateness
from pilotage.plan.first_deployment import notes_of_first, steps_of_first
from pilotage.plan.kinds import impact_of
from pilotage.plan.monitoring import with_alerts, with_signals
from pilotage.plan.numbers import Override, settings
from pilotage.plan.phases import Slot, Span, spans_of, widened
from pilotage.plan.ramp import Exposure, Traffic, exposure_of
from pilotage.plan.readiness import Item, items_of, placed
from pilotage.plan.rows import DAY
from pilotage.plan.stages import until_everyone
from pilotage.plan.steps import Numbers, preparation
from pilotage.plan.strategies import steps_of
from pilotage.plan.strategies.canary_waves import wave_steps
from pilotage.plan.tenant_waves import WantedWaves, groups_of, with_waves
from pilotage.plan.toggle_stages import not_by_chance, unknown_segment
from pilotage.plan.wave_days import days_of, landed, waits

_LONGEST_VERSION = 128


@dataclass(frozen=True)
class Service:
    """What the plan needs to know of the service in one environment.

    instances: how many carry all traffic · overrides: settings of the plan by name, from `pilotage.yaml` · measured:
    which source provides which health metric (R19) · downtime: this release closes the service with any strategy,
    because of a migration (C16) · traffic: of users at a usual hour, for `canary.weights: auto` · not_for_us: readiness
    items that do not apply to the team, with the reason · checks: steps for which a check is configured, None if that
    is not known · minds_alerts: Pilotage asks which alerts of the service fire · rehearses: releases are only rehearsed
    in this environment · prepares: the fleet brings a version to where it runs before anything changes · segments: the
    rules of `flag.segments`; None without a flag · flag: what the environment's flag is for · waves: of its tenants ·
    way: the configured stages of a release · first: no version serves there yet.
    """

    name: str = "service"
    environment: str = "production"
    instances: int = 1
    overrides: Mapping[str, Override] = field(default_factory=dict)
    measured: Mapping[str, str] = field(default_factory=dict)
    downtime: bool = False
    traffic: Traffic | None = None
    not_for_us: Mapping[str, str] = field(default_factory=dict)
    checks: frozenset[str] | None = None
    minds_alerts: bool = False
    rehearses: bool = False
    prepares: bool = False
    segments: Mapping[str, Segment] | None = None
    flag: FlagPurpose = FlagPurpose.RELEASE
    waves: WantedWaves | None = None
    way: tuple[WayStage, ...] = ()
    first: bool = False


@dataclass(frozen=True)
class Frame:
    """What every part of a plan is made from. usual: the phases by the requirement, spans: by the plan's own steps ·
    starts: the days of waves, by the ids of their steps · replacing: the steps of a release that replaces a version;
    in a first deployment not those of the plan."""

    answers: Answers
    version: str
    service: Service
    calendar: Calendar
    numbers: Numbers
    steps: tuple[Step, ...]
    usual: tuple[Span, ...]
    spans: tuple[Span, ...]
    slots: tuple[Slot, ...]
    landing: Landing | None
    today: date | None
    finished: frozenset[str]
    notes: tuple[str, ...]
    impact: Impact
    starts: Mapping[str, datetime]
    replacing: tuple[Step, ...]

    @property
    def release(self) -> date | None:
        return self.landing.release if self.landing else None

    @property
    def down(self) -> bool:
        big_bang = self.answers.deployment_strategy is DeploymentStrategy.BIG_BANG
        return (self.service.downtime or big_bang) and not self.service.first

    @property
    def waves(self) -> WantedWaves | None:
        """In a first deployment all tenants get the release at once."""
        return None if self.service.first else self.service.waves

    @property
    def emergency(self) -> bool:
        return self.answers.release_type is ReleaseType.HOTFIX

    @cached_property
    def places(self) -> Mapping[str, tuple[Item, ...]]:
        return placed(
            items_of(self.answers, self.down, self.impact), self.answers, tuple(span.id for span in self.spans)
        )


def not_a_version(version: str) -> str:
    """What is wrong with the version; empty if it is valid."""
    if not version.strip():
        return "it is empty"
    if len(version) > _LONGEST_VERSION:
        return f"it has {len(version)} characters; at most {_LONGEST_VERSION} are allowed"
    if not version.isprintable() or version != version.strip() or version.startswith("-"):
        return f"{version!r} is not usable as a version: no leading hyphen, surrounding space or control character"
    return ""


def frame_of(
    answers: Answers,
    version: str,
    service: Service,
    calendar: Calendar,
    release_date: date | None,
    today: date | None,
    done: Iterable[str],
    risk: Assessment | None,
) -> Frame:
    if service.instances < 1:
        raise PlanRefused(f"instances must be at least 1, got {service.instances}")
    chosen = settings(answers, service.overrides, rehearses=service.rehearses, prepares=service.prepares)
    numbers, waves = Numbers({setting.path: setting for setting in chosen}), service.waves
    if waves is not None and answers.deployment_strategy is not DeploymentStrategy.CANARY:
        raise PlanRefused(_not_in_waves(answers.deployment_strategy, waves))
    if waves is not None:
        exposure = Exposure(with_waves(numbers, waves, service.overrides))
    else:
        exposure = exposure_of(
            numbers, service.instances, answers.risk_tolerance, service.traffic, caution_of(risk),
            hurried=answers.release_type is ReleaseType.HOTFIX,
        )  # fmt: skip
    numbers = exposure.numbers
    if wrong := unknown_segment(numbers, service.segments, service.environment):
        raise PlanRefused(wrong)
    if service.flag is FlagPurpose.EXPERIMENT and (wrong := not_by_chance(numbers)):
        raise PlanRefused(wrong)
    if service.flag is FlagPurpose.PERMISSION and answers.deployment_strategy is DeploymentStrategy.FEATURE_TOGGLE:
        raise PlanRefused(
            f"the flag of {service.environment} has purpose: permission, and a release ends with everyone having its "
            "flag: use a flag with purpose: release, or another deployment_strategy"
        )
    checks = service.checks or frozenset()
    if waves is not None:
        steps = tuple(wave_steps(numbers, service.instances, checks, waves))
    else:
        steps = steps_of(answers.deployment_strategy, numbers, service.instances, checks)
    steps = (*preparation(numbers), *steps) if service.prepares else steps
    steps = with_alerts(steps) if service.minds_alerts else steps
    replacing = with_signals(steps, service.measured)
    steps = _of_first(answers, replacing, version, service) if service.first else replacing
    days = days_of(groups_of(waves)) if waves is not None and not service.first else {}
    usual, lead = spans_of(answers), until_everyone(steps) + (waits(steps, days) if days else 0)
    finished = _finished(done, usual)
    search = Search(usual, lead, calendar, today, finished, answers.release_type is ReleaseType.HOTFIX)
    landing, notes, starts = landed(search, release_date, steps, days) if release_date else (None, (), {})
    slots = search.slots(landing) if landing else ()
    # Without a date nothing says where the nights fall: every day on which the rollout runs counts.
    spans = tuple(slot.span for slot in slots) or (usual and widened(usual, int(lead // DAY) + 1))
    about = notes_of_first(service.environment, answers.deployment_strategy) if service.first else exposure.notes
    notes = (*about, *notes, *lateness(search, slots))
    return Frame(
        answers, version, service, calendar, numbers, steps, usual, spans, slots, landing, today, finished, notes,
        impact_of(answers, risk), starts, replacing,
    )  # fmt: skip


def _of_first(answers: Answers, steps: tuple[Step, ...], version: str, service: Service) -> tuple[Step, ...]:
    return steps_of_first(answers.deployment_strategy, steps, version, service.instances)


def _not_in_waves(strategy: DeploymentStrategy, waves: WantedWaves) -> str:
    toggled = "name the tenants in flag.segments and feature_toggle.stages"
    return f"{waves.source}: {strategy} cannot send one wave of tenants after another: " + (
        f"{toggled}, or use deployment_strategy: canary"
        if strategy is DeploymentStrategy.FEATURE_TOGGLE
        else "use deployment_strategy: canary, or leave the waves out"
    )


def _finished(done: Iterable[str], spans: tuple[Span, ...]) -> frozenset[str]:
    finished, known = frozenset(done), [span.id for span in spans[:-1]]
    for name in sorted(finished):
        if name not in known:
            there = f"there are {', '.join(known)}" if known else "a continuous release has no phases"
            raise PlanRefused(f"done: no phase is called {name!r}; {there}")
    if open_before := [name for name in known if name not in finished][:1]:
        later_done = [name for name in known[known.index(open_before[0]) :] if name in finished]
        if later_done:
            raise PlanRefused(f"done: {later_done[0]} cannot be complete before {open_before[0]}: name both")
    return finished
