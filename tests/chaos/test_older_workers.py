"""A worker of an older version that still runs on a PostgreSQL reads and writes the tables that it knows, and what it
starts and ends is in the order of starts like everything else."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text

from pilotage.engine.records import migrations
from pilotage.engine.records.store import Store
from pilotage.model.rollout import Status
from tests.plans import a_plan
from tests.unit.engine.test_migrations import state_of

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("postgres")]

_CREATE = text(
    "INSERT INTO rollouts (id, service, environment, version, old, status, actor, created_at, plan, plan_hash, target, "
    "state, head, events, release) VALUES (:id, 'service', 'production', :version, '1.0', :status, 'ada', :at, :plan, "
    ":hash, '{\"notify\": []}', :state, :hash, 0, NULL)"
)
_RECORD = text(
    "UPDATE rollouts SET revision = :revision + 1, status = :status, state = :state, judge = :judge, live = '{}', "
    "events = events + 1, finished_at = :ended WHERE id = :id AND revision = :revision"
)
_WITHDRAW = text(
    "UPDATE rollouts SET status = 'rolled-back', state = :state, finished_at = 9.0 WHERE id = :id AND status = 'queued'"
)


def create(connection: Connection, version: str, status: Status) -> None:
    plan = a_plan(version=version)
    values = {"id": version, "version": version, "status": status.value, "at": time.time(), "plan": plan.to_json()}
    connection.execute(_CREATE, {**values, "hash": plan.hash, "state": state_of(version, status=status)})


def record(connection: Connection, version: str, revision: int, status: Status) -> int:
    values = {"id": version, "revision": revision, "status": status.value, "judge": json.dumps({"sums": {"a": 1}})}
    ended = 9.0 if status.final else None
    return connection.execute(_RECORD, {**values, "state": state_of(version, status=status), "ended": ended}).rowcount


def test_what_an_older_worker_writes_is_where_it_belongs(tmp_path: Path, database: str) -> None:
    from alembic import command
    from alembic.config import Config

    older = create_engine(database)
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with older.begin() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0006")
        create(connection, "2.0", Status.PROGRESSING)
        create(connection, "3.0", Status.QUEUED)
        create(connection, "4.0", Status.QUEUED)
    store = Store(tmp_path)
    with older.begin() as connection:
        assert connection.execute(
            _WITHDRAW, {"id": "4.0", "state": state_of("4.0", status=Status.ROLLED_BACK)}
        ).rowcount
        assert record(connection, "2.0", 0, Status.COMPLETED) == 1
        assert record(connection, "2.0", 0, Status.FAILED) == 0, "made of an old reading"
        assert record(connection, "3.0", 0, Status.PROGRESSING) == 1, "a start"
        newest = connection.scalar(text("SELECT version FROM rollouts ORDER BY created_at DESC LIMIT 1"))
        assert newest == "3.0", "what never started is never the newest for its keeper"
    found = [(one.version, one.sequence, one.status) for one in store.history("service", "production")]
    assert found == [
        ("3.0", 2, Status.PROGRESSING), ("4.0", None, Status.CANCELLED), ("2.0", 1, Status.COMPLETED),
    ]  # fmt: skip
    assert store.serving("service", "production") == ("2.0",)
    taken_over = store.get("3.0")
    assert taken_over.judge is not None
    assert taken_over.judge.sums == {"a": 1}
    assert taken_over.paged is None, "the new worker works it out from the events"
    with older.begin() as connection:
        assert record(connection, "3.0", 1, Status.ROLLED_BACK) == 1
        create(connection, "5.0", Status.PROGRESSING)
        assert record(connection, "5.0", 0, Status.COMPLETED) == 1
    assert store.serving("service", "production") == ("5.0", "2.0")
    assert [one.sequence for one in store.settled()] == [3]
    store.close()
    older.dispose()
