"""A crowd of slow requests keeps nobody from taking users off a version, or from seeing that the server lives (R34)."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from starlette.requests import Request

from pilotage.app.permissions import Permission
from pilotage.model.access import Identity, Proof
from pilotage.model.actor import ActorKind
from pilotage.model.errors import Unavailable
from pilotage.web.route import Kind, Pace, Route
from pilotage.web.table import ROUTES
from pilotage.web.threads import CrowdedOut, Threads
from tests.web.site import Served

ADA, BOB = "Bearer ada", "Bearer bob"

TAKES_BACK = {Permission.TAKE_BACK, Permission.ROLL_BACK, Permission.KILL_FLAG}
URGENT = {Pace.URGENT, Pace.BACK}


def _route(method: str, path: str) -> Route:
    return next(one for one in ROUTES if (one.method, one.path) == (method, path))


READ = _route("GET", "/api/v1/services/{service}/risk")
CHANGE = _route("POST", "/api/v1/services/{service}/followups/{number}/done")


def _request(who: str, address: str = "192.0.2.1") -> Request:
    return Request({"type": "http", "headers": [(b"authorization", who.encode())], "client": (address, 1)})


def test_r34_whatever_takes_users_back_is_urgent() -> None:
    slow = {one.name for one in ROUTES if one.permission in TAKES_BACK and one.pace not in URGENT}
    assert slow == {"post /api/v1/services/{service}/environments/{environment}/flag/drill"}
    forms = {one.name for one in ROUTES if one.pace in URGENT and one.kind is Kind.FORM}
    assert {"post /rollouts/{rollout}/roll-back", "post /ways/{way}/abort", "post /rollouts/{rollout}/abort"} <= forms
    assert {one.path for one in ROUTES if one.pace is Pace.WATCH} == {"/healthz", "/readyz"}


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


def test_r34_one_person_with_many_tokens_leaves_room_for_the_rollbacks_of_others() -> None:
    """Each rollback lasts until a worker has answered."""
    rollback = _route("POST", "/api/v1/services/{service}/environments/{environment}/rollback")
    dan, bob = (Identity(name=one, kind=ActorKind.PERSON, proof=Proof.TOKEN, grants=()) for one in ("dan", "bob"))

    async def crowd(threads: Threads) -> None:
        over = threading.Event()
        async with anyio.create_task_group() as tasks:
            for number in range(60):
                tasks.start_soon(threads.run_for, rollback, dan, _request(f"Bearer {number}"), lambda: over.wait(60))
            try:
                await anyio.sleep(0.2)
                with anyio.fail_after(30):
                    assert await threads.run_for(rollback, bob, _request(BOB), lambda: "done") == "done"
            finally:
                over.set()

    anyio.run(crowd, Threads())


def test_r34_sign_ins_of_one_address_wait_for_each_other_and_keep_nobody_else_waiting() -> None:
    sign_in, refused = _route("POST", "/login"), list[CrowdedOut]()

    async def crowd(threads: Threads) -> None:
        over = threading.Event()

        async def ask() -> None:
            try:
                await threads.run(sign_in, _request(""), lambda: over.wait(60))
            except CrowdedOut as error:
                refused.append(error)

        async with anyio.create_task_group() as tasks:
            for _ in range(200):
                tasks.start_soon(ask)
            try:
                await anyio.sleep(0.2)
                with anyio.fail_after(30):
                    assert await threads.run(sign_in, _request("", "192.0.2.2"), lambda: "done") == "done"
                    assert await threads.run(READ, _request(BOB), lambda: "done") == "done"
            finally:
                over.set()

    anyio.run(crowd, Threads())
    assert len(refused) == 148, "two are at work, and fifty wait"


def test_r34_a_sign_in_that_waits_too_long_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pilotage.web.threads._PATIENCE", 0.05)
    sign_in = _route("POST", "/login")

    async def crowd(threads: Threads) -> None:
        over = threading.Event()
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(threads.run, sign_in, _request(""), lambda: over.wait(60))
            await anyio.sleep(0.02)
            with pytest.raises(CrowdedOut, match="too many people sign in"):
                await threads.run(sign_in, _request(""), lambda: "done")
            over.set()

    anyio.run(crowd, Threads())


@pytest.mark.usefixtures("no_worker")
def test_r34_aborts_go_on_while_a_deployer_asks_for_more_rollbacks_than_there_are_threads(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over sockets: forty rollbacks by four tokens that end only when the others are through."""
    server.person("dan", "deployer")
    server.person("bob", "deployer")
    tokens, bob = [server.with_token("dan", "deployer") for _ in range(4)], server.with_token("bob", "deployer")
    found = server.rollout()
    over, begun = threading.Event(), threading.Semaphore(0)

    def slow(*_: object, **__: object) -> None:
        begun.release()
        over.wait(60)
        raise Unavailable("too late")

    monkeypatch.setattr("pilotage.web.api.releasing.go_back", slow)
    path = "/api/v1/services/shop/environments/production/rollback"
    with ThreadPoolExecutor(40) as pool:
        asked = [pool.submit(one.post, path, {"reason": "slow"}) for one in tokens for _ in range(10)]
        try:
            assert begun.acquire(timeout=30)
            assert bob.post(f"/api/v1/rollouts/{found.id}/abort", {"reason": "errors"}).status == 200
            assert bob.get("/healthz").status == 200
        finally:
            over.set()
        assert {one.result().status for one in asked} == {503}
