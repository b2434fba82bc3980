"""Big-bang (R15): check, close, replace everything, verify, open and watch."""

from __future__ import annotations

from collections.abc import Iterator

from pilotage.model import step_ids as ids
from pilotage.model.maintenance import way_forward
from pilotage.model.plan import Derived, Step, StepKind
from pilotage.model.quantity import format_duration
from pilotage.model.traffic import WHOLE
from pilotage.plan.rollback import Undoing
from pilotage.plan.steps import WATCHED, Numbers, check_step, production_gate, schema_check, watch_step


def steps(n: Numbers, full: int, checks: frozenset[str] = frozenset()) -> Iterator[Step]:
    nothing, restore = "nothing to undo", "restore the backup and the old version, then open"
    yield from schema_check(n, checks, "big_bang", "R15")
    for identity, title, activity in (
        (ids.CHECK_WINDOW, "inside the maintenance window", "maintenance_window_scheduled"),
        (ids.CHECK_BACKUP, "a fresh backup restores elsewhere, with its duration", "backup_procedures"),
        (ids.CHECK_WAY_BACK, "the old version's artifacts are available", "prepare_rollback_artifacts"),
    ):
        yield check_step(n, identity, title, activity, "big_bang", 0, 0, nothing, "R15")
    yield from production_gate(n)
    closing = ("every check passed",)
    yield Step(
        ids.CLOSE, StepKind.MAINTENANCE, "show every user the maintenance page", 0, 0, 0,
        n.value("big_bang.check_timeout"), "open again with the old version", needs=closing, downtime=True,
        activities=("maintenance_page_on",), derived=(Derived("timeout", "big_bang.check_timeout"),), source="R15",
    )  # fmt: skip
    yield Step(
        ids.REPLACE, StepKind.REPLACE, f"replace all {full} instances at once", 0, full, 0,
        n.value("big_bang.replace_timeout"), restore, needs=("no user request reaches the service",), downtime=True,
        activities=("big-bang_deployment",), derived=(Derived("timeout", "big_bang.replace_timeout"),), source="R15",
    )  # fmt: skip
    title, activity = (
        "every instance is healthy, and passes what is configured for this check",
        "validate_application_functionality",
    )
    yield check_step(n, ids.VERIFY, title, activity, "big_bang", 0, full, restore, "R15", downtime=True)
    lossy = "close, restore, open; data written since is lost unless you migrate it back"
    yield Step(
        ids.OPEN, StepKind.MAINTENANCE, "open the service with the new version", 100, full, 0,
        n.value("big_bang.check_timeout"), lossy, needs=("verified behind the maintenance page",),
        activities=("maintenance_page_off",), derived=(Derived("timeout", "big_bang.check_timeout"),), source="R15",
    )  # fmt: skip
    yield watch_step(n, StepKind.BAKE, "big_bang.bake_duration", "100%", WHOLE, full, lossy, WATCHED, "C22")


def undoing(n: Numbers, _full: int) -> Undoing:
    return Undoing(
        steps=(
            "show every user the maintenance page",
            "restore the backup and start the old version",
            "verify the restored state",
            "open the service",
        ),
        source="R15",
        alone=True,
        triggers=(f"the service is closed for {format_duration(_way_forward(n))}: at once",),
    )


def _way_forward(n: Numbers) -> float:
    """Seconds of the maintenance window before the way back needs the rest."""
    return way_forward(n.value("big_bang.maintenance_window"), n.value("rollback.timeout"))
