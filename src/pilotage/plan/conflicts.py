"""Answers that contradict one another (R8): by name, with what collides and the smallest change that frees the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pilotage.model.acceptance import Acceptance
from pilotage.model.answers import (
    Answers,
    DeploymentStrategy,
    ReleaseFrequency,
    ReleaseType,
    RiskTolerance,
    Stakeholder,
)
from pilotage.model.plan import Step, StepKind
from pilotage.model.quantity import format_duration
from pilotage.model.risk import CAREFULNESS, Assessment, RiskLevel
from pilotage.model.schedule import Conflict
from pilotage.model.traffic import WHOLE
from pilotage.model.wording import counted
from pilotage.plan.dates import PlanRefused
from pilotage.plan.phases import Span
from pilotage.plan.rows import DAY, HOUR
from pilotage.plan.stages import until_everyone
from pilotage.plan.steps import Numbers

NAMES = (
    "big-bang-with-zero-downtime",
    "flag-release-with-big-bang",
    "big-bang-with-continuous-frequency",
    "big-bang-with-tenant-waves",
    "hotfix-waits-for-its-train",
    "hotfix-outlasts-its-day",
    "internal-only-with-others",
    "downtime-with-zero-downtime",
    "rolling-outlasts-its-phase",
    "less-careful-than-its-risk",
    "rollback-loses-data",
    "waves-apart",
)


def conflicts_of(
    answers: Answers, steps: tuple[Step, ...], numbers: Numbers, instances: int, spans: tuple[Span, ...], down: bool
) -> tuple[Conflict, ...]:
    """Every contradiction of these answers, none of them accepted yet."""
    return (
        *_of_big_bang(answers),
        *_of_hotfix(answers, steps),
        *_of_stakeholders(answers),
        *_of_downtime(answers, down),
        *_of_rolling(answers, steps, numbers, instances, spans),
    )


def conflicts_with(risk: Assessment | None, answers: Answers, numbers: Numbers) -> Iterator[Conflict]:
    """What the plan does against the change's risk. If lasting harm is possible, a person must accept that (C25)."""
    if risk is None:
        return
    yield from _careless(risk, answers)
    yield from _loses_data(risk, numbers)


def _careless(risk: Assessment, answers: Answers) -> Iterator[Conflict]:
    """A strategy that exposes more users at once than recommended."""
    if CAREFULNESS.index(answers.deployment_strategy) >= CAREFULNESS.index(risk.strategy):
        return
    yield Conflict(
        "less-careful-than-its-risk", (*_named(answers, "deployment_strategy"), f"risk: {risk.level}"),
        f"{answers.deployment_strategy} exposes more users at once than {risk.strategy}, the recommendation for "
        f"this change's risk: {risk.why}",
        f"deployment_strategy: {risk.strategy}", risk.level is RiskLevel.CRITICAL, "R17, C25",
    )  # fmt: skip


def _loses_data(risk: Assessment, numbers: Numbers) -> Iterator[Conflict]:
    """A rollback that Pilotage may start, to a version whose data is gone."""
    if (worst := risk.data_loss) is None or not numbers.value("rollback.enabled"):
        return
    yield Conflict(
        "rollback-loses-data", ("rollback.enabled: true", f"risk: {risk.level}"),
        f"the change {worst.in_place}, and a rollback would bring back the old version without its data",
        "rollback.enabled: false", True, "R17, C25",
    )  # fmt: skip


def _named(answers: Answers, *names: str) -> tuple[str, ...]:
    return tuple(f"{name}: {_show(getattr(answers, name))}" for name in names)


def _show(answer: object) -> str:
    return ", ".join(answer) if isinstance(answer, tuple) else str(answer)


def _of_big_bang(a: Answers) -> Iterator[Conflict]:
    if a.deployment_strategy is not DeploymentStrategy.BIG_BANG:
        return
    if a.risk_tolerance is RiskTolerance.ZERO_DOWNTIME:
        yield Conflict(
            "big-bang-with-zero-downtime", _named(a, "deployment_strategy", "risk_tolerance"),
            "a big bang closes the service while it replaces every instance; zero-downtime allows no interruption",
            "deployment_strategy: blue-green", True, "R8",
        )  # fmt: skip
    if a.release_type is ReleaseType.FEATURE_FLAG:
        yield Conflict(
            "flag-release-with-big-bang", _named(a, "release_type", "deployment_strategy"),
            "a flag exposes users gradually; a big bang exposes everyone at once",
            "deployment_strategy: feature-toggle", True, "R8",
        )  # fmt: skip
    if a.release_frequency is ReleaseFrequency.CONTINUOUS:
        yield Conflict(
            "big-bang-with-continuous-frequency", _named(a, "deployment_strategy", "release_frequency"),
            "every change would close the service for its own maintenance window",
            "deployment_strategy: rolling", True, "R8, C16",
        )  # fmt: skip
    if Stakeholder.MULTI_TENANT in a.stakeholders:
        yield Conflict(
            "big-bang-with-tenant-waves", _named(a, "deployment_strategy", "stakeholder_complexity"),
            "tenants get the release in waves; a big bang reaches all of them at once",
            "deployment_strategy: canary", True, "R6, R8",
        )  # fmt: skip


