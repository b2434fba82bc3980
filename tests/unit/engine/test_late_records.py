"""What was decided without the store belongs to the record on which it was decided: it is never put on another one."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from pilotage.adapters.ports import Fenced
from pilotage.engine.execution import looking, troubles
from pilotage.engine.execution.driver import Driver
from pilotage.engine.execution.worker import Worker
from pilotage.engine.records.store import Store
from pilotage.engine.rescue.journal import Done, Journal, Witness
from pilotage.engine.rescue.takeover import found_at_takeover
from pilotage.model.json import text_at
from pilotage.model.progress import ToggleProgress
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Decision, Event, Observed, RolloutState, Status
from tests.unit.engine.test_abort_first import BACK, WITHIN, begun
from tests.unit.engine.world import World

HERE, THERE = "here/1/1.00", "there/2/1.00"


def drive_to(driver: Driver, step: int) -> Rollout:
    until = time.monotonic() + WITHIN
    while driver.rollout.state.step < step:
        assert time.monotonic() < until, driver.rollout.state
        driver.look()
    return driver.rollout


def lose_lease(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE leases SET expires_at = 0"))


def left(rollout: Rollout, state: RolloutState, kind: str) -> Done:
    """What a worker kept that knew `rollout` as it is."""
    decision = Decision(replace(state, at=state.at + 0.001), (), (Event(kind, kind),))
    return Done(rollout=rollout.id, at=decision.state.at, decision=decision, base=rollout.revision, head=rollout.head)


def kinds(store: Store, rollout: str) -> list[str]:
    return [event.type for event in store.events(rollout)]


def steps(store: Store, rollout: str) -> list[str]:
    return [text_at(event.data, "step") for event in store.events(rollout) if event.type == "step-started"]


@pytest.mark.usefixtures("world")
def test_a_hold_of_a_worker_that_froze_does_not_set_back_what_another_did_since(tmp_path: Path, store: Store) -> None:
    """One executor per target: what the first kept for the store is of a state that is no more."""
    rollout = begun(store)
    first = drive_to(Driver(store, tmp_path, rollout, HERE), 1)
    Journal(tmp_path, "service", "production").note_done(
        left(first, replace(first.state, status=Status.HOLDING, reason="nobody answers"), "hold-started")
    )
    same = Driver(store, tmp_path, rollout, HERE)
    same.look()
    same.look()
    assert kinds(store, rollout).count("hold-started") == 1, "on its own record it is merged"
    held = store.get(rollout)
    lose_lease(store)
    drive_to(Driver(store, tmp_path, rollout, THERE), 2)
    Journal(tmp_path, "service", "production").note_done(left(held, replace(held.state, step=1), "hold-started"))
    again = Driver(store, tmp_path, rollout, THERE)
    again.look()
    assert again.rollout.state.step == 2
    assert kinds(store, rollout).count("hold-started") == 1
    assert len(steps(store, rollout)) == len(set(steps(store, rollout)))
    assert not Journal(tmp_path, "service", "production").done(rollout)


def test_users_that_were_taken_back_stay_so_whatever_was_recorded_since(
    tmp_path: Path, store: Store, world: World
) -> None:
    """Undone stays undone: the way back begins on the record that is there, and is told once."""
    rollout = begun(store)
    first = drive_to(Driver(store, tmp_path, rollout, HERE), 1)
    lose_lease(store)
    drive_to(Driver(store, tmp_path, rollout, THERE), 2)
    undone = replace(first.state, status=Status.ROLLED_BACK, returned=True, reason="ada: it hurts")
    Journal(tmp_path, "service", "production").note_done(left(first, undone, "rolled-back"))
    again = Driver(store, tmp_path, rollout, THERE)
    until = time.monotonic() + WITHIN
    while not again.rollout.state.status.final:
        assert time.monotonic() < until
        again.look()
    assert again.rollout.state.status is Status.ROLLED_BACK
    assert "ada: it hurts" in again.rollout.state.reason
    assert world.split == BACK
    for once in ("rollback-started", "traffic-restored", "rolled-back"):
        assert kinds(store, rollout).count(once) == 1, once
    assert store.broken_link(rollout) is None


@pytest.mark.usefixtures("world")
def test_a_worker_that_lost_the_target_keeps_nothing_beside_it(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It thaws, sees that nobody answered for long, and wants to hold: the fence is another's by then."""
    rollout = begun(store)
    frozen = Driver(store, tmp_path, rollout, HERE)
    drive_to(frozen, 1)
    target = frozen._open()
    lose_lease(store)
    Driver(store, tmp_path, rollout, THERE).look()
    monkeypatch.setattr(frozen, "_open", lambda: target)  # the store is too slow to tell it
    monkeypatch.setattr(frozen._recorder, "record", lambda *_: False)
    store.command(rollout, CommandKind.ABORT, "ada")
    with pytest.raises(Fenced):
        frozen.look()
    assert not Journal(tmp_path, "service", "production").done(rollout)


