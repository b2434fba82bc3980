"""Looks at which nothing happened are recorded together, and nobody waits for them."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from pilotage import Service
from pilotage.engine.execution.crew import Crew
from pilotage.engine.execution.recorder import Recorder
from pilotage.engine.placement import leases
from pilotage.engine.records.checkpoints import Checkpoints
from pilotage.engine.records.news import Changes
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.engine.rescue.journal import Journal
from pilotage.model.events import InterventionRequired
from pilotage.model.live import JudgeState, LiveView
from pilotage.model.record import Rollout
from pilotage.model.rollout import Decision, Mode, RolloutState
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.plans import a_plan

LONGEST = 20.0
SUMS = JudgeState(sums={"a": 1})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def begun(store: Store, name: str) -> Rollout:
    plan = a_plan(service=Service(name))
    return store.create(plan, begin(plan, "old", Mode.FULL), Snapshot(), "ada", time.time())


def watched(rollout: Rollout, seconds: float) -> RolloutState:
    return replace(rollout.state, watched=seconds, at=rollout.state.at + seconds)


def test_one_that_another_worker_has_changed_spoils_no_other(store: Store) -> None:
    """Several rollouts in one transaction; each keeps its own revision, and a conflict is that of one alone."""
    rollouts = [begun(store, f"service-{number}") for number in range(5)]
    other = rollouts[2]
    store.record(other, Decision(watched(other, 9.0), (), ()), None, LiveView(at=9.0))
    checkpoints = Checkpoints(store, threading.Event())
    calls = [checkpoints.put(one, Decision(watched(one, 3.0), (), ()), SUMS, LiveView(at=3.0)) for one in rollouts]
    checkpoints.start()
    for one, call in zip(rollouts, calls, strict=True):
        assert call.wait(LONGEST)
        found = store.get(one.id)
        if one is other:
            with pytest.raises(StoreConflict):
                call.result()
            assert (found.state.watched, found.live.at, found.judge) == (9.0, 9.0, None)
        else:
            assert call.result().revision == found.revision == one.revision + 1
            assert (found.state.watched, found.live.at, found.judge) == (3.0, 3.0, SUMS)
            assert (found.head, found.events) == (one.head, one.events)


def test_one_that_is_no_json_spoils_no_other(store: Store) -> None:
    good, bad = begun(store, "good"), begun(store, "bad")
    checkpoints = Checkpoints(store, threading.Event())
    fine = checkpoints.put(good, Decision(watched(good, 1.0), (), ()), SUMS, LiveView())
    broken = checkpoints.put(bad, Decision(watched(bad, float("nan")), (), ()), SUMS, LiveView())
    checkpoints.start()
    assert fine.wait(LONGEST)
    assert broken.wait(LONGEST)
    assert broken.failed
    assert store.get(good.id).state.watched == 1.0


def test_what_happens_does_not_wait_for_a_checkpoint_and_is_recorded_on_the_record_before(
    store: Store, tmp_path: Path
) -> None:
    """What happens is recorded before it is acted upon, whatever was to be written meanwhile."""
    found = begun(store, "service")
    checkpoints = Checkpoints(store, threading.Event())  # nobody writes them
    recorder = Recorder(store, found, Journal(tmp_path, "service", "production"), Crew(), checkpoints)
    quiet = watched(found, 4.0)
    recorder.checkpoint(Decision(quiet, (), ()), SUMS, LiveView())
    assert recorder.rollout.state == quiet
    event = InterventionRequired(cause="stuck", step="", reason="why").record()
    decision = Decision(replace(quiet, watched=5.0), (), (event,))
    assert recorder.record(decision, SUMS, LiveView(), LONGEST)
    assert store.get(found.id).state.watched == 5.0
    assert store.get(found.id).revision == found.revision + 1
    assert recorder.rollout.state.watched == 5.0


def test_a_file_says_when_another_connection_has_changed_it(store: Store) -> None:
    """Nobody asks an idle store for lists ten times a second."""
    changes = Changes(store.engine)
    assert changes.any()
    assert not all(changes.any() for _ in range(3))
    begun(store, "service")
    assert changes.any()


def test_a_rollout_whose_target_a_living_worker_holds_is_not_taken_in_hand_by_another(store: Store) -> None:
    """Reading a rollout again and again to find that another has it would cost as much as looking at it."""
    first, second = begun(store, "first"), begun(store, "second")
    me, you = leases.holder(), "elsewhere/1/1/boot/2/"
    assert leases.acquire(store.engine, "first/production", you) == 1
    assert leases.acquire(store.engine, "second/production", me) == 1
    assert leases.held_by_others(store.engine, me) == {first.id}
    assert leases.held_by_others(store.engine, you) == {second.id}
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE leases SET expires_at = 0"))
    assert leases.held_by_others(store.engine, me) == set()
