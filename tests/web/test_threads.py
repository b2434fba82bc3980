"""A crowd of slow requests keeps nobody from taking users off a version, or from seeing that the server lives (R34)."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable

import anyio
import pytest
from starlette.requests import Request

from pilotage.web.route import Route
from pilotage.web.table import ROUTES
from pilotage.web.threads import Threads

ADA, BOB = "Bearer ada", "Bearer bob"


def _route(method: str, path: str) -> Route:
    return next(one for one in ROUTES if (one.method, one.path) == (method, path))


READ = _route("GET", "/api/v1/services/{service}/risk")
CHANGE = _route("POST", "/api/v1/services/{service}/followups/{number}/done")


def _request(who: str) -> Request:
    return Request({"type": "http", "headers": [(b"authorization", who.encode())]})


def _crowded(route: Route, crowd: list[str], then: Callable[[Threads], Awaitable[None]]) -> None:
    """Each of the crowd asks something that does not end before `then` has."""

    async def ask() -> None:
        threads, over = Threads(), threading.Event()
        async with anyio.create_task_group() as tasks:
            for who in crowd:
                tasks.start_soon(threads.run, route, _request(who), lambda: over.wait(60))
            try:
                await anyio.sleep(0.2)
                with anyio.fail_after(30):
                    await then(threads)
            finally:
                over.set()

    anyio.run(ask)


@pytest.mark.parametrize("crowded", [READ, CHANGE], ids=["slow answers", "changes that wait"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("POST", "/api/v1/rollouts/{rollout}/abort"),
        ("GET", "/rollouts/{rollout}/abort"),
        ("POST", "/rollouts/{rollout}/abort"),
        ("POST", "/api/v1/services/{service}/environments/{environment}/rollback"),
        ("POST", "/api/v1/services/{service}/environments/{environment}/flag/kill"),
    ],
)
def test_r34_the_way_back_and_the_watch_have_threads_of_their_own(crowded: Route, method: str, path: str) -> None:
    async def then(threads: Threads) -> None:
        assert await threads.run(_route(method, path), _request(BOB), lambda: "done") == "done"

    _crowded(crowded, [f"Bearer {n}" for n in range(100)], then)


def test_r34_one_identity_that_asks_for_a_hundred_slow_answers_leaves_room_for_others() -> None:
    async def then(threads: Threads) -> None:
        assert await threads.run(READ, _request(BOB), lambda: "done") == "done"

    _crowded(READ, [ADA] * 100, then)