def test_a_fence_that_goes_on_refusing_is_told_once_and_the_rollout_goes_on_when_it_lets_go(
    tmp_path: Path, store: Store, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds the lease is refused at every look: somebody else acts here by another store. Nothing else would
    tell people that nobody looks after the rollout."""
    rollout, obeys = begun(store), world.route
    refusal = "another controller (token 9) has taken over from this one (token 1)"

    def refuses(*_: Any) -> None:
        raise Fenced(refusal)

    def told() -> list[str]:
        return [event.sentence for event in store.events(rollout) if event.type == "intervention-required"]

    monkeypatch.setattr(world, "route", refuses)
    monkeypatch.setattr(troubles, "LASTS", 0.3)
    monkeypatch.setattr(looking, "_AFTER_TROUBLE", 0.05)
    worker = Worker(tmp_path)
    thread = threading.Thread(target=worker.serve, daemon=True)
    thread.start()
    try:
        until = time.monotonic() + WITHIN
        while not told():
            assert time.monotonic() < until
            time.sleep(0.05)
        monkeypatch.setattr(world, "route", obeys)
        while not (world.split and world.split.weight("new")):
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        worker.stopping.set()
        thread.join(WITHIN)
        worker.store.close()
    assert [refusal in sentence for sentence in told()] == [True]


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("undoes", [False, True])
def test_a_record_whose_answer_was_lost_is_neither_forgotten_nor_made_again(
    undoes: bool, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database commits a step and dies before it says so; meanwhile the worker holds, or takes users back."""
    rollout, real = begun(store), store.record
    driver = Driver(store, tmp_path, rollout, HERE)
    drive_to(driver, 1)
    step = driver.rollout.state.step
    lost: list[Decision] = []

    def unanswered(known: Rollout, decision: Decision, *more: Any) -> Rollout:
        if lost:
            raise OperationalError("", {}, Exception("it is down"))
        found = real(known, decision, *more)
        if decision.state.step == step:
            return found
        lost.append(decision)
        raise OperationalError("", {}, Exception("it died while it answered"))

    monkeypatch.setattr(store, "record", unanswered)
    until = time.monotonic() + WITHIN
    while not lost:
        assert time.monotonic() < until
        driver.look()
    assert driver.rollout.state.step == step, "nothing goes forward without a record"
    status = Status.ROLLING_BACK if undoes else Status.HOLDING
    kept = replace(driver.rollout.state, status=status, reason="so", at=driver.rollout.state.at + 0.001)
    driver._recorder.keep(Decision(kept, (), (Event("rollback-started" if undoes else "hold-started", "so"),)))
    monkeypatch.setattr(store, "record", real)
    while driver.alone:
        assert time.monotonic() < until
        driver.look()
    driver.look()
    found = store.get(rollout)
    assert len(steps(store, rollout)) == len(set(steps(store, rollout)))
    assert lost[0].state.step <= found.state.step or undoes
    assert (found.state.status in (Status.ROLLING_BACK, Status.ROLLED_BACK)) is undoes
    assert not Journal(tmp_path, "service", "production").done(rollout)


def test_the_way_back_after_the_store_went_back_begins_as_any_other(tmp_path: Path, store: Store) -> None:
    """Parts of a feature toggle that never began need no way back, whoever decides on it."""
    rollout = store.get(begun(store, "feature-toggle"))
    journal = Journal(tmp_path, "service", "production")
    witness = Witness(
        rollout=rollout.id, sequence=1, version="new", revision=rollout.revision + 3, head="h",
        status="rolled-back", at=1.0,
    )  # fmt: skip
    journal.note(witness)
    asks = Observed(None, None)
    found = found_at_takeover(rollout, journal, asks, now=2.0, knows=True)
    assert found is not None
    assert found.state.status is Status.ROLLING_BACK
    assert isinstance(found.state.progress, ToggleProgress)
    assert [event.type for event in found.events] == ["rollback-started", "intervention-required"]
    # What is on its way back already stays so, whatever else the store has lost.
    later = replace(rollout, state=found.state)
    journal.note(replace(witness, rollout="another", sequence=9, status="completed"))
    again = found_at_takeover(later, journal, asks, now=3.0, knows=False)
    assert again is not None
    assert (again.state.status, [event.type for event in again.events]) == (
        Status.ROLLING_BACK,
        ["intervention-required"],
    )
