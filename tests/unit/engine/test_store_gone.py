"""What stands beside the target says how far the store was: one that was lost, replaced or set back is noticed."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.engine.execution import driver as module
from pilotage.engine.execution import looking
from pilotage.engine.execution.driver import Driver
from pilotage.engine.execution.targets import Target
from pilotage.engine.execution.worker import Worker
from pilotage.engine.placement.location import place_of
from pilotage.engine.records.store import Store
from pilotage.engine.rescue.journal import Done, Journal
from pilotage.model.rollout import CommandKind, Decision, Event, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.model.traffic import Split
from pilotage.rollout.machine import begin
from tests.unit.engine.test_abort_first import BACK, WITHIN, a_plan, begun
from tests.unit.engine.world import World

HERE = "here/1/1.00"


def drive(driver: Driver, wanted: Status) -> None:
    until = time.monotonic() + WITHIN
    while driver.rollout.state.status is not wanted:
        assert time.monotonic() < until, driver.rollout.state
        driver.look()


def copied(file: Path, to: Path) -> None:
    """As an asynchronous standby has it, that does not get what comes after."""
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


@pytest.mark.usefixtures("world")
def test_an_abort_that_was_acted_on_is_not_forgotten_by_a_standby_that_lost_it(tmp_path: Path) -> None:
    place, store = tmp_path / "a", Store(tmp_path / "a")
    rollout = begun(store)
    driver = Driver(store, place, rollout, HERE)
    while driver.rollout.state.step < 2:
        driver.look()
    copied(place / "pilotage.sqlite", tmp_path / "standby")
    store.command(rollout, CommandKind.ABORT, "ada")
    drive(driver, Status.ROLLED_BACK)
    lacks = driver.rollout.revision
    store.close()
    for file in place.glob("pilotage.sqlite*"):
        file.unlink()
    (tmp_path / "standby").rename(place / "pilotage.sqlite")
    standby = Store(place)
    assert standby.get(rollout).state.status is Status.PROGRESSING
    again = Driver(standby, place, rollout, HERE)
    drive(again, Status.ROLLED_BACK)
    told = [event.sentence for event in standby.events(rollout) if event.type == "intervention-required"]
    assert len(told) == 1
    assert "the store went back in time" in told[0]
    assert f"but was at {lacks}" in told[0]
    (lost,) = Journal(place, "service", "production").lost
    assert (lost.witness.revision, lost.witness.status) == (lacks, "rolled-back")
    standby.close()


def test_a_first_rollout_does_not_replace_what_serves_already(tmp_path: Path, store: Store, world: World) -> None:
    """The store was lost; what users have is still there."""
    driver = Driver(store, tmp_path, begun(store, old=None), HERE)
    decision = driver.look()
    assert decision.state.status is Status.PAUSED
    assert "old already serves here" in decision.state.reason
    for _ in range(3):
        driver.look()
    assert (world.split, len(world.of("old"))) == (BACK, 1)
    store.command(driver.rollout.id, CommandKind.RESUME, "ada")
    while not (world.split and world.split.weight("new")):
        driver.look()
    assert world.split.weight("old"), "it is released beside it, like any other"


def test_what_a_failed_first_release_left_running_is_not_taken_for_a_lost_store(
    tmp_path: Path, store: Store, world: World
) -> None:
    world.running.clear()
    world.router().stop()
    failed = begun(store, old=None)
    first = Driver(store, tmp_path, failed, HERE)
    first.look()
    store.command(failed, CommandKind.ABORT, "ada")
    for _ in range(20):
        if first.rollout.state.status.final:
            break
        first.look()
    assert first.rollout.state.status.final
    first.let_go()
    world.serve({"new": 1000})
    plan = a_plan(version="newer")
    second = store.create(plan, begin(plan, None, Mode.FULL), Snapshot(), "ada", time.time()).id
    decision = Driver(store, tmp_path, second, HERE).look()
    assert "the store" not in decision.state.reason, decision.state.reason
    assert f"its release, {failed}, ended as {first.rollout.state.status}" in decision.state.reason


def test_a_canary_of_a_lost_store_is_not_taken_for_what_serves(tmp_path: Path, store: Store, world: World) -> None:
    """The store was lost in the middle of a rollout: of the two versions that users have, the next rollout goes beside
    the one that was stable, and the note that says which it was outlives its own beginning."""
    world.serve({"canary": 500, "old": 500})
    place_of(tmp_path, "service", "production").mkdir(parents=True)
    note = place_of(tmp_path, "service", "production") / "stable.json"
    note.write_text(json.dumps({"stable": "old", "rollout": "gone"}))
    decision = Driver(store, tmp_path, begun(store, old=None), HERE).look()
    assert "old already serves here" in decision.state.reason
    assert decision.state.old == "old"


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("what", ["deleted", "replaced", "emptied", "log"])
def test_a_worker_ends_when_its_store_is_another_one(tmp_path: Path, store: Store, what: str) -> None:
    begun(store)
    worker = Worker(tmp_path)
    thread = threading.Thread(target=worker.serve, daemon=True)
    thread.start()
    until = time.monotonic() + WITHIN
    while not worker.looks:
        assert time.monotonic() < until
        time.sleep(0.02)
    file = tmp_path / "pilotage.sqlite"
    match what:
        case "deleted":
            file.unlink()
        case "replaced":
            other = tmp_path / "other"
            other.write_bytes(file.read_bytes())
            other.replace(file)
        case "emptied":
            os.truncate(file, 0)
        case _:
            (tmp_path / "pilotage.sqlite-wal").unlink()
    thread.join(WITHIN)
    assert not thread.is_alive()
    assert "this worker exits" in worker.ended_by
    worker.store.close()


def test_after_failed_looks_the_users_go_back_and_a_person_is_told(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout, taken = begun(store), threading.Event()

    def broken(*_: object) -> Target:
        raise KeyError("nothing of it can be read")

    def take_back(directory: Path, service: str, environment: str, to: str | None) -> str:
        assert (directory, service, environment, to) == (tmp_path, "service", "production", "old")
        taken.set()
        return "all traffic goes to old"

    monkeypatch.setattr(module, "open_target", broken)
    monkeypatch.setattr("pilotage.engine.rescue.take_back.take_back", take_back)
    monkeypatch.setattr(looking, "_AFTER_TROUBLE", 0.05)
    worker = Worker(tmp_path)
    thread = threading.Thread(target=worker.serve, daemon=True)
    thread.start()
    try:
        assert taken.wait(WITHIN)
        until = time.monotonic() + WITHIN
        while not store.get(rollout).state.reason.startswith("stuck") or not store.pending(rollout):
            assert time.monotonic() < until
            time.sleep(0.05)
        assert [e.type for e in store.events(rollout)].count("intervention-required") == 1
    finally:
        worker.stopping.set()
        thread.join(WITHIN)
        worker.store.close()


def test_the_journal_keeps_what_the_store_does_not_have_and_survives_a_line_that_was_cut_off(tmp_path: Path) -> None:
    state = begin(a_plan(), "old", Mode.FULL)
    one = Decision(replace(state, status=Status.ROLLING_BACK, at=5.0), (), (Event("rollback-started", "so", {"a": 1}),))
    journal = Journal(tmp_path, "shop", "production")
    (tmp_path / "run/shop-production").mkdir(parents=True, exist_ok=True)
    journal.note_done(Done(rollout="r", at=5.0, decision=one))
    file = tmp_path / "run/shop-production/journal.jsonl"
    with file.open("a") as cut:
        cut.write('{"kind": "witness", "roll')
    journal.note_done(Done(rollout="r", at=6.0, decision=replace(one, state=replace(one.state, at=6.0))))
    again = Journal(tmp_path, "shop", "production")
    assert [done.at for done in again.done("r")] == [5.0, 6.0]
    assert again.done("r")[0].decision == one
    again.note_merged(again.done("r")[0])
    assert [done.at for done in Journal(tmp_path, "shop", "production").done("r")] == [6.0]
    assert all(
        json.loads(line) for line in file.read_text().splitlines() if line.startswith("{") and line.endswith("}")
    )


def test_the_journal_goes_on_in_memory_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file is in the way")
    journal = Journal(tmp_path, "shop", "production")
    state = begin(a_plan(), "old", Mode.FULL)
    done = Done(rollout="r", at=0.0, decision=Decision(state, (), (Event("paused", "so"),)))
    journal.note_done(done)
    assert journal.done("r") == (done,)
    (tmp_path / "run").unlink()
    journal.note_done(replace(done, at=1.0))
    assert len(Journal(tmp_path, "shop", "production").done("r")) == 2


def test_a_step_of_the_wall_clock_shortens_and_lengthens_no_watch(
    tmp_path: Path, store: Store, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = Driver(store, tmp_path, begun(store), HERE)
    while not (world.split and world.split.weight("new")):
        driver.look()
    driver.look()
    real = time.time
    before, began = driver.rollout.state.in_status, time.monotonic()
    monkeypatch.setattr("pilotage.engine.execution.driver.time.time", lambda: real() + 3600)
    driver.look()
    assert driver.rollout.state.in_status - before <= time.monotonic() - began + 0.1
    assert world.split != Split((("new", 1000),))
