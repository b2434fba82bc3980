"""Leases and fences: who may act on a target, whatever clocks, boots, containers and broken files say (rule 4)."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pilotage.adapters.fence import Fence, floor, last_seen
from pilotage.adapters.identity import start_ticks
from pilotage.adapters.ports import Fenced
from pilotage.engine.placement import leases, places
from pilotage.engine.placement.location import place_of
from pilotage.engine.records.store import Store

TARGET = "shop/production"


def as_if(**changed: str) -> str:
    """This process's holder with some of its parts as elsewhere."""
    names = ("host", "pid", "started", "boot", "namespace", "machine")
    return "/".join({**dict(zip(names, leases.holder().split("/"), strict=True)), **changed}.values())


def test_a_holder_is_gone_only_where_that_can_be_seen() -> None:
    """Two containers with one host name do not take each other for dead by looking at their own processes."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    started = start_ticks(ended.pid)
    ended.wait()
    assert not leases.gone(leases.holder())
    assert leases.gone(as_if(pid=str(ended.pid), started=str(started)))
    assert leases.gone(as_if(started="1")), "the process id was used again"
    assert not leases.gone(as_if(pid=str(ended.pid), namespace="4026539999"))
    assert not leases.gone(as_if(pid=str(ended.pid), boot="another", machine="another"))
    assert not leases.gone(as_if(pid=str(ended.pid), boot="another", machine="")), "a container of elsewhere"
    assert not leases.gone(f"{leases.holder().split('/')[0]}/{ended.pid}/1.00"), "as an earlier Pilotage wrote it"


def test_a_holder_of_an_earlier_boot_of_this_machine_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_machine", lambda: "this-machine")
    earlier = as_if(boot="an-earlier-one")
    assert leases.gone(earlier)
    assert not leases.gone(earlier.replace("this-machine", "a-clone-elsewhere"))


def test_a_clock_that_is_put_right_makes_nobody_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start of a process is taken from the kernel's own clock."""
    here = leases.holder()
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 3600)
    assert leases.holder() == here
    assert not leases.gone(here)


def test_a_token_is_above_what_the_fence_has_seen(store: Store) -> None:
    """A store that was lost, or went back in time, begins above the fence: its holder is never refused by it."""
    assert leases.acquire(store.engine, TARGET, "a/1", above=7) == 8
    assert leases.acquire(store.engine, TARGET, "a/1", above=7) == 8
    assert leases.acquire(store.engine, TARGET, "a/1", above=11) == 12
    assert leases.acquire(store.engine, TARGET, "b/1", above=99) is None


def test_a_lease_given_before_the_clock_went_back_lasts_no_hour(store: Store) -> None:
    assert leases.acquire(store.engine, TARGET, "a/1") == 1
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE leases SET expires_at = {time.time() + 3600}")
    assert leases.acquire(store.engine, TARGET, "b/1") is None
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT expires_at FROM leases").scalar_one() < time.time() + 7


def test_a_heart_knows_what_it_really_renewed(store: Store) -> None:
    """After a failover, or a thaw, a lease that is in other hands is not taken for one's own."""
    heart = leases.LeaseKeeper(store.engine, "a/1")
    for target in (TARGET, "shop/staging"):
        leases.acquire(store.engine, target, "a/1")
    heart.beat()
    assert heart.holds(TARGET)
    assert heart.holds("shop/staging")
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE leases SET holder = 'b/1' WHERE target = '{TARGET}'")
        connection.exec_driver_sql("DELETE FROM leases WHERE target = 'shop/staging'")
    heart.beat()
    assert heart.beats
    assert not heart.holds(TARGET)
    assert not heart.holds("shop/staging")


def test_a_heart_beats_by_itself_and_outlives_trouble_with_its_store(store: Store) -> None:
    failing = [True]

    class Sometimes:
        def begin(self) -> object:
            if failing:
                failing.pop()
                raise OSError("no store")
            return store.engine.begin()

    leases.acquire(store.engine, TARGET, "a/1")
    heart = leases.LeaseKeeper(Sometimes(), "a/1")  # type: ignore[arg-type]
    heart.start()
    until = time.monotonic() + 20
    while not heart.holds(TARGET):
        assert time.monotonic() < until
        time.sleep(0.02)
    heart.stop()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:9])


