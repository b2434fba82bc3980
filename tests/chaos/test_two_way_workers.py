"""R33: of two workers that share a database, one records each decision about a way, and two people cannot start two
ways of a service at once."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.engine.records import outbox, ways
from pilotage.engine.records.home import here
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.way.machine import begin, decide
from pilotage.way.seen import WaySeen
from tests.unit.way.ways import whole_way

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("postgres")]
LOG = {"kind": "webhook", "url": "https://hooks.example.org/x"}


def test_of_two_workers_and_two_people_one_is_first(database: str, tmp_path: Path) -> None:
    assert database
    stores = [Store(tmp_path / name) for name in ("a", "b")]
    outcomes = list[str]()

    def start(store: Store, name: str) -> None:
        way = replace(whole_way(), id=f"way-{name}")
        state, first = begin(way)
        try:
            ways.create(store, way, state, first, [LOG], here(store.directory), store.clock.now())
            outcomes.append("started")
        except StoreConflict:
            outcomes.append("refused")

    def decide_once(store: Store, identity: str) -> None:
        stored = ways.get(store.engine, identity)
        meet.wait(30)
        decision = decide(stored.way, stored.state, WaySeen(), (), store.clock.now())
        try:
            ways.record(store, stored, decision.state, decision.events, (), store.clock.now())
            outcomes.append("recorded")
        except StoreConflict:
            outcomes.append("late")

    meet = threading.Barrier(2)
    together([threading.Thread(target=start, args=(store, name)) for store, name in zip(stores, "ab", strict=True)])
    assert sorted(outcomes) == ["refused", "started"]
    outcomes.clear()
    newest = ways.newest(stores[0].engine, "shop")
    assert newest is not None
    together([threading.Thread(target=decide_once, args=(store, newest.way.id)) for store in stores])
    assert sorted(outcomes) == ["late", "recorded"]
    assert [event.type for event in ways.events(stores[1].engine, newest.way.id)] == ["way-started", "stage-started"]
    assert ways.broken(stores[0].engine, newest.way.id) is None
    assert len(outbox.letters(stores[0].engine, thread=newest.way.id)) == 1
    for store in stores:
        store.close()


def together(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
