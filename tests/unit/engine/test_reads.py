"""Reads of the store wait for no writer and keep none waiting; a spoilt row stops nobody; a broken file is told."""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError

from pilotage.app.errors import exit_status
from pilotage.app.publication import Publication
from pilotage.app.status_page import Publisher
from pilotage.engine.execution.groups import advance_groups
from pilotage.engine.records import outbox
from pilotage.engine.records.followups import actions_of
from pilotage.engine.records.queue import begin_what_waits
from pilotage.engine.records.signatures import signatures_of
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.model.events import RollbackStarted, StepStarted
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.record import Rollout, Unreadable
from pilotage.model.rollout import CommandKind, Decision, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.plans import a_plan
from tests.unit.engine.test_order import end


def started(store: Store, version: str, *, queued: bool = False) -> Rollout:
    plan = a_plan(version=version)
    return store.create(plan, begin(plan, "1.0", Mode.FULL), Snapshot(), "ada", time.time(), queued=queued)


def everything_read(store: Store, rollout: str) -> None:
    """What `status`, `history`, `explain`, `events` and ten polls a second ask."""
    place = ("service", "production")
    store.history(*place, limit=1000)
    store.history("service")
    for ask in (store.latest, store.newest, store.serving, store.queued):
        ask(*place)
    store.judged(*place, 20)
    for ask_of in (store.get, store.look_up, store.events, store.pending, store.members, store.broken_link):
        ask_of(rollout)
    for ask_all in (store.unfinished, store.active, store.settled, store.commanded):
        ask_all()
    store.open_groups(time.time())
    store.live_views([rollout])
    store.outcome(1)
    store.freezes.of(*place, time.time())
    begin_what_waits(store, time.time())
    advance_groups(store, time.time())
    outbox.due(store.engine, time.time())
    outbox.health(store.engine)
    outbox.letters(store.engine)
    outbox.waiting(store.engine)
    actions_of(store.engine, "service")
    signatures_of(store.engine, *place, "1.0")


def test_no_read_waits_for_a_writer_or_takes_the_write_lock(store: Store, tmp_path: Path) -> None:
    rollout = started(store, "2.0")
    begun: list[str] = []
    event.listen(
        store.engine, "before_cursor_execute", lambda _c, _cu, statement, *_: begun.append(statement.split()[-1])
    )
    writer = sqlite3.connect(tmp_path / "pilotage.sqlite", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE rollout SET reason = 'not yet'")
    everything_read(store, rollout.id)
    assert store.get(rollout.id).reason == "", "a reader sees what was committed"
    writer.execute("ROLLBACK")
    writer.close()
    assert "IMMEDIATE" not in begun


def test_a_reader_that_stands_open_keeps_no_writer_waiting(store: Store) -> None:
    rollout = started(store, "2.0")
    with store.engine.connect() as reader:
        before = reader.exec_driver_sql("SELECT revision FROM rollout").scalar()
        end(store, rollout.id, Status.COMPLETED, time.time())
        assert reader.exec_driver_sql("SELECT revision FROM rollout").scalar() == before
    assert store.get(rollout.id).status is Status.COMPLETED


def test_a_list_decodes_no_plan_and_is_not_stopped_by_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    good, strange = started(store, "2.0"), started(store, "3.0", queued=True)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE plans SET body = '{' WHERE hash = ?", (strange.plan_hash,))
    monkeypatch.setattr("pilotage.model.plan_formats.read_plan", lambda _: pytest.fail("a list decoded a plan"))
    assert [one.version for one in store.history("service", "production")] == ["3.0", "2.0"]
    assert [one.id for one in store.queued()] == [strange.id]
    assert store.unfinished() == (good.id,)
    monkeypatch.undo()
    with pytest.raises(Unreadable, match=r"3\.0 in production"):
        store.get(strange.id)
    end(store, good.id, Status.COMPLETED, time.time())
    assert begin_what_waits(store, time.time()) == (), "it cannot start, and stops no poll"
    following = started(store, "4.0", queued=True)
    assert [one.id for one in begin_what_waits(store, time.time())] == [following.id]
    assert store.withdraw(strange.id, "ada", time.time()), "and is withdrawn without being read"
    assert store.look_up(strange.id).status is Status.CANCELLED


def test_a_command_to_a_rollout_that_ends_gets_its_answer_and_one_to_a_finished_one_is_refused(store: Store) -> None:
    rollout, waiting = started(store, "2.0"), started(store, "3.0", queued=True)
    number = store.command(rollout.id, CommandKind.ABORT, "ada")
    other = store.command(waiting.id, CommandKind.ABORT, "ada")
    end(store, rollout.id, Status.COMPLETED, time.time())
    store.withdraw(waiting.id, "ada", time.time())
    assert store.outcome(number) == "too late: the rollout is completed"
    assert store.outcome(other) == "too late: the rollout is cancelled"
    with pytest.raises(StoreConflict, match=r"2\.0 is completed: too late to abort"):
        store.command(rollout.id, CommandKind.ABORT, "ada")
    with pytest.raises(KeyError):
        store.command("nobody", CommandKind.ABORT, "ada")
    assert store.commanded() == frozenset()


def test_after_the_end_of_a_rollout_a_copy_of_the_file_alone_has_all_of_it(store: Store, tmp_path: Path) -> None:
    rollout = started(store, "2.0")
    end(store, rollout.id, Status.COMPLETED, time.time())
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "pilotage.sqlite").write_bytes((tmp_path / "pilotage.sqlite").read_bytes())
    assert Store(tmp_path / "copy").get(rollout.id).status is Status.COMPLETED


