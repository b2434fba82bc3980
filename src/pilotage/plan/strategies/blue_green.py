"""Blue-green (R12): start a second environment, check, approve, switch, watch; then keep, drain and retire the old."""

from __future__ import annotations

from collections.abc import Iterator

from pilotage.model import step_ids as ids
from pilotage.model.plan import Derived, Step, StepKind
from pilotage.model.quantity import format_duration
from pilotage.model.traffic import WHOLE
from pilotage.model.wording import counted
from pilotage.plan.rollback import Undoing
from pilotage.plan.steps import (
    WATCHED,
    Numbers,
    check_step,
    ending,
    gate_step,
    production_gate,
    schema_check,
    watch_step,
)

_CHECKS = (
    (ids.CHECK_HEALTH, "health of the preview", "validate_green_environment_health"),
    (ids.CHECK_DATA, "same data and compatible schema on the preview", "synchronize_database_state"),
    (ids.CHECK_CACHES, "warm caches on the preview", "warm_up_application_caches"),
    (ids.CHECK_MONITORING, "monitoring of the preview", "verify_monitoring_systems"),
    (ids.CHECK_SMOKE, "smoke tests on the preview", "run_smoke_tests_on_green"),
    (ids.CHECK_HEALTH_CHECKS, "health check of every preview instance", "execute_health_checks"),
    (ids.CHECK_FUNCTIONS, "critical functions on the preview", "validate_application_functionality"),
)
"""Id, title and activity (R12) of each check before the switch, in their order."""


def steps(n: Numbers, full: int, checks: frozenset[str] = frozenset()) -> Iterator[Step]:
    retire, more = "stop the preview", counted(full, "more instance")
    yield from schema_check(n, checks, "blue_green", "R12")
    yield check_step(
        n, ids.CHECK_ROOM, f"memory, processor and ports of this machine for {more}", "resource_doubling",
        "blue_green", 0, 0, "nothing to undo", "R12",
    )  # fmt: skip
    yield Step(
        "deploy-preview", StepKind.SCALE, f"start {counted(full, 'instance')} in the inactive environment",
        0, full, 0, n.value("blue_green.health_check_timeout"), retire, needs=("the inactive environment is free",),
        activities=("deploy_to_inactive_environment",),
        derived=(Derived("timeout", "blue_green.health_check_timeout"),), source="R12",
    )  # fmt: skip
    for identity, title, activity in _CHECKS:
        yield check_step(n, identity, title, activity, "blue_green", 0, full, retire, "R12")
    yield from production_gate(n, full)
    if n.value("blue_green.require_approval") and not n.value("approval.required"):
        yield gate_step(n, ids.APPROVE_SWITCH, "approval to switch", 0, full)
    back = "switch all requests back to the old environment"
    yield Step(
        "switch", StepKind.SWITCH, "switch all requests to the preview", 100, full, 0,
        n.value("blue_green.switch_timeout"), back, needs=("every preview check passed",),
        activities=("switch_traffic_to_green",),
        derived=(Derived("timeout", "blue_green.switch_timeout"),), source="R12",
    )  # fmt: skip
    yield watch_step(
        n, StepKind.BAKE, "blue_green.bake_duration", "100%", WHOLE, full, back, WATCHED, "R12",
        activities=("monitor_application_metrics", "validate_user_experience"),
    )  # fmt: skip
    keep = n.value("blue_green.keep_duration")
    yield Step(
        "keep", StepKind.KEEP, f"keep the old environment ready for {format_duration(keep)}", 100, full, keep,
        keep + n.value("hold.timeout"), back, activities=("keep_blue_environment_ready",),
        derived=(Derived("duration", "blue_green.keep_duration"),), source="R12",
    )  # fmt: skip
    yield from ending(n, full, "the old environment", "blue_green", "R12", ("schedule_blue_environment_cleanup",))


def undoing(_n: Numbers, _full: int) -> Undoing:
    return Undoing(
        steps=(
            "switch all requests back to the old environment",
            "validate the old environment",
            "notify everyone who was informed of the release",
            "keep the failed environment running for debugging",
            "prepare a hotfix",
        ),
        source="R12",
        new="the new environment",
        alone=True,
    )
