"""Two versions on one store during an upgrade: the rollout under way is finished or undone as if nobody had upgraded.

The older workers run their own code (`old_code.py`). On PostgreSQL they go on through a view of the shape they know; a
file has one worker, which the first command of the newer version ends and replaces.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from pilotage.app.plan import PlanRequest, plan_for
from pilotage.config.loading import load
from pilotage.engine.execution import failpoints
from pilotage.engine.execution.description import describe
from pilotage.engine.records import migrations
from pilotage.engine.records.store import Store
from pilotage.model.json import object_at
from pilotage.model.record import Rollout
from pilotage.model.rollout import Status
from tests.unit.config.test_config import GOOD

from ..stores.test_stores import STORES, ids, unpack
from .harness import problems
from .old_code import OldCode, unpacked
from .test_two_workers import wait
from .world import World, make_bad

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("postgres")]


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("old"))


@pytest.fixture
def old(code: Path, tmp_path: Path) -> OldCode:
    """The old code on the store of `tmp_path`, in the database that the environment names, if any."""
    return OldCode(code, tmp_path)


@pytest.fixture
def watched(old: OldCode, tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A rollout that an old worker has brought to users, and that worker."""
    rollout, worker = old.begun(), old.worker()
    world, until = World(tmp_path / "world", frozenset()), time.monotonic() + 30
    while not any(version == "new" for version, _ in (world.look()["split"] or {"weights": []})["weights"]):
        assert time.monotonic() < until, (tmp_path / "old-worker.log").read_text()
        assert worker.poll() is None, (tmp_path / "old-worker.log").read_text()
        time.sleep(0.02)
    yield rollout, worker
    worker.kill()
    worker.wait()


def whole(place: Path, rollout: str) -> Rollout:
    """The rollout when it is over, its chain whole."""
    ended = wait(place, rollout, lambda r: r.state.status.final)
    store = Store(place)
    assert store.broken_link(rollout) is None
    store.close()
    return ended


# ── PostgreSQL: both at work ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("database")
def test_of_two_versions_at_work_a_bad_canary_is_undone_once(
    tmp_path: Path, watched: tuple[str, subprocess.Popen[bytes]], controllers: Callable[[], int]
) -> None:
    rollout, old_worker = watched
    controllers()
    make_bad(tmp_path / "world", ["new"])
    assert whole(tmp_path, rollout).state.status is Status.ROLLED_BACK
    time.sleep(0.3)
    assert not problems(tmp_path, "canary", "bad", rollout)
    assert old_worker.poll() is None, "it goes on looking, or waits for its lease"


@pytest.mark.usefixtures("database")
def test_the_newer_version_finishes_what_a_killed_older_one_began(
    tmp_path: Path, watched: tuple[str, subprocess.Popen[bytes]], controllers: Callable[[], int]
) -> None:
    rollout, old_worker = watched
    controllers()
    store = Store(tmp_path)
    before = store.get(rollout).state.at
    store.close()
    wait(tmp_path, rollout, lambda r: r.state.at > before)
    assert old_worker.poll() is None
    old_worker.kill()
    assert whole(tmp_path, rollout).state.status is Status.COMPLETED
    time.sleep(0.3)
    assert not problems(tmp_path, "canary", "good", rollout)


@pytest.mark.usefixtures("database")
def test_an_older_worker_that_finds_a_newer_store_finishes_its_rollout(
    tmp_path: Path, watched: tuple[str, subprocess.Popen[bytes]]
) -> None:
    """Only a command of the newer version has been there: nobody else would do it."""
    rollout, old_worker = watched
    Store(tmp_path).close()
    assert whole(tmp_path, rollout).state.status is Status.COMPLETED, (tmp_path / "old-worker.log").read_text()
    assert old_worker.poll() is None
    assert not problems(tmp_path, "canary", "good", rollout)
    assert "Traceback" not in (tmp_path / "old-worker.log").read_text()


