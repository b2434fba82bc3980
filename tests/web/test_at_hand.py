"""R34: answers that are at hand are given out without a thread, and only to who may have them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from starlette.requests import Request

from pilotage.engine.records.store import Store
from pilotage.model.access import Grant, HolderKind
from pilotage.web import shared
from pilotage.web.route import Route
from pilotage.web.version_now import VersionNow
from tests.web.site import Client, Got, Served


@pytest.fixture
def in_threads(server: Served, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths of routes that were carried out in a thread."""
    found, usual = list[str](), server.site.threads.run

    async def run(route: Route, request: Request, function: Callable[[], object]) -> object:
        found.append(route.path)
        return await usual(route, request, function)

    monkeypatch.setattr(server.site.threads, "run", run)
    monkeypatch.setattr(shared, "_STAY", 600.0)
    return found


def at_hand(client: Client, path: str, in_threads: list[str]) -> Got:
    """The first answer that needed no thread: who asks is known for a second only."""
    deadline = time.monotonic() + 60
    while True:
        in_threads.clear()
        got = client.get(path)
        if not in_threads:
            return got
        assert time.monotonic() < deadline


def test_r34_what_is_at_hand_is_given_to_nobody_who_may_not_see_it(server: Served, in_threads: list[str]) -> None:
    server.person("ada", "viewer")
    server.person("bob", "viewer@shop")
    server.person("eve")
    rollout = server.rollout("search", "production", "8.1.0")
    ada, others = server.signed_in("ada"), [server.signed_in("bob"), server.signed_in("eve")]
    one = f"/rollouts/{rollout.id}"
    for path in (one, f"{one}.json", f"/api/v1{one}", "/services/search/production", "/services", "/now.json"):
        whole = at_hand(ada, path, in_threads)
        assert (whole.status, "8.1.0" in whole.text) == (200, True), path
        for other in others:
            for _ in range(2):
                got = other.get(path)
                assert "8.1.0" not in got.text, path
                assert got.status == (200 if path in ("/services", "/now.json") else 403), path


def test_r34_what_is_at_hand_has_the_readers_own_token_limits_and_etag(server: Served, in_threads: list[str]) -> None:
    for name in ("ada", "bob"):
        server.person(name, "deployer")
    ada, bob = server.signed_in("ada"), server.signed_in("bob")
    at_hand(ada, "/services/shop/production", in_threads)
    got = at_hand(bob, "/services/shop/production", in_threads)
    assert bob.csrf in got.text
    assert ada.csrf not in got.text
    server.site.limits.minute = 1_000_000_000
    first, second = at_hand(bob, "/services.json", in_threads), at_hand(bob, "/services.json", in_threads)
    assert [one.headers["ratelimit-limit"] for one in (first, second)] == ["1000000000"] * 2
    listed = at_hand(bob, "/api/v1/rollouts", in_threads)
    assert bob.get("/api/v1/rollouts", **{"If-None-Match": listed.headers["etag"]}).status == 304
    assert bob.get("/services", Host="evil.example").status == 421


def test_r34_what_is_at_hand_is_gone_with_the_role_the_session_and_the_limit(
    server: Served, in_threads: list[str]
) -> None:
    server.person("owner", "admin")
    server.person("ada", "viewer")
    server.person("bob", "viewer")
    ada, bob = server.signed_in("ada"), server.with_token("bob", "viewer")
    path = "/services/shop/production"
    for client in (ada, bob):
        at_hand(client, path, in_threads)
    elsewhere = Store(server.site.project.directory)
    try:
        elsewhere.roles.take_away(HolderKind.PERSON, "ada", Grant(role="viewer"))
        assert ada.get(path).status == 403
        at_hand(bob, path, in_threads)
        server.site.limits.minute = 1
        assert {bob.get(path).status for _ in range(3)} >= {429}
        server.site.limits.minute = 0
        assert elsewhere.roles.disable("bob", time.time())
        assert bob.get(path).status in (303, 401)
    finally:
        elsewhere.close()


def test_r34_a_version_counts_only_for_who_asked_before_it_was_read() -> None:
    async def asked() -> list[tuple[int, int]]:
        reads, started, go = 0, asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def read() -> tuple[int, int]:
            nonlocal reads
            reads += 1
            mine = reads
            loop.call_soon_threadsafe(started.set)
            asyncio.run_coroutine_threadsafe(go.wait(), loop).result(60)
            return mine, 0

        now = VersionNow(read)
        first = asyncio.create_task(now.get())
        await started.wait()
        later = [asyncio.create_task(now.get()) for _ in range(5)]
        await asyncio.sleep(0)
        go.set()
        return [await one for one in (first, *later)]

    assert asyncio.run(asked()) == [(1, 0)] + [(2, 0)] * 5


def test_r34_a_version_that_cannot_be_read_is_told_to_each_and_asked_again() -> None:
    async def asked() -> tuple[int, int]:
        answers = iter([None, (3, 4)])

        def read() -> tuple[int, int]:
            found = next(answers)
            if found is None:
                raise OSError("away")
            return found

        now = VersionNow(read)
        with pytest.raises(OSError, match="away"):
            await now.get()
        return await now.get()

    assert asyncio.run(asked()) == (3, 4)
