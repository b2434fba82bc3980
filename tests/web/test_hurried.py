"""R34: connections that ask nothing do not stay, nobody has all of them, and where a request ends is never in doubt."""

from __future__ import annotations

import http.client
import json
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest
import uvicorn

from pilotage.web import hurried, serving
from pilotage.web.serving import Listening, _configured
from tests.web.site import Served

PLACE = "/api/v1/services/shop/environments/production"
HEALTH = b"GET /healthz HTTP/1.0\r\n\r\n"


@contextmanager
def running(server: Served, wanted: Listening) -> Iterator[tuple[str, int]]:
    """As `pilotage serve` runs it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = uvicorn.Server(_configured(server.site, wanted))
        thread = threading.Thread(target=made.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            made.should_exit = True
            thread.join(10)


def said(place: tuple[str, int], asked: bytes) -> bytes:
    """All that comes until the server closes the connection."""
    with socket.create_connection(place, timeout=30) as connection:
        connection.sendall(asked)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("begun", [b"", b"GET /healthz HTTP/1.1\r\nHost: here\r\nX-Slow: "])
def test_r34_a_connection_that_never_asks_is_closed(
    server: Served, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(hurried, "PATIENCE", 0.2)
    with running(server, Listening()) as place:
        with socket.create_connection(place, timeout=30) as slow:
            slow.sendall(begun)
            assert slow.recv(1) == b""
        with closing(http.client.HTTPConnection(*place, timeout=30)) as decent:
            for _ in range(2):
                decent.request("GET", "/healthz")
                answer = decent.getresponse()
                assert (answer.status, bool(answer.read())) == (200, True)


def test_r34_one_client_has_not_all_connections(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hurried, "OF_ONE", 5)
    with running(server, Listening()) as place:
        others = [socket.create_connection(place, timeout=30) for _ in range(20)]
        assert b"200 OK" in said(place, HEALTH), "many may come from this machine"
        for one in others:
            one.close()
    monkeypatch.setattr(hurried.Hurried, "_is_local", staticmethod(lambda _: False))
    with running(server, Listening()) as place:
        crowd = [socket.create_connection(place, timeout=30) for _ in range(5)]
        with suppress(ConnectionError):
            assert said(place, HEALTH) == b""
        for one in crowd:
            one.sendall(HEALTH)
            assert one.recv(20).startswith(b"HTTP/1.1 200")
            one.close()


def test_r34_a_server_has_files_for_its_connections() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (600, before[1]))
    try:
        most = serving._connections()
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert soft == min(before[1] if before[1] > 0 else 8192, 8192)
    assert most <= min(2000, soft - 400)


SECOND = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    "asked",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", b"Content-Length: +0\r\n\r\n",
    ],
)  # fmt: skip
def test_r34_a_request_whose_end_is_in_doubt_is_the_last_of_its_connection(server: Served, asked: bytes) -> None:
    """Else a proxy that sees another end lets a client smuggle in a request."""
    with running(server, Listening()) as place:
        got = said(place, b"POST /api/v1/login HTTP/1.1\r\nHost: a\r\n" + asked + SECOND)
    assert (got.count(b"HTTP/1.1 "), got.startswith(b"HTTP/1.1 400")) == (1, True), got


@pytest.mark.parametrize("upgrade", [b"h2c", b"websocket"])
def test_r34_no_connection_becomes_one_of_another_protocol(server: Served, upgrade: bytes) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: " + upgrade + b"\r\n"
    more = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" * (upgrade != b"h2c")
    with running(server, Listening()) as place:
        assert b" 101 " not in said(place, head + more + b"\r\n")[:20]


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"), ("6.6.6.6, 192.0.2.7", "192.0.2.7"), ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8::7]:4711", "2001:db8::7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("<script>", ""), ("x" * 5000, ""),
    ],
)  # fmt: skip
def test_r34_a_proxys_client_is_an_address_or_nobody(server: Served, given: str, counted: str) -> None:
    server.person("ada", "admin")
    token = server.with_token("ada", "admin").token
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": given, "Content-Type": "application/json"}
    for proxies, address in ((("127.0.0.1",), counted), ((), "127.0.0.1")):
        with (
            running(server, Listening(proxies=proxies)) as place,
            closing(http.client.HTTPConnection(*place, timeout=30)) as ada,
        ):
            freeze = {"name": f"racks {len(proxies)}", "seconds": 60, "reason": "power"}
            ada.request("POST", f"{PLACE}/freezes", json.dumps(freeze), headers)
            assert b"racks" in ada.getresponse().read()
            ada.request("GET", "/api/v1/audit?limit=1", headers=headers)
            (row,) = json.loads(ada.getresponse().read())["rows"]
        assert row["address"] == address
