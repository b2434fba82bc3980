"""R34: the event stream: in order, without gaps, only what the client may see, and it ends when it should."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.types import Message, Scope

from pilotage.engine.records.feed import KEPT, Feed
from pilotage.web import hub
from pilotage.web.api import events
from pilotage.web.server import application
from tests.web.busy import happens, no_event_is_skipped
from tests.web.site import Client, Served, served
from tests.web.sse import following


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(hub, "EVERY", 0.02)
    with served(tmp_path) as found:
        yield found


@pytest.fixture
def ada(server: Served) -> Client:
    server.person("ada", "viewer")
    return server.with_token("ada", "viewer")


def test_r34_what_happens_arrives_with_its_place_in_the_order(server: Served, ada: Client) -> None:
    rollout = server.rollout()
    with following(ada) as stream:
        (ready,) = stream.until("ready")
        assert ready.id == str(ready.data["position"])
        happens(server.store, rollout.id, "one")
        heard = stream.until("rollout")[-1]
    assert int(heard.id) == int(ready.id) + 1
    assert {name: heard.data[name] for name in ("id", "service", "environment", "sentence", "number")} == {
        "id": rollout.id, "service": "shop", "environment": "production", "sentence": "one", "number": 2,
    }  # fmt: skip
    assert "sealed" not in heard.data["data"]


def test_r34_a_look_is_told_and_has_no_place_in_the_order(server: Served, ada: Client) -> None:
    rollout = server.rollout()
    with following(ada) as stream:
        stream.until("ready")
        with server.store.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE rollout SET revision = revision + 1, weight = 250")
        heard = stream.until("changed")
        while heard[-1].data["weight_percent"] != 25:
            heard = stream.until("changed")
    assert (heard[-1].id, heard[-1].data["id"]) == ("", rollout.id)


def test_r34_who_comes_back_gets_what_was_missed_once_and_in_order(server: Served, ada: Client) -> None:
    rollout, other = server.rollout(), server.rollout("search")
    with following(ada) as stream:
        last = stream.until("ready")[-1].id
    for word in ("one", "two"):
        happens(server.store, rollout.id, word)
        happens(server.store, other.id, f"{word} of search")
    for given in ({"Last-Event-ID": last}, {}):
        query = "" if given else f"?after={last}"
        with following(ada, query, **given) as stream:
            # What the server had not read yet comes after `ready`.
            heard = [stream.until("rollout")[-1] for _ in range(4)]
        assert [one.data["sentence"] for one in heard] == ["one", "one of search", "two", "two of search"]
        assert [int(one.id) for one in heard] == list(range(int(last) + 1, int(last) + 5))


@pytest.mark.parametrize("last", ["999999", "what", "-1", "9" * 50])
def test_r34_who_comes_from_elsewhere_is_told_to_read_everything_again(last: str, server: Served, ada: Client) -> None:
    server.rollout()
    with following(ada, **{"Last-Event-ID": last}) as stream:
        assert stream.next().event == "reset"  # type: ignore[union-attr]


def test_r34_only_what_the_client_may_see_and_asked_for(server: Served) -> None:
    shop, search = server.rollout("shop"), server.rollout("search")
    server.person("bob", "viewer@shop/production")
    server.person("ada", "viewer")
    with (
        following(server.with_token("bob", "viewer@shop/production")) as bob,
        following(server.with_token("ada", "viewer"), f"?rollout={search.id}") as ada,
        following(server.with_token("ada", "viewer"), "?service=shop&environment=staging") as nothing,
    ):
        for stream in (bob, ada, nothing):
            stream.until("ready")
        happens(server.store, search.id, "of search")
        happens(server.store, shop.id, "of shop")
        assert bob.until("rollout")[-1].data["sentence"] == "of shop"
        assert ada.until("rollout")[-1].data["sentence"] == "of search"
        server.site.ending = lambda: True
        assert nothing.next() is None


def test_c6_37_a_page_of_another_site_gets_no_stream(server: Served, ada: Client) -> None:
    browser = server.signed_in("ada")
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        with following(browser, **headers) as stream:
            assert stream.status == 403
    with following(browser) as stream:
        assert stream.status == 200
    with following(Client(server, token=ada.token[:-1])) as stream:
        assert stream.status == 401


def test_r34_a_stream_ends_with_its_session(server: Served, ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "ASK_AGAIN", 0.05)
    browser = server.signed_in("ada")
    with following(browser) as stream, following(ada) as other:
        stream.until("ready")
        other.until("ready")
        assert browser.submit("/logout").status == 303
        assert stream.until("end")[-1].data == {"reason": "signed out"}
        assert stream.next() is None
        rollout = server.rollout()
        assert other.until("rollout")[-1].data["id"] == rollout.id


@pytest.mark.parametrize("how", ["session", "token"])
def test_r34_a_stream_ends_with_its_proof_however_much_happens(
    how: str, server: Served, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "ASK_AGAIN", 0.2)
    rollout, over, client = server.rollout(), threading.Event(), server.signed_in("ada") if how != "token" else ada

    def keep_busy() -> None:
        while not over.wait(0.01):
            happens(server.store, rollout.id, "busy")

    busy = threading.Thread(target=keep_busy)
    with following(client) as stream:
        stream.until("ready")
        busy.start()
        try:
            stream.until("rollout")
            if how == "session":
                assert client.submit("/logout").status == 303
            else:
                (found,) = client.get("/api/v1/tokens").json["tokens"]
                assert client.post(f"/api/v1/tokens/{found['id']}/revoke").status == 200
            assert stream.until("end")[-1].data == {"reason": "signed out"}
        finally:
            over.set()
            busy.join()


def test_r34_a_stopping_server_ends_its_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "EVERY", 0.02)
    with served(tmp_path) as server:
        server.person("ada", "viewer")
        entered = following(server.with_token("ada", "viewer"))
        stream = entered.__enter__()
        stream.until("ready")
        server.site.ending = lambda: True
        assert stream.next() is None
        entered.__exit__(None, None, None)


def test_r34_a_client_that_does_not_read_loses_its_stream_and_nobody_waits_for_it(
    server: Served, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub.Follower, "__init__", _small_queue)
    rollout, app = server.rollout(), application(server.site)

    async def run() -> None:
        blocked = asyncio.Event()

        async def send(message: Message) -> None:
            if b"event: ready" in message.get("body", b""):
                blocked.set()
                await asyncio.Event().wait()  # its buffers are full

        async def receive() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        scope = _scope({"authorization": f"Bearer {ada.token}"})
        task = asyncio.ensure_future(app(scope, receive, send))
        await blocked.wait()
        for number in range(5):
            await asyncio.to_thread(happens, server.store, rollout.id, str(number))
        await asyncio.wait_for(task, 60)

    asyncio.run(run())
    assert not server.site.hub.full


def test_r34_a_client_that_does_not_read_is_no_fault_of_the_server(
    server: Served, ada: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hub.Follower, "__init__", _small_queue)
    monkeypatch.setattr(logging.getLogger("uvicorn"), "propagate", True)
    rollout = server.rollout()
    with following(ada) as stream:
        stream.until("ready")
        (follower,) = server.site.hub._followers
        while not follower.lost.is_set():
            happens(server.store, rollout.id, "x" * 10_000)
        while stream.next() is not None:
            pass
    assert caplog.messages == []


def _small_queue(self: hub.Follower, wants: object, who: str = "", address: str = "") -> None:
    self.who, self.address = who, address
    self.wants, self.queue, self.lost = wants, asyncio.Queue(2), asyncio.Event()  # type: ignore[assignment]


def _scope(headers: dict[str, str]) -> Scope:
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/api/v1/events", "raw_path": b"/api/v1/events", "query_string": b"", "root_path": "",
        "headers": [(b"host", b"a"), *((name.encode(), value.encode()) for name, value in headers.items())],
        "client": ("127.0.0.1", 1), "server": ("a", 80), "state": {},
    }  # fmt: skip


@pytest.mark.parametrize("clients", [100, pytest.param(1000, marks=pytest.mark.long)])
def test_r34_a_thousand_clients_hear_it(clients: int, server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "EVERY", 0.2)
    server.person("ada", "viewer")
    rollout, app, browser = server.rollout(), application(server.site), server.signed_in("ada")

    async def one(ready: asyncio.Semaphore, heard: list[bytes]) -> None:
        over = asyncio.Event()

        async def send(message: Message) -> None:
            if b"event: ready" in message.get("body", b""):
                ready.release()
            assert message.get("status", 200) == 200
            if b"event: rollout" in message.get("body", b""):
                heard.append(message["body"])
                over.set()

        async def receive() -> Message:
            await over.wait()
            return {"type": "http.disconnect"}

        scope = _scope({"cookie": browser.cookie, "sec-fetch-site": "same-origin"})
        await app(scope, receive, send)

    async def run() -> list[bytes]:
        ready, heard = asyncio.Semaphore(0), list[bytes]()
        tasks = [asyncio.create_task(one(ready, heard)) for _ in range(clients)]
        for _ in tasks:
            await ready.acquire()
        await asyncio.to_thread(happens, server.store, rollout.id, "to all")
        await asyncio.gather(*tasks)
        return heard

    heard = asyncio.run(run())
    assert len(heard) == clients
    assert len(set(heard)) == 1


# ── the order ──────────────────────────────────────────────────────────────────────────────────────────────


def test_r34_no_event_is_skipped_whoever_commits_when(server: Served) -> None:
    places = (("shop", "production"), ("shop", "staging"), ("search", "production"))
    no_event_is_skipped(server.store, [server.rollout(*place).id for place in places])


def test_what_happened_before_anyone_followed_has_no_place(server: Served) -> None:
    rollout = server.rollout()
    feed = Feed(server.store.engine)
    assert (feed.extend(), feed.after(0)) == (0, ())
    happens(server.store, rollout.id, "one")
    assert feed.extend() == 1
    assert [one.sentence for one in feed.after(0)] == ["one"]


def test_old_places_go_and_who_comes_from_there_is_told(server: Served) -> None:
    rollout, feed = server.rollout(), Feed(server.store.engine)
    feed.extend()
    happens(server.store, rollout.id, "one")
    feed.extend()
    with server.store.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE feed_heads SET events = {KEPT + 1} WHERE kind = 'newest'")
    happens(server.store, rollout.id, "two")
    assert feed.extend() == KEPT + 2
    assert [one.sentence for one in feed.after(0)] == ["two"]
    assert (feed.reaches(0), feed.reaches(KEPT + 1), feed.reaches(KEPT + 2)) == (False, True, True)
    assert not feed.reaches(KEPT + 3)
