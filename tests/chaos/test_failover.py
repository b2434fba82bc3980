"""PostgreSQL fails over to a standby under way: to one that has everything, and to one that lost the last second."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from pilotage.adapters.fence import Fence, floor, last_seen
from pilotage.engine.placement import leases
from pilotage.engine.placement.location import DATABASE
from pilotage.engine.records.store import Store
from pilotage.model.rollout import CommandKind, Status

from .harness import begun, controller, problems
from .pair import Pair, pair
from .test_two_workers import wait
from .world import World

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("postgres")]


@pytest.fixture
def servers(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    with pair(tmp_path_factory.mktemp("pair")) as started:
        monkeypatch.setenv(DATABASE, started.url)
        yield started


def test_a_failover_to_a_synchronous_standby_is_not_noticed(
    tmp_path: Path, servers: Pair, controllers: Callable[[], int]
) -> None:
    """What was recorded is there, and the rollout goes on where it was, nothing twice."""
    servers.synchronous()
    rollout = begun(tmp_path, "canary", {"canary.phase_duration": "1s"})
    controllers()
    before = wait(tmp_path, rollout, lambda r: r.state.step >= 2)
    servers.fail_over()
    ended = wait(tmp_path, rollout, lambda r: r.state.status.final, 90)
    assert ended.state.status is Status.COMPLETED, ended.state.reason
    assert ended.events > before.events
    time.sleep(0.3)
    assert not problems(tmp_path, "canary", "good", rollout)


def test_what_a_standby_lost_is_neither_forgotten_nor_done_twice(
    tmp_path: Path, servers: Pair, controllers: Callable[[], int]
) -> None:
    """An abort that was obeyed stays, although the database knows of none; a person is told. Tokens never fall
    below what the target has seen. Killed where it notices, the next controller notices too."""
    rollout = begun(tmp_path, "canary", {"canary.phase_duration": "60s"})
    noticing = controller(tmp_path, frozenset(), ("promote", 1))
    wait(tmp_path, rollout, lambda r: r.state.step >= 2)
    store = Store(tmp_path)
    file = tmp_path / "fence.json"
    Fence(file, leases.acquire(store.engine, "x/y", "a/1") or 0, "a/1").check()
    servers.fall_behind()
    for n in range(2, 4):
        with store.engine.begin() as connection:
            connection.execute(text("UPDATE leases SET expires_at = 0 WHERE target = 'x/y'"))
        Fence(file, leases.acquire(store.engine, "x/y", f"a/{n}") or 0, f"a/{n}").check()
    store.command(rollout, CommandKind.ABORT, "ann", "it hurts")
    wait(tmp_path, rollout, lambda r: r.state.status.final)
    servers.fail_over()
    failed_over = time.time()
    assert _killed(noticing)
    controllers()
    ended = wait(tmp_path, rollout, lambda r: r.state.status.final, 90)
    assert ended.state.status is Status.ROLLED_BACK
    assert "went back in time" in ended.state.reason
    assert "intervention-required" in [event.type for event in store.events(rollout)]
    later = [entry for entry in World(tmp_path / "world", frozenset()).done() if entry["at"] > failed_over]
    assert not [entry for entry in later if entry["what"] == "split" and "new" in dict(entry["split"]["weights"])]
    assert last_seen(file)[0] == 3
    with store.engine.begin() as connection:
        assert connection.scalar(text("SELECT token FROM leases WHERE target = 'x/y'")) == 1
        connection.execute(text("UPDATE leases SET expires_at = 0 WHERE target = 'x/y'"))
    token = leases.acquire(store.engine, "x/y", "a/4", above=floor(file, "a/4"))
    assert token == 4
    Fence(file, token, "a/4").check()
    store.close()


def _killed(pid: int, deadline: float = 60.0) -> bool:
    until = time.monotonic() + deadline
    while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0):
        assert time.monotonic() < until
        time.sleep(0.02)
    return ended[1] == signal.SIGKILL


def test_a_server_is_ready_again_after_a_failover(tmp_path: Path, servers: Pair) -> None:
    """R35: it says that the store is away, answers as long, and needs no restart; its address names both hosts."""
    from pilotage.engine.records.database_facts import database_facts
    from tests.web.site import served

    servers.synchronous()
    with served(tmp_path) as server:
        server.person("ada", "viewer")
        ada = server.with_token("ada", "viewer")
        facts = database_facts(server.store.engine, server.store.clock)
        assert facts is not None
        assert (facts.several, facts.writable, facts.standby, abs(facts.ahead) < 2) == (True, True, False, True)
        assert ada.get("/api/v1/rollouts").status == 200
        servers.fail_over()
        assert ada.get("/healthz").status == 200
        until = time.monotonic() + 60
        while (got := ada.get("/readyz")).status != 200:
            assert got.status == 503
            assert got.json["checks"][0]["name"] == "store"
            assert time.monotonic() < until, got.json
        assert ada.get("/api/v1/rollouts").status == 200
