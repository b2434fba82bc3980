"""The embedded Traefik: the contract of the port, and what only this router promises, with real requests."""

from __future__ import annotations

import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters.fence import Fence
from pilotage.adapters.free_port import free_port
from pilotage.adapters.http import get_status
from pilotage.adapters.own_requests import synthetic_token
from pilotage.adapters.ports import AdapterError, Router
from pilotage.adapters.routers.found import found_router
from pilotage.adapters.routers.traefik import FILE, TraefikRouter
from pilotage.adapters.routers.traefik_config import Settings
from pilotage.adapters.routers.traefik_process import DYNAMIC, RECORD, USERS
from pilotage.model.capabilities import RouterCapabilities
from pilotage.model.traffic import HeaderRoute, Mirror, Split, split_between
from pilotage.testing import RouterUnderTest, User, Version
from pilotage.testing.contracts.router import RouterContract
from pilotage.testing.harness import wait_until
from tests.children import children

from .conftest import kill_children

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("traefik")]
Versions = Callable[[str], Version]
ONE = Split((("1.0", 1000),))


class EmbeddedTraefik(RouterUnderTest):
    """A Traefik that Pilotage started, in one place, whatever is asked of it."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.directory, self._fence, self.port = folder / "router", folder / "fence.json", free_port()
        self.settings = Settings(entry_points=(USERS,), **{"cookie": "session", **settings})
        super().__init__(
            self.again,
            RouterCapabilities(),
            url=f"http://127.0.0.1:{self.port}",
            kill=kill_children,
            own=lambda: synthetic_token(self.directory),
        )

    def again(self, token: int = 1) -> Router:
        fence = Fence(self._fence, token)
        return TraefikRouter(self.directory, fence, self.settings, ("127.0.0.1", self.port), synthetic=True)


class TestTraefik(RouterContract):
    """What holds for every router; below is what only this one promises."""

    @pytest.fixture
    def routed(self, tmp_path: Path) -> Iterator[EmbeddedTraefik]:
        under_test = EmbeddedTraefik(tmp_path)
        yield under_test
        under_test.again(10**6).stop()


@pytest.fixture
def routed(tmp_path: Path) -> Iterator[EmbeddedTraefik]:
    under_test = EmbeddedTraefik(tmp_path)
    yield under_test
    under_test.again(10**6).stop()


def test_r28_a_larger_weight_adds_only_users_among_those_with_a_cookie_of_traefiks_own(
    routed: EmbeddedTraefik, versions: Versions
) -> None:
    """Each bucket of users leads to one version; raising a weight moves whole buckets, one way."""
    backends = {v: [versions(v).address] for v in ("1.0", "2.0")}
    routed.take(split_between("2.0", 1, "1.0"), backends)
    users = [User(routed) for _ in range(60)]
    for user in users:
        user.ask()
    cookies = [user.cookie for user in users]
    before = set[str]()
    for weight in (100, 400, 700, 1000):
        routed.take(split_between("2.0", weight, "1.0"), backends)
        new = {user.cookie for user in users if user.ask() == "2.0"}
        assert before <= new
        before = new
    assert before == set(cookies)
    assert [user.cookie for user in users] == cookies, "nobody got another cookie"


def test_a_file_that_somebody_removed_or_changed_is_an_error_to_read_and_is_written_again(
    routed: EmbeddedTraefik, versions: Versions
) -> None:
    backends = {"1.0": [versions("1.0").address]}
    routed.take(ONE, backends)
    file = routed.directory / DYNAMIC / FILE
    file.unlink()
    wait_until(lambda: routed.answer().status == 404, what="Traefik did not see that the file is gone")
    with pytest.raises(AdapterError, match="was removed or replaced"):
        routed.router.read()
    routed.take(ONE, backends)
    file.write_text("http: {middlewares: {another: {retry: {attempts: 2}}}}")
    wait_until(lambda: routed.answer().status == 404, what="Traefik did not see that the file is another")
    routed.take(ONE, backends)
    assert routed.ask() == "1.0"


def test_a_removed_folder_or_a_lost_record_never_leads_to_a_second_traefik(
    routed: EmbeddedTraefik, versions: Versions
) -> None:
    backends = {"1.0": [versions("1.0").address]}
    routed.take(ONE, backends)
    first = _children()
    (routed.directory / RECORD).unlink()
    assert routed.again().read() == ONE
    routed.again().apply(ONE, backends)
    assert _children() == first
    shutil.rmtree(routed.directory)
    routed.take(ONE, backends)
    assert len(_children()) == 1
    assert routed.ask() == "1.0"


def test_another_address_restarts_traefik_there(routed: EmbeddedTraefik, versions: Versions) -> None:
    backends = {"1.0": [versions("1.0").address]}
    routed.take(ONE, backends)
    routed.port = free_port()
    routed.url = f"http://127.0.0.1:{routed.port}"
    routed.router = routed.again()
    routed.take(ONE, backends)
    assert (routed.ask(), len(_children())) == ("1.0", 1)


def test_only_pilotage_reads_its_port(routed: EmbeddedTraefik, versions: Versions) -> None:
    """The secret of synthetic requests is in the configuration that the API shows."""
    routed.take(ONE, {"1.0": [versions("1.0").address]})
    admin = f"http://{json.loads((routed.directory / RECORD).read_bytes())['facts']['admin']}"
    assert [get_status(admin + path)[0] for path in ("/api/rawdata", "/metrics")] == [404, 404]
    assert (routed.directory / "api-key").stat().st_mode & 0o077 == 0
    assert (routed.directory / DYNAMIC / FILE).stat().st_mode & 0o077 == 0


def test_websockets_and_http2_without_tls_pass(routed: EmbeddedTraefik) -> None:
    """R28: what an upgrade carries passes both ways; HTTP/2 is answered without TLS."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_upgrade_once, args=(server,), daemon=True).start()
        routed.take(ONE, {"1.0": [server.getsockname()]})
        with socket.create_connection(("127.0.0.1", routed.port), 5) as user:
            user.sendall(
                b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            assert b"101" in user.recv(4096).split(b"\r\n")[0]
            user.sendall(b"ping")
            assert user.recv(16) == b"ping"
    with socket.create_connection(("127.0.0.1", routed.port), 5) as user:
        user.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
        assert user.recv(9)[3:4] == b"\4", "no SETTINGS frame"


def _upgrade_once(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        connection.sendall(connection.recv(16))


def test_paths_reach_the_service_as_users_wrote_them(routed: EmbeddedTraefik) -> None:
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    routed.take(ONE, {"1.0": [server.server_address[:2]]})  # type: ignore[list-item]
    paths = ["/a%2Fb", "/a//b", "/a/%C3%BC/../b", "/%5Cc%3Bd%25", "/q?x=%00&y={{z}}"]
    for path in paths:
        with socket.create_connection(("127.0.0.1", routed.port), 5) as user:
            user.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            user.recv(4096)
    server.shutdown()
    server.server_close()
    assert seen == paths


def test_responses_name_their_version_and_a_page_of_maintenance_is_never_200(
    tmp_path: Path, versions: Versions
) -> None:
    page = versions("Closed until noon")
    routed = EmbeddedTraefik(tmp_path, version_header="x-release", page=f"http://127.0.0.1:{page.address[1]}/page")
    backends = {"2.0+b": [versions("1.0").address]}
    split = Split((("2.0+b", 1000),))
    try:
        routed.take(split, backends)
        assert routed.answer().headers["x-release"] == "2.0+b"
        routed.take(replace(split, closed=True), backends)
        answer = routed.answer("/healthz")
        assert (answer.status, answer.data, answer.headers["retry-after"]) == (503, b"Closed until noon", "120")
        page.end()
        assert routed.answer().status >= 500
    finally:
        routed.again(10**6).stop()


def test_a_request_that_may_be_made_twice_survives_the_death_of_its_instance(
    tmp_path: Path, versions: Versions
) -> None:
    dying, living = versions("1.0"), versions("1.0")
    dying.dying = True
    routed = EmbeddedTraefik(tmp_path, retry_idempotent=True)
    try:
        routed.take(ONE, {"1.0": [dying.address, living.address]})
        assert {routed.answer(method="PUT").status for _ in range(6)} == {200}
        assert {routed.answer(method="POST").status for _ in range(6)} == {200, 502}, "what may not is made once"
    finally:
        routed.again(10**6).stop()


def test_r13_a_share_of_requests_is_mirrored_by_per_mille(routed: EmbeddedTraefik, versions: Versions) -> None:
    old, new = versions("1.0"), versions("2.0")
    split = Split((("1.0", 1000),), mirror=Mirror("2.0", 250))
    routed.take(split, {"1.0": [old.address], "2.0": [new.address]})
    for _ in range(40):
        routed.ask()
    wait_until(lambda: new.served == 10, what=f"{new.served} of 40 requests were copied")
    assert old.served == 40


# ── the way back, by files alone ───────────────────────────────────────────────────────────────────────────


def test_all_users_are_led_back_by_the_file_alone_and_keep_their_cookies(
    routed: EmbeddedTraefik, versions: Versions
) -> None:
    backends = {v: [versions(v).address] for v in ("1.0", "2.0")}
    route = HeaderRoute("x-release", "canary", "2.0")
    split = split_between("2.0", 500, "1.0", (route,))
    routed.take(split, backends)
    user = User(routed)
    user.ask()
    cookie = user.cookie
    router = found_router(routed.directory)
    assert router is not None
    assert (router.runs(), router.died(), router.split()) == (True, False, split)
    assert set(router.addresses("1.0")) == set(backends["1.0"])
    assert router.lead_all("1.0", backends["1.0"])
    assert {routed.ask(user=f"u{n}") for n in range(30)} == {"1.0"}
    assert routed.ask(**{"x-release": "canary"}) == "1.0"
    assert user.ask() == "1.0"
    assert user.cookie == cookie
    assert routed.router.read() == ONE
    routed.take(split, backends)
    kill_children()
    assert (router.runs(), router.died(), router.split()) == (False, True, split)
    assert not router.lead_all("1.0", backends["1.0"]), "nothing confirms it"
    assert router.split() == ONE


def _children() -> list[int]:
    return [process.pid for process in children()]
