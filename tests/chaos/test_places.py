"""Folders that share a PostgreSQL: what runs in one of them is nobody else's to run, until somebody says so."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from pilotage.adapters.fence import Fence
from pilotage.adapters.ports import Fenced
from pilotage.engine.execution.supervisor import ensure_worker, stop_worker
from pilotage.engine.execution.worker import Worker
from pilotage.engine.placement import leases, places
from pilotage.engine.records.home import here
from pilotage.engine.records.store import Store

from ..e2e.conftest import Shop
from .harness import begun

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("postgres"), pytest.mark.usefixtures("database")]

TARGET = ("shop", "production")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "a" / ".pilotage")
    yield opened
    opened.close()


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders that know of one rollout."""
    found = tuple(tmp_path / name / ".pilotage" for name in ("a", "b"))
    begun(found[0], "canary")
    return found[0], found[1]


def service(store: Store) -> tuple[str, str]:
    (found,) = places.known(store.engine)
    return found


def test_a_target_belongs_to_the_place_that_deployed_to_it_first(store: Store, folders: tuple[Path, Path]) -> None:
    a, b = folders
    target = service(store)
    assert (there := places.home_of(store.engine, a, *target))
    assert there.is_here
    with pytest.raises(places.Elsewhere):
        places.take(store.engine, b, *target, "b/1")
    assert places.take(store.engine, a, *target, "a/1") == 1
    with pytest.raises(
        places.Elsewhere, match=rf"runs on .* in {a.parent}, not on .* in {b.parent}. Run `pilotage adopt"
    ):
        places.take(store.engine, b, *target, "b/1")
    home = places.home_of(store.engine, b, *target)
    assert home is not None
    assert (home.is_here, home.is_silent) == (False, False)
    assert home.place.name.endswith(f"in {a.parent}")
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE leases SET expires_at = expires_at - 60"))
    home = places.home_of(store.engine, b, *target)
    assert home is not None
    assert home.is_silent
    assert "last reported 6" in home.in_words
    with pytest.raises(places.Elsewhere):
        places.take(store.engine, b, *target, "b/1")


def test_an_adopted_target_is_no_longer_the_old_places(store: Store, folders: tuple[Path, Path]) -> None:
    a, b = folders
    target = service(store)
    token = places.take(store.engine, a, *target, "a/1")
    assert token is not None
    fence = Fence(a / "fence.json", token, "a/1")
    heart = leases.LeaseKeeper(store.engine, "a/1")
    heart.beat()
    with pytest.raises(places.StillAlive, match="its worker is active"):
        places.adopt(store.engine, b, *target)
    assert places.adopt(store.engine, b, *target, force=True).name.endswith(f"in {a.parent}")
    heart.beat()
    assert not heart.holds("/".join(target))
    with pytest.raises(places.Elsewhere):
        places.take(store.engine, a, *target, "a/1")
    assert places.take(store.engine, b, *target, "b/1") == token + 2
    fence.check()
    with pytest.raises(Fenced):
        Fence(a / "fence.json", token - 1, "a/0").check()


def test_a_copy_of_the_folder_is_another_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = tmp_path / "one" / ".pilotage"
    mine = here(original)
    assert here(original) == mine
    (note,) = original.glob("place-*.json")
    assert note.stat().st_mode & 0o777 == 0o600
    shutil.copytree(original, tmp_path / "two" / ".pilotage")
    assert here(tmp_path / "two" / ".pilotage").id != mine.id
    with monkeypatch.context() as inside:
        # As a container sees the folder of its host; neither takes it from the other.
        inside.setattr("pilotage.engine.records.home._machine", lambda _: "another machine")
        assert here(original).id != mine.id
    assert here(original) == mine
    note.write_text("{")
    assert here(original) == mine


def test_a_worker_whose_folder_is_moved_ends_although_its_store_is_elsewhere(tmp_path: Path) -> None:
    """It would go on at the old path, with a fence and a journal of its own, for targets that are at the new one."""
    working = Worker(tmp_path / "state")
    thread = threading.Thread(target=working.serve, daemon=True)
    thread.start()
    (tmp_path / "state").rename(tmp_path / "moved")
    thread.join(30)
    assert working.ended_by.startswith(f"{tmp_path / 'state'} was deleted or moved")
    assert not thread.is_alive()


