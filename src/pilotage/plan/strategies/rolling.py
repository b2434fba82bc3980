"""Rolling (R14): check, then replace and watch batch after batch; at the end check and watch the whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pilotage.model import step_ids as ids
from pilotage.model.plan import Derived, Step, StepKind
from pilotage.model.quantity import format_duration, portion_of
from pilotage.model.traffic import WHOLE, percent, share_of
from pilotage.plan.rollback import Undoing
from pilotage.plan.steps import WATCHED, Numbers, check_step, production_gate, schema_check, watch_step


@dataclass(frozen=True)
class Batches:
    """How a rolling rollout walks: `size` instances at a time, `surge` of them next to the old ones (C7)."""

    size: int
    surge: bool
    count: int


def batches_of(n: Numbers, full: int) -> Batches:
    """The batch shrinks to what the fleet can spare; a fleet that can spare none takes one more instance (C7)."""
    wanted = max(1, portion_of(n.text("rolling.batch_size"), full))
    spare = min(portion_of(n.text("rolling.max_unavailable"), full), full - 1)
    size = min(wanted, spare, full) if spare > 0 else 1
    return Batches(size, spare <= 0, -(-full // size))


def steps(n: Numbers, full: int, checks: frozenset[str] = frozenset()) -> Iterator[Step]:
    batches = batches_of(n, full)
    nothing = "nothing to undo"
    yield check_step(
        n, ids.CHECK_PACKAGE, "complete package with a valid signature", "validate_deployment_package",
        "rolling", 0, 0, nothing, "R14",
    )  # fmt: skip
    healthy = f"{full if batches.surge else full - batches.size} of {full} instances stay healthy"
    yield check_step(n, ids.CHECK_MINIMUM, healthy, "ensure_minimum_healthy_instances", "rolling", 0, 0, nothing, "R14")
    prepared = "the old version's artifacts are available"
    yield check_step(n, ids.CHECK_WAY_BACK, prepared, "prepare_rollback_artifacts", "rolling", 0, 0, nothing, "R14")
    yield from schema_check(n, checks, "rolling", "R14")
    yield from production_gate(n)
    drain, health, wait = (
        n.value(f"rolling.{name}") for name in ("drain_duration", "health_check_timeout", "wait_time_between_batches")
    )
    for number in range(1, batches.count + 1):
        new = min(full, number * batches.size)
        last = batches.count == number
        verb = "start one extra, check, swap" if batches.surge else "drain, replace, check"
        yield Step(
            f"batch-{number}", StepKind.BATCH,
            f"batch {number} of {batches.count}: {verb}, watch {format_duration(wait)}",
            percent(share_of(new, full - new)), new, wait, drain + health + wait,
            "roll back this batch, then the earlier ones",
            needs=(healthy, *(() if number == 1 else (f"batch {number - 1} is healthy",))),
            judged=WATCHED,
            beside=batches.surge,
            activities=(
                "select_next_batch_of_instances", "drain_traffic_from_selected_instances",
                "deploy_new_version_to_batch", "run_health_checks_on_batch", "restore_traffic_to_healthy_instances",
                "wait_for_batch_stabilization", *(() if last else ("repeat_until_all_instances_updated",)),
            ),
            derived=(
                Derived("instances", "rolling.batch_size"),
                Derived("duration", "rolling.wait_time_between_batches"),
                Derived("timeout", "rolling.health_check_timeout"),
            ),
            source="R14",
        )  # fmt: skip
    back = "roll back every batch"
    for identity, title, activity in (
        (ids.CHECK_INSTANCES, f"all {full} instances are updated and healthy", "verify_all_instances_healthy"),
        *(
            ((ids.CHECK_DATA, "same data and compatible schema", "synchronize_database_state"),)
            if ids.CHECK_DATA in checks
            else ()
        ),
        (ids.CHECK_FUNCTIONS, "critical functions work", "validate_application_functionality"),
    ):
        yield check_step(n, identity, title, activity, "rolling", WHOLE, full, back, "R14")
    yield watch_step(
        n, StepKind.BAKE, "rolling.bake_duration", "100%", WHOLE, full, back, WATCHED, "R14",
        activities=("monitor_overall_system_health",),
    )  # fmt: skip


def undoing(n: Numbers, full: int) -> Undoing:
    return Undoing(
        steps=(
            "start no further batch",
            "roll back the updated instances batch by batch: drain, replace, check, send traffic",
            "verify that every instance runs the old version and is healthy",
        ),
        source="R14",
        first="no further batch starts",
        then="and the updated instances roll back",
        seconds=batches_of(n, full).count
        * (n.value("rolling.drain_duration") + n.value("rolling.health_check_timeout")),
    )
