"""R34: the audit log says of a command who asked, and what a worker made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.engine.execution.driver import Driver
from pilotage.engine.records import audit, doing
from pilotage.engine.records.store import Store
from pilotage.model.audit import Act
from pilotage.model.rollout import CommandKind, Status
from tests.unit.engine.test_abort_first import begun
from tests.unit.engine.test_store_gone import HERE, drive

ADA = Act(actor="ada", kind="person", proof="password", action="command", address="192.0.2.7")


def rows(store: Store, of: str) -> list[tuple[str, str, str, str]]:
    return [(one.actor, one.proof, one.outcome, one.reason) for one in audit.all_rows(store.engine) if one.object == of]


@pytest.mark.usefixtures("world")
def test_r34_a_command_that_the_worker_refuses_is_not_done_in_the_log(tmp_path: Path, store: Store) -> None:
    rollout = begun(store)
    driver = Driver(store, tmp_path, rollout, HERE)
    driver.look()
    with doing.doing(ADA):
        store.command(rollout, CommandKind.APPROVE, "ada", "go on")
    assert rows(store, f"{rollout} approve") == [("ada", "password", "allowed", "go on")]
    driver.look()
    _, answer = rows(store, f"{rollout} approve")
    assert answer[:3] == ("ada", "earlier order", "refused")
    assert answer[3].startswith("refused: ")


@pytest.mark.usefixtures("world")
def test_r34_what_was_done_and_what_came_too_late_have_rows_too(tmp_path: Path, store: Store) -> None:
    rollout = begun(store)
    driver = Driver(store, tmp_path, rollout, HERE)
    driver.look()
    with doing.doing(ADA):
        store.command(rollout, CommandKind.ABORT, "ada")
        store.command(rollout, CommandKind.ABORT, "ada", "again")
    drive(driver, Status.ROLLED_BACK)
    outcomes = [one[2] for one in rows(store, f"{rollout} abort")]
    assert outcomes[:2] == ["allowed", "allowed"]
    assert len(outcomes) == 4
    assert "done" in outcomes[2:]
    assert audit.check(store.engine).faults == ()


@pytest.mark.usefixtures("world")
def test_r34_a_command_that_nobody_gave_has_no_row(tmp_path: Path, store: Store) -> None:
    with doing.doing(None):
        rollout = begun(store)
        driver = Driver(store, tmp_path, rollout, HERE)
        store.command(rollout, CommandKind.ABORT, "pilotage", "internal error")
        drive(driver, Status.ROLLED_BACK)
    assert list(audit.all_rows(store.engine)) == []
