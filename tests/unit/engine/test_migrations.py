"""A store of an older version is brought up to date whatever lies in it: every row is moved, none stops the others."""

from __future__ import annotations

import json
import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event

from pilotage.engine.records import migrations
from pilotage.engine.records.revision import NEWEST
from pilotage.engine.records.store import Store
from pilotage.model.record import Unreadable
from pilotage.model.rollout import Mode, RolloutState, Status
from pilotage.model.stored_state import to_data
from pilotage.rollout.machine import begin
from tests.plans import a_plan


def old_store(directory: Path, revision: str = "0006") -> sqlite3.Connection:
    """An empty file as an older version left it, with a connection to it that writes at once."""
    from alembic import command
    from alembic.config import Config

    engine = create_engine(f"sqlite:///{directory / 'pilotage.sqlite'}")

    @event.listens_for(engine, "connect")
    def _(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")

    configuration = Config()
    configuration.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with engine.begin() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, revision)
    engine.dispose()
    return sqlite3.connect(directory / "pilotage.sqlite", isolation_level=None)


def old_row(connection: sqlite3.Connection, version: str, status: Status, created_at: float, **changed: object) -> str:
    """A rollout as an older version wrote it, its start among its events unless it never started."""
    plan = a_plan(version=version)
    state = replace(begin(plan, "1.0", Mode.FULL), status=status, at=created_at + 5)
    row = {
        "id": f"service-production-{version}", "service": "service", "environment": "production", "version": version,
        "old": "1.0", "status": status.value, "actor": "ada", "created_at": created_at,
        "finished_at": created_at + 5 if status.final else None, "plan": plan.to_json(), "plan_hash": plan.hash,
        "target": "{}", "state": json.dumps(to_data(state)), "judge": None, "live": None,
        "head": plan.hash, "events": 1, "revision": 3, "release": None, **changed,
    }  # fmt: skip
    connection.execute(f"INSERT INTO rollouts ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", [*row.values()])
    return str(row["id"])


def told(connection: sqlite3.Connection, rollout: str, kind: str, at: float) -> None:
    connection.execute("INSERT INTO events VALUES (?, 1, ?, ?, 'x', '{}', '', '')", (rollout, at, kind))


def state_of(version: str, **changed: object) -> str:
    state: RolloutState = replace(begin(a_plan(version=version), "1.0", Mode.FULL), **changed)  # type: ignore[arg-type]
    return json.dumps(to_data(state))


def test_every_row_is_moved_in_the_order_of_its_start_and_what_never_started_is_cancelled(tmp_path: Path) -> None:
    old = old_store(tmp_path)
    first = old_row(old, "2.0", Status.COMPLETED, created_at=100.0)
    hotfix = old_row(old, "1.0.1", Status.COMPLETED, created_at=200.0)
    told(old, hotfix, "rollout-started", 200.0)
    # Asked for first, it waited and started last.
    told(old, first, "rollout-started", 300.0)
    withdrawn = state_of("3.0", status=Status.ROLLED_BACK, reason="withdrawn by ada")
    old_row(old, "3.0", Status.ROLLED_BACK, created_at=400.0, state=withdrawn)
    waiting = old_row(old, "4.0", Status.QUEUED, created_at=500.0)
    old.close()
    store = Store(tmp_path)
    found = [(one.version, one.sequence, one.status) for one in store.history("service", "production")]
    assert found == [
        ("4.0", None, Status.QUEUED), ("3.0", None, Status.CANCELLED), ("2.0", 2, Status.COMPLETED),
        ("1.0.1", 1, Status.COMPLETED),
    ]  # fmt: skip
    assert store.serving("service", "production") == ("2.0", "1.0.1")
    assert [one.id for one in store.settled()] == [first]
    assert store.get(waiting).plan == a_plan(version="4.0")
    assert store.get("service-production-3.0").state.status is Status.CANCELLED
    assert (tmp_path / f"pilotage.sqlite.before-{NEWEST:04d}").stat().st_mode & 0o777 == 0o600


def test_broken_rows_are_moved_as_they_are_and_stop_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old = old_store(tmp_path)
    strange = {"plan": '{"format": 3}', "plan_hash": "f" * 64}
    no_plan = old_row(old, "2.0", Status.COMPLETED, 100.0, **strange)
    old_row(old, "2.1", Status.COMPLETED, 110.0, state="{cut", judge="{cut", live="[", target="?")
    old_row(old, "2.2", Status.COMPLETED, 120.0)
    old.execute("UPDATE rollouts SET status = 'melted' WHERE version = '2.2'")
    good = old_row(old, "3.0", Status.COMPLETED, 200.0, judge='{"sums": {"a": 1}}', live='{"at": 2}')
    old.execute("INSERT INTO events VALUES ('nobody', 1, 0, 'x', 'x', '{}', '', '')")
    old.close()
    with caplog.at_level(logging.WARNING):
        store = Store(tmp_path)
    assert [one.version for one in store.history("service", "production")] == ["3.0", "2.2", "2.1", "2.0"]
    for broken in (no_plan, "service-production-2.1"):
        with pytest.raises(Unreadable, match="cannot be read by this version") as raised:
            store.get(broken)
        found = raised.value
        assert (found.id, found.service, found.environment, found.old) == (broken, "service", "production", "1.0")
    whole = store.get(good)
    assert whole.judge is not None
    assert (whole.judge.sums, whole.live.at) == ({"a": 1}, 2)
    with sqlite3.connect(tmp_path / "pilotage.sqlite") as connection:
        assert connection.execute("SELECT body FROM plans WHERE hash = ?", ("f" * 64,)).fetchone() == ('{"format": 3}',)
        assert connection.execute("SELECT body FROM judge_states ORDER BY rollout").fetchall()[0] == ("{cut",)
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (1,)
    assert "melted" in caplog.text


def test_of_two_under_way_in_one_place_the_older_one_gives_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = old_store(tmp_path)
    older = old_row(old, "2.0", Status.PROGRESSING, 100.0)
    newer = old_row(old, "3.0", Status.HOLDING, 200.0)
    old.close()
    with caplog.at_level(logging.WARNING):
        store = Store(tmp_path)
    assert store.unfinished() == (newer,)
    assert store.get(older).state.status is Status.FAILED
    assert f"{older} was under way beside a newer one" in caplog.text


def test_an_edited_plan_does_not_push_out_the_one_of_its_hash(tmp_path: Path) -> None:
    old = old_store(tmp_path)
    plan = a_plan(version="2.0")
    old_row(old, "2.0", Status.COMPLETED, 100.0, plan="edited", id="a")
    good = old_row(old, "2.0", Status.COMPLETED, 200.0, plan_hash=plan.hash, id="b")
    old.close()
    assert Store(tmp_path).get(good).plan == plan


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005", "0006"])
def test_several_at_once_migrate_a_store_of_any_age_once(tmp_path: Path, revision: str) -> None:
    old_store(tmp_path, revision).close()
    with ThreadPoolExecutor(3) as pool:
        stores = list(pool.map(lambda _: Store(tmp_path), range(3)))
    for store in stores:
        with store.engine.connect() as connection:
            assert migrations.revision(connection) == NEWEST
        store.close()


def test_the_newest_is_the_one_with_the_highest_number() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    configuration = Config()
    configuration.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(configuration).get_current_head() == f"{NEWEST:04d}"
