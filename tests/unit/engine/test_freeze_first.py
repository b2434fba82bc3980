"""A freeze that was declared before a command is in force when the command is obeyed (R18)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pilotage.engine.execution import driver as module
from pilotage.engine.execution.driver import Driver
from pilotage.engine.records.store import Store
from pilotage.model.calendar import Freeze
from pilotage.model.rollout import CommandKind, Mode
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.clock import FakeClock
from tests.plans import a_plan
from tests.unit.engine.world import World


def test_a_worker_that_read_no_freeze_a_moment_ago_reads_again_before_it_obeys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody declares a freeze and then promotes, from another process, within the time that a reading is reused."""
    monkeypatch.setattr("pilotage.engine.records.freezes._STAY", 60.0)  # however busy the machine is
    clock = FakeClock()
    world = World(clock)
    monkeypatch.setattr(module, "open_target", lambda *_: world.target())
    worker, person = Store(tmp_path, clock=clock), Store(tmp_path, clock=clock)
    plan = a_plan({"canary.phase_duration": "1h"})
    rollout = worker.create(plan, begin(plan, "old", Mode.FULL), Snapshot(), "ada", clock.now())
    driver = Driver(worker, tmp_path, rollout.id, "here/1/1.00")
    while not plan.steps[driver.rollout.state.step].id.startswith("analyse-"):
        driver.look()
        clock.pass_(0.1)
    reached, now = driver.rollout.state.reached, datetime.fromtimestamp(clock.now(), UTC)
    audit = Freeze("audit", now, now + timedelta(hours=1))
    person.freezes.declare(rollout.service, rollout.environment, audit, "grace", "auditors are here")
    person.command(rollout.id, CommandKind.PROMOTE, "ada", "")
    for _ in range(20):
        driver.look()
        clock.pass_(0.1)
    assert driver.rollout.state.reached == reached
    assert "audit" in driver.rollout.state.reason
    worker.close()
    person.close()