def test_the_clocks_of_workers_do_not_matter(
    store: Store, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leases expire by the database's clock: minutes of skew take nothing from anybody, and give nothing for longer."""
    a, _ = folders
    target = service(store)
    assert places.take(store.engine, a, *target, "a/1") == 1
    for skew in (600.0, -600.0):
        with monkeypatch.context() as shifted:
            shifted.setattr(time, "time", lambda skew=skew, now=time.time: now() + skew)
            assert places.take(store.engine, a, *target, "a/2") is None
            assert places.take(store.engine, a, *target, "a/1") == 1
            leases.LeaseKeeper(store.engine, "a/1").beat()
    home = places.home_of(store.engine, a, *target)
    assert home is not None
    assert home.heard is not None
    assert home.heard < 60


ADOPT = """
import sys
from pathlib import Path
from pilotage.engine.placement import places
from pilotage.engine.records.store import Store

folder = Path(sys.argv[1])
places.adopt(Store(folder).engine, folder, *sys.argv[2:4], force=True)
"""


def test_killed_in_the_middle_of_an_adoption_nothing_has_moved(store: Store, folders: tuple[Path, Path]) -> None:
    a, b = folders
    target = service(store)
    places.take(store.engine, a, *target, "a/1")
    command = [sys.executable, "-c", ADOPT, str(b), *target]
    killed = subprocess.run(command, env={**os.environ, "PILOTAGE_FAILPOINT": "adopt:1"}, check=False)
    assert killed.returncode == -signal.SIGKILL
    home = places.home_of(store.engine, a, *target)
    assert home is not None
    assert home.is_here
    assert places.take(store.engine, a, *target, "a/1") == 1
    subprocess.run(command, check=True)
    with pytest.raises(places.Elsewhere):
        places.take(store.engine, a, *target, "a/1")


# ── two real folders ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[tuple[Shop, Shop]]:
    """One service in two folders, with one port, as two checkouts of one repository are."""
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        made.append(Shop(tmp_path / name, {}, "low"))
    whole = json.loads((made[1].directory / "pilotage.yaml").read_text())
    whole["environments"]["production"]["router"]["listen"] = f"127.0.0.1:{made[0].port}"
    (made[1].directory / "pilotage.yaml").write_text(json.dumps(whole))
    yield made[0], made[1]
    for shop in made:
        stop_worker(shop.state)
        for process in shop.processes():
            process.kill()


def routers_and_instances(shop: Shop) -> list[psutil.Process]:
    ours = ("pilotage.engine.execution.supervisor", "pilotage.app.worker_process")
    return [process for process in shop.processes() if not set(ours) & set(process.cmdline())]


def forget(store: Store) -> None:
    """As if a long time had passed."""
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE leases SET expires_at = 0"))


def until(wanted: Callable[[], object], deadline: float = 90.0) -> None:
    end = time.monotonic() + deadline
    while not wanted():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.long
def test_a_dead_worker_s_environment_is_started_nowhere_else_until_it_is_adopted(shops: tuple[Shop, Shop]) -> None:
    """Two routers on one port would split users between them, whatever either of them says."""
    a, b = shops
    for shop in shops:
        shop.release("v0")
        shop.release("v1")
    a.run("deploy", "v0")
    stop_worker(a.state)
    ensure_worker(b.state)
    store = b.store()
    forget(store)
    b.run("deploy", "v1", expect=6)  # Written down, and said that nobody is there to do it.
    assert json.loads(b.run("status", "--json"))["home"]["name"].endswith(f"in {a.directory}")
    b.run("abort", expect=6)
    (rollout,) = store.unfinished()
    assert len(store.pending(rollout)) == 1
    assert routers_and_instances(b) == []
    # Moved on purpose while the router of before has the port: said, and not shared with it.
    b.run("adopt", "--yes")
    until(lambda: "where envoy (process" in json.dumps(store.events(rollout), default=vars) + trouble(store, rollout))
    for process in routers_and_instances(a):
        process.kill()
    ensure_worker(a.state)
    until(lambda: store.get(rollout).state.status.final)
    assert routers_and_instances(a) == [], "who comes back learns that it is not at home"
    store.close()


def trouble(store: Store, rollout: str) -> str:
    return str(store.get(rollout).live)