def test_a_worker_in_the_middle_of_a_record_and_a_migration_do_not_wait_for_each_other(
    tmp_path: Path, database: str, old: OldCode
) -> None:
    """The worker has written its events and has the rollout still to write, when the migration begins."""
    rollout = old.begun()
    engine = create_engine(database)
    with engine.connect() as worker, ThreadPoolExecutor(1) as pool:
        worker.execute(text("UPDATE events SET at = at WHERE rollout = :id"), {"id": rollout})
        migrating = pool.submit(lambda: Store(tmp_path).close())
        with engine.connect() as other:
            until = time.monotonic() + 20
            while not other.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                assert time.monotonic() < until
        worker.execute(text("UPDATE rollouts SET revision = revision WHERE id = :id"), {"id": rollout})
        worker.commit()
        migrating.result(30)
    engine.dispose()
    store = Store(tmp_path)
    assert store.unfinished() == (rollout,)
    store.close()


def test_an_older_worker_refuses_what_a_newer_command_begins_under_other_names(tmp_path: Path, old: OldCode) -> None:
    """It would start instances without their environment, or watch for other times, if it read what it knows alone."""
    path = tmp_path / "pilotage.yaml"
    path.write_text(GOOD)
    loaded = load(path)
    plan = plan_for(loaded, "production", PlanRequest("2"))
    kept = dict(describe(loaded.configuration.environments["production"], tmp_path).environment)
    with pytest.raises(AssertionError, match="health_check_path"):
        old.reads(kept, plan.to_json())
    names = {"health_check_path": "health", "stop_timeout": "stop_deadline"}
    known = ("kind", "count", "command", "env", "pass_env", *names)
    kept["fleet"] = {names.get(key, key): value for key, value in object_at(kept, "fleet").items() if key in known}
    kept["router"] = {key: value for key, value in object_at(kept, "router").items() if key != "idle_timeout"}
    del kept["overrides"]
    with pytest.raises(AssertionError, match="ValueError: not a plan"):
        old.reads(kept, plan.to_json())


# ── a file: one after the other ────────────────────────────────────────────────────────────────────────────


def test_the_first_command_of_a_newer_version_replaces_the_worker_of_a_file(
    tmp_path: Path,
    watched: tuple[str, subprocess.Popen[bytes]],
    controllers: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rollout, old_worker = watched
    started: list[int] = []
    monkeypatch.setattr(migrations, "ensure_worker", lambda _: started.append(controllers()))
    make_bad(tmp_path / "world", ["new"])
    Store(tmp_path).close()
    assert old_worker.wait(10) is not None
    assert len(started) == 1
    assert whole(tmp_path, rollout).state.status is Status.ROLLED_BACK
    assert not problems(tmp_path, "canary", "bad", rollout)


# ── killed in the middle ───────────────────────────────────────────────────────────────────────────────────


def opened_by_a_child(place: Path, kill_at: int) -> bool:
    """Open the store in a process that dies at the n-th step of its migration. Whether it died."""
    pid = os.fork()
    if not pid:
        try:
            failpoints.arm("upgrade", kill_at)
            Store(place).close()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def test_a_migration_that_is_killed_anywhere_leaves_the_store_whole(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    unpack(next(path for path in STORES if path.name.startswith("4d1a45e")), tmp_path)
    kills = 0
    while opened_by_a_child(tmp_path, kills + 1):
        kills += 1
    record_property("kills", kills)
    assert kills >= 6, "each step of it"
    known = ids(tmp_path)
    assert set(known) == {"1.0", "2.0", "3.0", "4.0"}
    store = Store(tmp_path)
    assert all(store.broken_link(rollout) is None for rollout in known.values())
    assert store.unfinished() == (known["3.0"],)
    store.close()


@pytest.mark.usefixtures("database")
def test_on_postgresql_too_a_killed_migration_is_as_if_it_had_not_begun(
    tmp_path: Path, old: OldCode, record_property: Callable[[str, object], None]
) -> None:
    rollout = old.begun()
    kills = 0
    while opened_by_a_child(tmp_path, kills + 1):
        kills += 1
    record_property("kills", kills)
    assert kills >= 6, "each step of it"
    store = Store(tmp_path)
    assert store.unfinished() == (rollout,)
    assert store.broken_link(rollout) is None
    with store.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM rollouts")) == 1, "older workers read it, too"
    store.close()
