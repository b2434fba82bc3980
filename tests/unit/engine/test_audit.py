"""R34: every change is one row of a chain, in the transaction of the change."""

from __future__ import annotations

import importlib
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from pilotage.app.auditing import CHANGES, OUTSIDE
from pilotage.app.permissions import Permission
from pilotage.engine import records
from pilotage.engine.records import audit
from pilotage.engine.records.audit_choices import Choices
from pilotage.engine.records.audited import AUDITED, SENSED, UNAUDITED
from pilotage.engine.records.doing import begin, doing
from pilotage.engine.records.store import Store
from pilotage.engine.records.tables import metadata
from pilotage.engine.records.tables_identity import audit as table
from pilotage.engine.records.tables_identity import custom_roles, persons, tokens
from pilotage.model.access import Grant, HolderKind
from pilotage.model.audit import Act

ADA = Act(actor="ada", kind="person", proof="password", action="manage-people", address="10.0.0.7")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    begin(None)  # what an earlier test of this process was doing
    return Store(tmp_path)


def test_r34_every_table_is_audited_or_says_why_it_is_not() -> None:
    for module in Path(records.__file__).parent.glob("*.py"):
        importlib.import_module(f"{records.__name__}.{module.stem}")
    assert not set(AUDITED) & set(UNAUDITED)
    assert set(metadata.tables) == set(AUDITED) | set(UNAUDITED)
    for name, shown in AUDITED.items():
        columns = {*shown.keys, *shown.columns, *SENSED.get(name, ()), *([shown.reason] if shown.reason else [])}
        assert columns <= set(metadata.tables[name].c.keys()), name
        assert not columns & {"hash"}, f"{name} shows a secret"


def test_r34_every_permission_says_which_tables_it_changes() -> None:
    assert set(CHANGES) | OUTSIDE == set(Permission)
    assert not set(CHANGES) & OUTSIDE
    assert {name for names in CHANGES.values() for name in names} <= set(AUDITED)


def test_r34_a_change_and_its_row_are_one_transaction(store: Store) -> None:
    with doing(ADA):
        store.persons.add("bob", 5.0, password="$argon2id$secret")
        store.persons.grant(HolderKind.PERSON, "bob", Grant(role="deployer", service="shop"), "ada", 6.0)
    first, second = audit.all_rows(store.engine)
    assert (first.actor, first.address, first.object, first.outcome) == ("ada", "10.0.0.7", "bob", "done")
    assert first.before is None
    assert first.after is not None
    assert first.after["persons"] == [{"name": "bob", "email": "", "groups": [], "password": "set"}]
    assert (second.previous, second.number) == (first.hash, 2)
    assert "secret" not in str(first)


def test_r34_an_update_shows_what_was_and_what_is_and_secrets_only_as_changed(store: Store) -> None:
    store.persons.add("bob", 5.0, email="bob@old.example")
    with doing(ADA), store.engine.begin() as connection:
        connection.execute(
            update(persons).where(persons.c.name == "bob").values(email="bob@new.example", totp="geheim")
        )
    row = list(audit.all_rows(store.engine))[-1]
    assert row.before == {"persons": [{"name": "bob", "email": "bob@old.example"}]}
    assert row.after == {"persons": [{"name": "bob", "email": "bob@new.example", "totp": "changed"}]}
    with doing(ADA), store.engine.begin() as connection:
        connection.execute(delete(persons).where(persons.c.name == "bob"))
    row = list(audit.all_rows(store.engine))[-1]
    assert row.after is None
    assert row.before is not None
    assert "bob@new.example" in str(row.before)


def test_r34_what_is_rolled_back_leaves_no_row_and_people_always_do(store: Store) -> None:
    with doing(ADA), store.engine.connect() as connection:
        connection.execute(tokens.update().values(revoked_at=1.0))
        row = {"name": "eve", "permissions": [], "by": "ada", "at": 1.0}
        connection.execute(custom_roles.insert().values(row))
        connection.rollback()
    assert audit.newest(store.engine) is None
    store.persons.add("bob", 5.0)
    found = audit.newest(store.engine)
    assert found is not None
    assert (found.actor, found.action) == ("pilotage", "change")


def write_together(stores: list[Store], each: int) -> None:
    """As many threads as stores, each with changes of its own."""

    def write(store: Store, name: str) -> None:
        with doing(Act(actor=name, kind="person", proof="password", action="manage-people")):
            for number in range(each):
                store.persons.add(f"{name}-{number}", 1.0)

    threads = [threading.Thread(target=write, args=(one, f"writer{number}")) for number, one in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_r34_two_writers_leave_no_gap_and_lose_no_row(tmp_path: Path) -> None:
    stores = [Store(tmp_path), Store(tmp_path)]
    write_together(stores, 20)
    rows = list(audit.all_rows(stores[0].engine))
    assert [row.number for row in rows] == list(range(1, 41))
    assert {row.object for row in rows} == {f"writer{one}-{number}" for one in (0, 1) for number in range(20)}
    assert not audit.check(stores[0].engine).faults


def test_r34_the_first_bad_row_is_named(store: Store) -> None:
    with doing(ADA):
        for name in ("bob", "cyd", "dan"):
            store.persons.add(name, 5.0)
    with store.engine.begin() as connection:
        connection.execute(update(table).where(table.c.number == 2).values(actor="eve"))
    assert audit.check(store.engine).faults == ("row 2 is not what was written: manage-people of cyd, by eve",)
    with store.engine.begin() as connection:
        connection.execute(delete(table).where(table.c.number == 2))
    assert audit.check(store.engine).faults == ("row 2 is missing",)


def test_r34_what_one_may_filter_by_grows_with_the_log_and_goes_back_with_it(store: Store) -> None:
    choices = Choices(store.engine)
    assert choices.of("actor") == ()
    for actor in ("bob", "ada", "bob"):
        audit.write(store.engine, replace(ADA, actor=actor), 1.0)
        assert actor in choices.of("actor")
    assert (choices.of("actor"), choices.of("action")) == (("ada", "bob"), ("manage-people",))
    with store.engine.begin() as connection:
        connection.execute(delete(table).where(table.c.number > 1))
    assert choices.of("actor") == ("bob",)
