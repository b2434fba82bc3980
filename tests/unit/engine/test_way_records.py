"""R33: a way's changes are recorded whole, by one worker, and told once."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from pilotage.engine.records import outbox, ways
from pilotage.engine.records.home import here
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.model.json import list_at
from pilotage.model.way_command import WayCommandKind
from pilotage.way.machine import begin, decide
from pilotage.way.seen import RunSeen, RunStatus, WaySeen
from tests.unit.way.ways import whole_way

LOG = {"kind": "webhook", "url": "https://hooks.example.org/x"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def created(store: Store, identity: str = "way-1", *, replaces: bool = False) -> ways.StoredWay:
    from dataclasses import replace

    way = replace(whole_way(), id=identity)
    state, first = begin(way)
    place = here(store.directory)
    return ways.create(store, way, state, first, [LOG], place, store.clock.now(), replaces=replaces)


def test_of_two_workers_that_decide_only_one_records(store: Store) -> None:
    stored = created(store)
    decision = decide(stored.way, stored.state, WaySeen(), (), store.clock.now())
    ways.record(store, stored, decision.state, decision.events, (), store.clock.now())
    with pytest.raises(StoreConflict, match="changed by another worker"):
        ways.record(store, stored, decision.state, decision.events, (), store.clock.now())
    assert [event.type for event in ways.events(store.engine, "way-1")] == ["way-started", "stage-started"]


def test_each_transition_is_told_once_and_a_failed_stage_opens_an_incident(store: Store) -> None:
    stored = created(store)
    state = stored.state
    for run in (RunStatus.ABSENT, RunStatus.FAILED):
        seen = WaySeen(runs={("build", 1): RunSeen(status=run, detail="2 tests failed")})
        decision = decide(stored.way, state, seen, (), store.clock.now())
        stored = ways.record(store, stored, decision.state, decision.events, decision.answered, store.clock.now())
        state = stored.state
    told = outbox.letters(store.engine, thread="way-1")
    assert {one.message["type"] for one in told} == {"way-started", "stage-failed", "way-failed"}
    assert len(told) == 3, "a webhook hears of what is at least informative"
    [failed] = [one.message for one in told if one.message["type"] == "stage-failed"]
    assert failed["text"] == "build failed: 2 tests failed"
    assert failed["incident"] == "trigger"
    assert ["started by", "ada"] in list_at(failed, "facts")
    assert stored.finished_at is not None
    assert ways.under_way(store.engine, here(store.directory).id) == ()


def test_a_second_way_is_refused_or_replaces_the_first(store: Store) -> None:
    first = created(store)
    with pytest.raises(StoreConflict, match=r"2\.5\.0 is on its way: wait for it"):
        created(store, "way-2")
    second = created(store, "way-2", replaces=True)
    [asked] = ways.pending(store.engine, "way-1")
    assert asked.kind is WayCommandKind.ABORT
    assert asked.reason == "replaced by 2.5.0"
    assert ways.before(store.engine, second) == first.way.version
    assert ways.before(store.engine, first) == ""


def test_commands_that_come_too_late_are_answered(store: Store) -> None:
    stored = created(store)
    number = ways.command(store, "way-1", WayCommandKind.HOLD, "bob")
    decision = decide(stored.way, stored.state, WaySeen(), (), store.clock.now())
    from dataclasses import replace

    from pilotage.model.way import WayStatus

    over = replace(decision.state, status=WayStatus.COMPLETED)
    ways.record(store, stored, over, (), (), store.clock.now())
    assert ways.outcome(store.engine, number) == "too late: the way is completed"
    with pytest.raises(StoreConflict, match="too late to hold"):
        ways.command(store, "way-1", WayCommandKind.HOLD, "bob")


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE way_events SET sentence = 'all is well' WHERE number = 1",
        "DELETE FROM way_events WHERE number = 2",
        "UPDATE ways SET body = replace(body, '2.5.0', '6.6.6')",
    ],
)
def test_an_edited_record_is_noticed(store: Store, edit: str) -> None:
    stored = created(store)
    decision = decide(stored.way, stored.state, WaySeen(), (), store.clock.now())
    ways.record(store, stored, decision.state, decision.events, (), store.clock.now())
    assert ways.broken(store.engine, "way-1") is None
    with store.engine.begin() as connection:
        connection.execute(text(edit))
    assert ways.broken(store.engine, "way-1") is not None


def test_ways_are_listed_newest_first(store: Store) -> None:
    created(store)
    created(store, "way-2", replaces=True)
    assert [one.way.id for one in ways.listed(store.engine, "shop")][-1] == "way-1"
    assert ways.newest(store.engine, "shop", "9.9") is None


def test_the_ways_to_an_environment_are_verified_with_it(store: Store) -> None:
    created(store)
    assert ways.broken_ways(store.engine, "shop", "eu") == ()
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE way_events SET sentence = 'all is well'"))
    assert ways.broken_ways(store.engine, "shop", "eu") == (("way-1", "event 1 does not follow from event 0"),)
    assert ways.broken_ways(store.engine, "shop", "elsewhere") == ()