def test_a_file_whose_pages_were_overwritten_is_told_with_what_to_do(store: Store, tmp_path: Path) -> None:
    started(store, "2.0")
    store.close()
    file = tmp_path / "pilotage.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(file.read_bytes())
    content[4096:] = b"\x00" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(DatabaseError) as broken:
        Store(tmp_path).history("service", "production")
    status, words = exit_status(broken.value)
    assert status == 9
    assert "Restore pilotage.sqlite from a backup" in words


def test_foreign_keys_and_statuses_are_kept_by_the_database(store: Store) -> None:
    rollout = started(store, "2.0")
    for wrong in (
        "UPDATE rollout SET status = 'melted'",
        "UPDATE rollout SET plan_hash = 'none'",
        "INSERT INTO events VALUES ('nobody', 1, 0, 'x', 'x', '{}', '', '')",
        f"INSERT INTO rollout SELECT * FROM rollout WHERE id = '{rollout.id}'",
    ):
        with pytest.raises(DatabaseError), store.engine.begin() as connection:
            connection.exec_driver_sql(wrong)


def test_the_status_page_is_renewed_by_what_changed_and_looks_the_same_as_one_made_anew(
    store: Store, tmp_path: Path
) -> None:
    for version in ("2.0", "3.0"):
        end(store, started(store, version).id, Status.COMPLETED, time.time())
    bad = started(store, "4.0")
    reached = StepStarted(step="half", finished_step="start", weight_percent=5.0, title="half of the users")
    harm = (reached.record(), RollbackStarted(cause="errors", step="half", reason="errors").record())
    bad = store.record(bad, Decision(replace(bad.state, at=time.time()), (), harm), None, NOTHING_SEEN)
    end(store, bad.id, Status.ROLLED_BACK, time.time())
    running = started(store, "5.0")
    wanted = Publication(str(tmp_path / "page"), "Status", "", {"service": "production"})
    publisher = Publisher(store)
    publisher.renew(wanted, time.time())
    asked: list[tuple[object, ...]] = []
    event.listen(
        store.engine, "before_cursor_execute",
        lambda _c, _cu, statement, parameters, *_: asked.append(parameters) if "FROM events" in statement else None,
    )  # fmt: skip
    publisher.renew(wanted, time.time())
    assert asked == [], "nothing was recorded"
    end(store, running.id, Status.COMPLETED, time.time())
    asked.clear()
    publisher.renew(wanted, time.time())
    ours = [[one for one in parameters if str(one).startswith("service-")] for parameters in asked]
    assert ours == [[running.id]], "only what changed is read"
    renewed = {path.name: path.read_text() for path in (tmp_path / "page").iterdir()}
    Publisher(store).renew(replace(wanted, folder=str(tmp_path / "anew")), time.time())
    assert renewed == {path.name: path.read_text() for path in (tmp_path / "anew").iterdir()}
    assert "some requests failed" in renewed["index.html"]


def test_who_asks_at_once_for_freezes_reads_them_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R18: hundreds of looks ask whether a freeze holds. When what was read is out of date they wait for one of them:
    each with a connection of its own would take all that the worker has, from the record that takes users back."""
    monkeypatch.setattr("pilotage.engine.records.freezes._STAY", 60.0)  # however busy the machine is
    store = Store(tmp_path)
    reads, all_ask = [], threading.Barrier(30)

    @event.listens_for(store.engine, "before_cursor_execute")
    def _(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM freezes" in statement:
            reads.append(statement)
            time.sleep(0.2)

    def ask() -> None:
        all_ask.wait(10)
        store.freezes.of("service", "production", time.time())

    asking = [threading.Thread(target=ask) for _ in range(30)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(10)
    assert len(reads) == 1
    store.close()
