"""What outlives a process: one transaction for state and events, a chain that shows tampering, leases with tokens."""

from __future__ import annotations

import importlib
import pkgutil
import sqlite3
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from pilotage import Service
from pilotage.engine.placement import leases
from pilotage.engine.placement.places import FolderTaken
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.model.live import NOTHING_SEEN, LiveView
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Decision, Event, Mode, RolloutState, Status
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests import plans

a_plan = partial(plans.a_plan, version="2.0")


def started(store: Store, version: str = "2.0", old: str | None = "1.0", mode: Mode = Mode.FULL) -> Rollout:
    plan = a_plan(version=version)
    return store.create(plan, begin(plan, old, mode), Snapshot(cwd="/shop"), "ada", time.time())


def ended(store: Store, rollout: Rollout, status: Status = Status.COMPLETED) -> Rollout:
    state = replace(rollout.state, status=status, at=time.time())
    return store.record(rollout, Decision(state, (), (Event(status.value, "the end"),)), None, NOTHING_SEEN)


def test_what_is_recorded_is_read_again_also_by_another_process(store: Store, tmp_path: Path) -> None:
    rollout = started(store)
    again = Store(tmp_path).get(rollout.id)
    assert again == rollout
    assert isinstance(again.state, RolloutState)
    assert again.plan == a_plan()


def test_rule_8_one_rollout_at_a_time_in_an_environment(store: Store) -> None:
    rollout = started(store)
    with pytest.raises(StoreConflict, match=r"2\.0 has been rolling out in production"):
        started(store, "3.0")
    ended(store, rollout)
    started(store, "3.0")


def test_two_targets_whose_names_come_to_the_same_folder_do_not_share_it(store: Store) -> None:
    """`shop` in `eu-production` and `shop-eu` in `production` would both run in `shop-eu-production`, on one router."""
    first, second = (
        a_plan(service=Service(name=name, environment=environment))
        for name, environment in (("shop", "eu-production"), ("shop-eu", "production"))
    )
    store.create(first, begin(first, None, Mode.FULL), Snapshot(cwd="/shop"), "ada", time.time())
    with pytest.raises(FolderTaken, match=r"would share the folder .*shop in eu-production"):
        store.create(second, begin(second, None, Mode.FULL), Snapshot(cwd="/shop"), "ada", time.time())
    assert store.newest("shop-eu", "production") is None


def test_a_record_made_of_an_old_reading_is_refused_whole(store: Store) -> None:
    rollout = started(store)
    fresh = store.record(rollout, Decision(rollout.state, (), (Event("a", "first"),)), None, NOTHING_SEEN)
    with pytest.raises(StoreConflict, match="another worker"):
        store.record(rollout, Decision(rollout.state, (), ()), None, LiveView(title="stale"))
    assert store.get(rollout.id).live == NOTHING_SEEN
    assert fresh.events == 2


def test_the_chain_begins_with_the_plan_and_is_whole(store: Store) -> None:
    rollout = started(store)
    for n in range(5):
        rollout = store.record(
            rollout, Decision(rollout.state, (), (Event("step", f"number {n}"),)), None, NOTHING_SEEN
        )
    recorded = store.events(rollout.id)
    assert recorded[0].before == rollout.plan_hash
    assert [e.number for e in recorded] == [1, 2, 3, 4, 5, 6]
    assert store.broken_link(rollout.id) is None


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE events SET sentence = 'nothing happened' WHERE number = 3",
        "DELETE FROM events WHERE number = 3",
        "DELETE FROM events WHERE number = 6",
        "UPDATE events SET at = at + 1 WHERE number = 1",
        'UPDATE plans SET body = replace(body, \'"version":"2.0"\', \'"version":"6.6"\')',
    ],
)
def test_tampering_breaks_the_chain(store: Store, tmp_path: Path, tampering: str) -> None:
    rollout = started(store)
    for n in range(5):
        rollout = store.record(
            rollout, Decision(rollout.state, (), (Event("step", f"number {n}"),)), None, NOTHING_SEEN
        )
    with sqlite3.connect(tmp_path / "pilotage.sqlite") as connection:
        assert connection.execute(tampering).rowcount >= 1
    assert store.broken_link(rollout.id) is not None


def test_commands_wait_until_their_outcome_is_recorded(store: Store) -> None:
    rollout = started(store)
    identity = store.command(rollout.id, CommandKind.ABORT, "ada", "because")
    assert [c.reason for c in store.pending(rollout.id)] == ["because"]
    store.record(rollout, Decision(rollout.state, (), (), ((identity, "done"),)), None, NOTHING_SEEN)
    assert store.pending(rollout.id) == ()
    assert store.outcome(identity) == "done"


def test_good_versions_are_those_that_served_and_were_not_gone_back_from(store: Store) -> None:
    ended(store, started(store, "1.0", None, Mode.INITIAL))
    ended(store, started(store, "2.0", "1.0"))
    ended(store, started(store, "3.0", "2.0"), Status.ROLLED_BACK)
    assert store.serving("service", "production") == ("2.0", "1.0")
    ended(store, started(store, "1.0", "2.0", Mode.FAST_RETURN))
    assert store.serving("service", "production") == ("1.0",)
    ended(store, started(store, "2.0", "1.0"))
    assert store.serving("service", "production") == ("2.0", "1.0")


def test_rule_4_a_lease_has_one_holder_and_its_token_grows_when_it_changes_hands(store: Store) -> None:
    here = leases.holder()
    elsewhere = "other-host/1/1.00"
    assert leases.acquire(store.engine, "shop/production", elsewhere) == 1
    assert leases.acquire(store.engine, "shop/production", here) is None
    assert leases.acquire(store.engine, "shop/production", elsewhere) == 1
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE leases SET expires_at = 0")
    assert leases.acquire(store.engine, "shop/production", here) == 2
    assert leases.acquire(store.engine, "shop/production", elsewhere) is None


def test_a_dead_process_of_this_host_holds_nothing(store: Store) -> None:
    host, _, *rest = leases.holder().split("/")
    dead = "/".join((host, "999999", *rest))
    assert leases.acquire(store.engine, "shop/production", dead) == 1
    assert leases.acquire(store.engine, "shop/production", leases.holder()) == 2


@pytest.mark.usefixtures("store")
def test_a_store_of_a_newer_pilotage_is_refused(tmp_path: Path) -> None:
    from pilotage.engine.records.migrations import StoreTooNew

    with sqlite3.connect(tmp_path / "pilotage.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreTooNew, match="upgrade Pilotage"):
        Store(tmp_path)


def test_the_tables_are_what_the_migrations_make(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from pilotage.engine import records
    from pilotage.engine.records.tables import metadata

    # Every module that declares a table has to be loaded, whichever tests ran before.
    for module in pkgutil.iter_modules(records.__path__):
        importlib.import_module(f"{records.__name__}.{module.name}")
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_what_people_typed_is_kept_as_text_whatever_bytes_it_had(store: Store) -> None:
    rollout = started(store)
    number = store.command(rollout.id, CommandKind.ABORT, "ada\x1b[31m", "it \udcff hurts\x00, \u202ebadly")
    (asked,) = store.pending(rollout.id)
    assert (asked.id, asked.actor, asked.reason) == (number, "ada", "it  hurts, badly")
