"""R29: a job beside rollouts asks the store nothing while nothing changes in it."""

from __future__ import annotations

from pathlib import Path

from pilotage.engine.records.news import only_when_changed
from pilotage.engine.records.store import Store
from pilotage.model.rollout import Mode
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.plans import a_plan


def test_a_job_runs_once_and_then_when_the_store_changed(tmp_path: Path) -> None:
    store, runs = Store(tmp_path / ".pilotage"), list[int]()
    work = only_when_changed(store.engine, lambda: runs.append(1), at_least=1e9)
    for _ in range(5):
        work()
    assert len(runs) == 1
    plan = a_plan()
    store.create(plan, begin(plan, "old", Mode.FULL), Snapshot(), "ada", 1e9)
    work()
    work()
    assert len(runs) == 2


def test_a_job_runs_now_and_then_anyway(tmp_path: Path) -> None:
    store, runs = Store(tmp_path / ".pilotage"), list[int]()
    work = only_when_changed(store.engine, lambda: runs.append(1), at_least=0.0)
    work()
    work()
    assert len(runs) == 2
