"""R34: what HTTP promises on every route: ETags, methods, sizes, times, JSON without surprises, limits, compression."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
from pathlib import Path

import pytest

from pilotage.web import reading
from pilotage.web.limits import Limits, TooMany
from pilotage.web.request_id import WithRequestId
from tests.clock import FakeClock
from tests.web.asgi import ask
from tests.web.site import Client, Served, served


@pytest.fixture
def ada(server: Served, monkeypatch: pytest.MonkeyPatch) -> Client:
    from pilotage.app import commands
    from pilotage.app.homes import Attended

    monkeypatch.setattr(commands, "attend", lambda *_: Attended.NOBODY)
    server.person("ada", "admin")
    return server.with_token("ada", "admin")


# ── ETags ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_r34_a_client_that_has_the_answer_gets_none(server: Served, ada: Client) -> None:
    where = f"/api/v1/rollouts/{server.rollout().id}"
    first = ada.get(where)
    again = ada.get(where, **{"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert ada.get(where, **{"If-None-Match": '"other"'}).status == 200


def test_c6_36_a_command_about_what_has_changed_does_nothing_and_shows_the_present(server: Served, ada: Client) -> None:
    rollout = server.rollout()
    where = f"/api/v1/rollouts/{rollout.id}"
    seen = ada.get(where).headers["etag"]
    stale = '"' + "0" * 12 + '.0123"'
    got = ada.post(f"{where}/promote", {}, **{"If-Match": stale})
    assert (got.status, got.json["code"]) == (412, "precondition-failed")
    assert got.json["present"]["id"] == rollout.id
    assert server.store.pending(rollout.id) == ()
    assert ada.post(f"{where}/promote", {}, **{"If-Match": seen}).status == 200
    assert ada.post(f"{where}/pause", {}, **{"If-Match": f"W/{seen}, {stale}"}).status == 200
    assert len(server.store.pending(rollout.id)) == 2


# ── methods and paths ──────────────────────────────────────────────────────────────────────────────────────


def test_r34_other_methods_are_told_which_there_are(ada: Client) -> None:
    got = ada.ask("DELETE", "/api/v1/rollouts", None, {})
    assert (got.status, got.json["code"], got.headers["allow"]) == (405, "method-not-allowed", "GET, HEAD, OPTIONS")
    options = ada.ask("OPTIONS", "/api/v1/rollouts", None, {})
    assert (options.status, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    head = ada.ask("HEAD", "/api/v1/rollouts", None, {})
    assert (head.status, head.body) == (200, b"")
    assert head.headers["etag"] == ada.get("/api/v1/rollouts").headers["etag"]


def test_r34_a_path_that_leads_nowhere_is_a_problem_or_a_page(ada: Client) -> None:
    got = ada.get("/api/v1/nothing")
    assert (got.status, got.headers["content-type"]) == (404, "application/problem+json")
    assert ada.get("/nothing").headers["content-type"].startswith("text/html")
    for path in ("/api/v1/rollouts/../../etc/passwd", "/api/v1/rollouts/%2e%2e%2fetc"):
        assert ada.get(path).status == 404


# ── bodies ─────────────────────────────────────────────────────────────────────────────────────────────────


BODIES = (
    (b'{"reason": "a", "reason": "b"}', "Object contains the field `reason` twice"),
    (b'{"reason": NaN}', "malformed"),
    (b'{"reason": "a"} {}', "trailing"),
    (b'{"reason": "\xff"}', "utf-8"),
    (b'{"reason": "\\ud800 and more text"}', "surrogate"),
    (b'{"about": 1e400}', "out of range"),
    (b'{"about": ' + b"9" * 5000 + b"}", "out of range"),
    (b'{"about": -1}', ">= 1"),
    (b'{"more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "unknown field"),
    (b"[" * 100_000, "array"),
    (b'{"reason": "' + b"x" * 2001 + b'"}', "2000"),
    (b"", "truncated"),
    (b"null", "object"),
    (b"\x00", "malformed"),
)


def test_r34_json_that_means_nothing_is_refused_in_a_sentence(server: Served, ada: Client) -> None:
    where = f"/api/v1/rollouts/{server.rollout().id}/pause"
    got = [(ada.ask("POST", where, body, {"Content-Type": "application/json"}), said) for body, said in BODIES]
    assert [one.status for one, _ in got] == [400] * len(BODIES)
    assert [
        one.json["detail"] for one, said in got if said not in one.json["detail"].lower() + one.json["detail"]
    ] == []
    assert max(len(one.json["detail"]) for one, _ in got) < 300


def test_c6_26_ten_megabytes_are_refused_and_the_server_serves_on(server: Served, ada: Client) -> None:
    where = f"/api/v1/rollouts/{server.rollout().id}/pause"
    got = ada.ask("POST", where, b"x" * 10_000_000, {"Content-Type": "application/json"})
    assert (got.status, got.json["code"]) == (413, "too-large")
    assert ada.get("/api/v1/rollouts").status == 200


def test_r34_a_body_that_does_not_arrive_is_not_waited_for(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading.body_of, "__defaults__", (0.05,))
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as slow:
        slow.sendall(b"POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        answer = slow.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()


def test_r34_headers_cannot_be_injected(ada: Client) -> None:
    got = ada.get("/login?next=/%0d%0aSet-Cookie:%20a=b")
    assert "set-cookie" not in {name.lower() for name in got.headers} or "a=b" not in str(got.headers)
    assert ada.get("/api/v1/rollouts", **{"X-Request-Id": "x" * 500}).headers["x-request-id"] != "x" * 500


# ── limits ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_r34_who_asks_too_much_is_told_when_to_ask_again() -> None:
    clock = FakeClock(1000.0)
    limits = Limits(minute=60, anonymous=2, now=clock.monotonic)
    told = [limits.take("person:ada", known=True) for _ in range(60)]
    assert [one["RateLimit-Remaining"] for one in told[-2:]] == ["1", "0"]
    with pytest.raises(TooMany) as refused:
        limits.take("person:ada", known=True)
    assert refused.value.headers["Retry-After"] == "1"
    limits.take("person:bob", known=True)
    clock.pass_(1.0)
    limits.take("person:ada", known=True)
    with pytest.raises(TooMany):
        limits.take("person:ada", known=True)


def test_r34_limits_count_identities_and_addresses(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        server.site.limits = Limits(minute=3, anonymous=2)
        server.person("ada", "viewer")
        ada = server.with_token("ada", "viewer")
        got = [ada.get("/api/v1/rollouts") for _ in range(4)]
        assert [one.status for one in got] == [200, 200, 200, 429]
        assert got[0].headers["ratelimit-limit"] == "3"
        assert int(got[3].headers["retry-after"]) > 0
        assert got[3].json["code"] == "too-many"
        wrong = Client(server, token="pilotage_pat_1_2")
        assert [wrong.get("/api/v1/rollouts").status for _ in range(3)] == [401, 401, 429]


def test_r34_what_is_open_to_everybody_has_a_limit_too(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        server.site.limits = Limits(minute=0, anonymous=0, public=2)
        got = [server.anybody().get("/public/status/") for _ in range(3)]
        assert [one.status for one in got] == [404, 404, 429]
        assert server.anybody().get("/healthz").status == 200


# ── answers ────────────────────────────────────────────────────────────────────────────────────────────────


def test_r34_large_answers_are_compressed_for_who_takes_that(ada: Client) -> None:
    plain, packed = (ada.get("/api/v1/openapi.json", **{"Accept-Encoding": one}) for one in ("identity", "gzip, br"))
    assert json.loads(gzip.decompress(packed.body)) == plain.json
    assert len(packed.body) < len(plain.body) / 3
    assert packed.headers["vary"] == "Accept-Encoding"
    assert packed.headers["etag"] != plain.headers["etag"]
    again = ada.get("/api/v1/openapi.json", **{"If-None-Match": packed.headers["etag"], "Accept-Encoding": "gzip"})
    assert again.status == 304


def test_r34_answers_and_logs_name_the_request(
    server: Served, ada: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.handler.addFilter(WithRequestId())
    monkeypatch.setattr(server.site.store, "queued", lambda: 1 / 0)
    with caplog.at_level(logging.ERROR):
        got = ada.get("/api/v1/queue", **{"X-Request-Id": "proxy-12345678"})
    assert (got.status, got.headers["x-request-id"]) == (500, "proxy-12345678")
    assert "ZeroDivisionError" not in got.text
    assert [record.__dict__["request"] for record in caplog.records] == ["proxy-12345678"]


def test_c6_5_a_store_that_cannot_be_used_is_no_fault_of_the_client(
    server: Served, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    def away() -> None:
        raise sqlite3.OperationalError("disk I/O error at /secret/path")

    monkeypatch.setattr(server.site.store, "queued", away)
    got = ada.get("/api/v1/queue")
    assert (got.status, got.json["exit_status"]) == (503, 9)
    assert "secret" not in got.text


def test_hundred_clients_at_once_all_get_their_answer(server: Served, ada: Client) -> None:
    from pilotage.web.server import application

    app, headers = application(server.site), {"authorization": f"Bearer {ada.token}"}

    async def every() -> list[int]:
        got = await asyncio.gather(*(ask(app, "GET", "/api/v1/rollouts", headers) for _ in range(100)))
        return [one.status for one in got]

    assert set(asyncio.run(every())) == {200}