_WAITS = (ReleaseFrequency.MONTHLY, ReleaseFrequency.QUARTERLY)


def _of_hotfix(a: Answers, steps: tuple[Step, ...]) -> Iterator[Conflict]:
    if a.release_type is not ReleaseType.HOTFIX:
        return
    if a.release_frequency in _WAITS:
        yield Conflict(
            "hotfix-waits-for-its-train", _named(a, "release_type", "release_frequency"),
            f"a critical fix cannot wait for a {a.release_frequency} train",
            "release_frequency: continuous, for this release", True, "R8",
        )  # fmt: skip
    takes = until_everyone(steps)
    if takes > DAY:
        yield Conflict(
            "hotfix-outlasts-its-day", _named(a, "release_type", "deployment_strategy", "risk_tolerance"),
            f"a hotfix must be out the same day, and these steps take {format_duration(takes)} to reach everyone",
            _shorter(a.deployment_strategy, steps), True, "R4, R8",
        )  # fmt: skip


def _shorter(strategy: DeploymentStrategy, steps: tuple[Step, ...]) -> str:
    """The longest wait that still reaches everyone within a day, in whole half hours."""
    path = {
        DeploymentStrategy.CANARY: "canary.phase_duration",
        DeploymentStrategy.FEATURE_TOGGLE: "feature_toggle.phase_duration",
        DeploymentStrategy.ROLLING: "rolling.wait_time_between_batches",
    }.get(strategy, "")
    waits = sum(any(d.setting == path and d.field == "duration" for d in step.derived) for step in steps)
    grain = HOUR // 2 if waits < 40 else 1
    held = sum(step.duration for step in steps if step.kind is StepKind.BAKE and step.weight < WHOLE)
    fits = int((DAY - held) // waits // grain * grain) if waits else 0
    if held and fits <= 0:
        return "canary.holdback: 0%"
    return f"{path}: {format_duration(fits)}" if fits else "deployment_strategy: blue-green"


def _of_stakeholders(a: Answers) -> Iterator[Conflict]:
    if Stakeholder.INTERNAL_ONLY in a.stakeholders and len(a.stakeholders) > 1:
        others = ", ".join(s for s in a.stakeholders if s is not Stakeholder.INTERNAL_ONLY)
        yield Conflict(
            "internal-only-with-others", _named(a, "stakeholder_complexity"),
            f"internal-only means that nobody outside is affected, and {others} are named too",
            f"stakeholder_complexity: [{others}]", True, "R1, R8",
        )  # fmt: skip


def _of_downtime(a: Answers, down: bool) -> Iterator[Conflict]:
    big_bang = a.deployment_strategy is DeploymentStrategy.BIG_BANG
    if down and not big_bang and a.risk_tolerance is RiskTolerance.ZERO_DOWNTIME:
        yield Conflict(
            "downtime-with-zero-downtime", ("downtime: true", *_named(a, "risk_tolerance")),
            "this release needs downtime (for a migration), and zero-downtime allows none",
            "a migration that works with both versions (expand, then contract)", True, "R8, C16",
        )  # fmt: skip


def _of_rolling(
    a: Answers, steps: tuple[Step, ...], n: Numbers, instances: int, spans: tuple[Span, ...]
) -> Iterator[Conflict]:
    if a.deployment_strategy is not DeploymentStrategy.ROLLING or not spans:
        return
    each = (
        n.value("rolling.drain_duration")
        + n.value("rolling.health_check_timeout")
        + n.value("rolling.wait_time_between_batches")
    )
    batches = [step for step in steps if step.kind is StepKind.BATCH]
    takes, days = sum(step.timeout for step in batches), spans[-1].longest
    if takes <= days * DAY:
        return
    fitting = (size for size in range(1, instances + 1) if -(-instances // size) * each <= days * DAY)
    size = next(fitting, instances)
    yield Conflict(
        "rolling-outlasts-its-phase",
        ("rolling.batch_size", "rolling.wait_time_between_batches", f"instances: {instances}"),
        f"{len(batches)} batches take up to {format_duration(takes)}, and the execution phase has "
        f"{counted(days, 'day')}",
        f"rolling.batch_size: {size}, with rolling.max_unavailable: {size}", False, "R14, C26",
    )  # fmt: skip


def accepted(conflicts: tuple[Conflict, ...], acceptances: Mapping[str, Acceptance]) -> tuple[Conflict, ...]:
    """The conflicts with their acceptances recorded. Raises PlanRefused for one that names no conflict of this plan."""
    present = [conflict.name for conflict in conflicts]
    for name, acceptance in acceptances.items():
        if not acceptance.reason.strip():
            raise PlanRefused(f"conflict {name}: add a reason to accept it")
        if name not in present and not (acceptance.source and name in NAMES):
            has = f"this plan has {', '.join(present)}" if present else "this plan has none"
            raise PlanRefused(f"{acceptance.source or 'accept'}: no conflict is called {name!r}; {has}")
    return tuple(
        replace(conflict, reason=found.reason, accepted_by=found.by)
        if (found := acceptances.get(conflict.name))
        else conflict
        for conflict in conflicts
    )
