"""The plan's numbers by path, and the steps that several strategies have.

All strategies follow the order of the execution rules: write, read back, watch; at the end bake, drain, retire.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pilotage.model.plan import Derived, Setting, Step, StepKind
from pilotage.model.quantity import format_duration
from pilotage.model.step_ids import (
    APPROVE_PRODUCTION,
    CHECK_DATA,
    CHECK_FUNCTIONS,
    CHECK_SCHEMA,
    CHECK_SMOKE,
    PREPARE,
    REQUIRED_CHECKS,
)
from pilotage.model.traffic import percent
from pilotage.model.wording import counted
from pilotage.plan.values import show_value

_VERB = {StepKind.ANALYSE: "analyse", StepKind.BAKE: "bake"}

WATCHED = ("application_error_rate", "response_time_p95", "memory_utilization")
"""Health metrics that decide whether code continues."""


@dataclass(frozen=True)
class Numbers:
    """The plan's settings by path."""

    settings: Mapping[str, Setting]

    def value(self, path: str) -> int | float:
        """To compute with; a percentage as a share, 0…1."""
        return self.settings[path].number

    def limit(self, path: str) -> int | float:
        """As the plan shows it, in its own unit."""
        value = self.settings[path].value
        assert isinstance(value, int | float)
        return value

    def text(self, path: str) -> str:
        return str(self.settings[path].value)

    def weights(self, path: str) -> tuple[int, ...]:
        """Per mille."""
        value = self.settings[path].value
        assert isinstance(value, tuple)
        return tuple(round(share * 10) for share in value if not isinstance(share, str))

    def names(self, path: str) -> tuple[str, ...]:
        """In the order of the plan."""
        value = self.settings[path].value
        assert isinstance(value, tuple)
        return tuple(map(str, value))

    def shown(self, path: str) -> str:
        setting = self.settings[path]
        return show_value(setting.unit, setting.value)


def preparation(n: Numbers) -> Iterator[Step]:
    """The first step where the fleet brings a version to where it runs."""
    yield Step(
        PREPARE, StepKind.CHECK, "the version is in place, ready to start", 0, 0, 0, n.value("prepare.timeout"),
        "nothing to undo", derived=(Derived("timeout", "prepare.timeout"),), source="R27",
    )  # fmt: skip


def production_gate(n: Numbers, instances: int = 0) -> Iterator[Step]:
    """The approval before any user has the release, where the answers or an override require one. instances: of the
    new version that run by then."""
    if n.value("approval.required"):
        yield gate_step(n, APPROVE_PRODUCTION, "approval to go to production", 0, instances, "R10, C17")


def gate_step(n: Numbers, identity: str, title: str, weight: int, instances: int, source: str = "R13, C18") -> Step:
    return Step(
        identity, StepKind.GATE, title, percent(weight), instances, 0, n.value("approval.timeout"), "nothing to undo",
        needs=(f"{_approvers(n)} other than the author",), activities=("business_stakeholder_approval",),
        derived=(Derived("timeout", "approval.timeout"),), source=source,
    )  # fmt: skip


def _approvers(n: Numbers) -> str:
    count, role = round(n.value("approval.count")), n.text("approval.role").replace("-", " ")
    return f"{count} approvers{f' with the role {role}' if role else ''}" if count > 1 else f"a {role or 'person'}"


def check_step(
    n: Numbers, identity: str, title: str, activity: str, family: str, weight: int, instances: int, undo: str,
    source: str, *, downtime: bool = False,
) -> Step:  # fmt: skip
    path = f"{family}.check_timeout"
    return Step(
        identity, StepKind.CHECK, title, percent(weight), instances, 0, n.value(path), undo, activities=(activity,),
        downtime=downtime, required=identity in REQUIRED_CHECKS and bool(n.value("checks.required")),
        derived=(Derived("timeout", path),), source=source,
    )  # fmt: skip


def schema_check(n: Numbers, checks: frozenset[str], family: str, source: str) -> Iterator[Step]:
    """Before the new version starts, where the environment names its migrations."""
    if CHECK_SCHEMA in checks:
        title = "migrations that leave the serving version what it uses" if family != "big_bang" else "migrations"
        yield check_step(
            n, CHECK_SCHEMA, title, "database_migrations", family, 0, 0, "nothing to undo", f"{source}, R31"
        )


_OF_FUNCTIONS = (
    (CHECK_DATA, "same data and compatible schema", "synchronize_database_state"),
    (CHECK_SMOKE, "smoke tests", "run_smoke_tests"),
    (CHECK_FUNCTIONS, "critical functions", "validate_application_functionality"),
)


def function_checks(
    n: Numbers, checks: frozenset[str], of: str, family: str, instances: int, undo: str, source: str
) -> Iterator[Step]:  # fmt: skip
    """The configured ones of the checks of a new version that no user has yet. of: what is checked."""
    for identity, title, activity in _OF_FUNCTIONS:
        if identity in checks:
            yield check_step(n, identity, f"{title} on {of}", activity, family, 0, instances, undo, source)


def watch_step(
    n: Numbers, kind: StepKind, path: str, name: str, weight: int, instances: int, undo: str,
    judged: tuple[str, ...], source: str, *, audience: str = "", activities: tuple[str, ...] = (),
    seconds: int | float | None = None,
) -> Step:  # fmt: skip
    """seconds: how long, where it is worked out from the setting at `path` and is not its value."""
    seconds = n.value(path) if seconds is None else seconds
    where = audience or f"at {name}"
    return Step(
        f"{kind}-{name}", kind, f"{_VERB[kind]} {where} for {format_duration(seconds)}", percent(weight), instances,
        seconds, seconds + n.value("hold.timeout"), undo, judged=judged, audience=audience, activities=activities,
        derived=(Derived("duration", path), Derived("timeout", "hold.timeout")), source=source,
    )  # fmt: skip


def ending(
    n: Numbers, full: int, old: str, family: str, source: str, activities: tuple[str, ...] = ()
) -> Iterator[Step]:  # fmt: skip
    """The old version finishes its open requests; then it stops, or stays ready for a while after the release."""
    drain, start = n.value(f"{family}.drain_duration"), n.value(f"{family}.health_check_timeout")
    warm = bool(n.value("rollback.keep_warm"))
    drained = drain_step(drain, drain + start, full, old, f"{family}.drain_duration", source, _stays(n, full, warm))
    yield replace(drained, activities=activities) if warm else drained
    if not warm:
        yield retire_step(start, full, old, f"{family}.health_check_timeout", source, activities)


def _stays(n: Numbers, full: int, warm: bool) -> str:
    instances = counted(full, "instance")
    return f", whose {instances} stay ready for {n.shown('rollback.window')}, then stop" if warm else ""


def drain_step(
    duration: int | float, deadline: int | float, full: int, old: str, path: str, source: str, then: str = ""
) -> Step:  # fmt: skip
    title = f"drain {old}{then}"
    return Step(
        "drain", StepKind.DRAIN, title, 100, full, duration, deadline, f"send all requests to {old}",
        derived=(Derived("duration", path),), source=source,
    )  # fmt: skip


def retire_step(
    deadline: int | float, full: int, old: str, path: str, source: str, activities: tuple[str, ...] = ()
) -> Step:  # fmt: skip
    undo = f"start {old} again, then send all requests to it"
    return Step(
        "retire", StepKind.RETIRE, f"stop {old}", 100, full, 0, deadline, undo, activities=activities,
        derived=(Derived("timeout", path),), source=source,
    )  # fmt: skip