def _foreign(path: Path) -> None:
    path.write_text('{"token": "many"}')


@pytest.mark.parametrize("harm", [Path.unlink, _empty, _cut, _foreign])
def test_a_broken_fence_counts_as_its_other_copy(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    file = tmp_path / "fence.json"
    Fence(file, 5, "a").check()
    harm(file)
    assert last_seen(file) == (5, "a")
    with pytest.raises(Fenced, match="token 5"):
        Fence(file, 4, "b").check()
    Fence(file, 5, "a").check()
    assert file.read_bytes() == (tmp_path / "fence-copy.json").read_bytes(), "whole again"
    for copy in tmp_path.iterdir():
        harm(copy)
    assert last_seen(file) == (0, "")
    Fence(file, 5, "a").check()
    assert last_seen(file) == (5, "a")


def test_the_same_token_in_other_hands_is_refused(tmp_path: Path) -> None:
    """A database that lost its last second may give a token twice; of the two only the first acts."""
    file = tmp_path / "fence.json"
    Fence(file, 5, "a").check()
    with pytest.raises(Fenced, match="same token"):
        Fence(file, 5, "b").check()
    assert (floor(file, "a"), floor(file, "b")) == (4, 5)
    Fence(file, 5).check()
    assert last_seen(file) == (5, "a"), "who turns a flag off leaves it as it was"


def test_a_fence_that_cannot_be_written_does_not_stop_who_holds_the_lease(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    Fence(tmp_path / "file" / "fence.json", 5, "a").check()


def test_whoever_holds_a_lease_is_known(store: Store) -> None:
    assert leases.held_by(store.engine, TARGET) is None
    leases.acquire(store.engine, TARGET, leases.holder())
    assert leases.held_by(store.engine, TARGET) == leases.holder()
    dead = as_if(pid=str(os.getpid()), started="1")
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE leases SET holder = '{dead}'")
    assert leases.held_by(store.engine, TARGET) is None


@pytest.mark.parametrize("left", ['{"token": 999}', '{"token": 6, "by": "elsewhere"}', "cut off"])
def test_a_fence_above_the_lease_stops_nobody_who_holds_it(store: Store, tmp_path: Path, left: str) -> None:
    """Edited by hand, or left by a store that was lost since: the lease rises above it."""
    token = places.take(store.engine, tmp_path, "shop", "production", "a/1")
    assert token == 1
    file = place_of(tmp_path, "shop", "production") / "fence.json"
    Fence(file, token, "a/1").check()
    for copy in file.parent.iterdir():
        copy.write_text(left)
    token = places.take(store.engine, tmp_path, "shop", "production", "a/1")
    assert token is not None
    Fence(file, token, "a/1").check()
    assert places.take(store.engine, tmp_path, "shop", "production", "a/1") == token, "it does not go on rising"


def test_while_the_heart_is_late_nobody_renews_beside_it(store: Store) -> None:
    """Rule 4: hundreds of rollouts that renew their own leases, because the store is slow, would make it slower. Each
    waits for a heart at work. What the heart did not renew last time, or without a heart, each asks for at once."""

    class Slow:
        dialect = store.engine.dialect
        goes_on = threading.Event()

        def begin(self) -> object:
            assert self.goes_on.wait(30)
            return store.engine.begin()

    assert leases.acquire(store.engine, TARGET, "a/1") == 1
    heart = leases.LeaseKeeper(Slow(), "a/1")  # type: ignore[arg-type]
    Slow.goes_on.set()
    heart.beat()
    Slow.goes_on.clear()
    assert not heart.is_late_for(TARGET)
    heart._beat -= leases.DURATION
    assert not heart.is_late_for(TARGET), "its thread is not at work"
    heart._beat += leases.DURATION
    heart.start()
    heart._beat -= leases.DURATION
    assert heart.is_late_for(TARGET)
    assert not heart.is_late_for("shop/staging")
    Slow.goes_on.set()
    heart.stop()
