"""Debian's nginx as a router, in both modes: the contract of the port, and what only an nginx promises."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
import urllib3

from pilotage.adapters import http, resolving
from pilotage.adapters.context import Context, Peers
from pilotage.adapters.fence import Fence
from pilotage.adapters.free_port import free_port
from pilotage.adapters.metrics.nginx_adapter import ADAPTER as METRICS
from pilotage.adapters.own_requests import synthetic_token
from pilotage.adapters.ports import AdapterError, Fenced, Router
from pilotage.adapters.routers import nginx as nginx_router
from pilotage.adapters.routers import nginx_control, nginx_server, nginx_state
from pilotage.adapters.routers.found import found_router
from pilotage.adapters.routers.nginx_adapter import ADAPTER
from pilotage.model.traffic import HeaderRoute, Split, baseline_of, split_between
from pilotage.testing import RouterUnderTest, Version, wait_until
from pilotage.testing.contracts.router import RouterContract

from ..nginx import Nginx
from ..ssh import Sshds, sshd

__all__ = ["sshd"]

pytestmark = pytest.mark.real
Versions = Callable[[str], Version]
ONE = Split((("1.0", 1000),))


class NginxUnderTest(RouterUnderTest):
    """nginx: the running one · section: of `pilotage.yaml`, to be changed by `configured`."""

    def __init__(self, folder: Path, mode: str, **changed: Any) -> None:
        self.nginx, self.folder = Nginx(folder / "nginx", lua=mode == "lua"), folder
        self.place = folder / "place"
        port = free_port()
        self.section: dict[str, Any] = {
            "kind": "nginx", "mode": mode, "file": str(self.nginx.owned / "shop.conf"),
            "control": f"127.0.0.1:{free_port()}", "listen": f"127.0.0.1:{port}", "sticky": {"cookie": "session"},
            "test": self.nginx.test, "reload": self.nginx.reload, **changed,
        }  # fmt: skip
        can = ADAPTER.can(ADAPTER.section.model_validate(self.section))
        own = lambda: synthetic_token(self.place / "router")  # noqa: E731
        super().__init__(self._opened, can, url=f"http://127.0.0.1:{port}", own=own)

    def context(self, token: int) -> Context:
        return Context(
            directory=self.place / "router",
            fence=Fence(self.place / "fence.json", token),
            service="shop",
            environment="production",
            folder=self.folder,
            peers=Peers(synthetic=True),
        )

    def _opened(self, token: int) -> Router:
        return ADAPTER.open(ADAPTER.section.model_validate(self.section), self.context(token))

    def configured(self, **changed: Any) -> Router:
        self.section |= changed
        self.router = self.again()
        return self.router


class Load:
    """Users who keep their connections open. answers: by status · lost: by what happened instead."""

    def __init__(self, url: str) -> None:
        self.answers, self.lost = Counter[int](), Counter[str]()
        self._url, self._over = url, threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(method,)) for method in ("GET", "POST") * 4]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        wait_until(lambda: self.answers.total() > 200, what="hardly any request came through")
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, method: str) -> None:
        pool = urllib3.PoolManager(maxsize=1)
        while not self._over.is_set():
            try:
                answer = pool.request(method, self._url, body=b"x" * 100, timeout=5.0, retries=False)
                self.answers[answer.status] += 1
            except urllib3.exceptions.HTTPError as error:
                self.lost[type(error).__name__] += 1


class Upgrading:
    """A server that switches protocols and sends back what it gets."""

    def __enter__(self) -> Upgrading:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = ("127.0.0.1", int(self._listening.getsockname()[1]))
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _serve(self) -> None:
        user, _ = self._listening.accept()
        with user:
            assert b"\r\nupgrade: websocket\r\n" in user.recv(4096).lower()
            user.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            user.sendall(user.recv(10))


class Echo(grpc.GenericRpcHandler):  # type: ignore[misc]
    """A service that returns what it gets; `no` is refused."""

    def service(self, _call: grpc.HandlerCallDetails) -> Any:
        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            if request == b"no":
                context.abort(grpc.StatusCode.UNAVAILABLE, "as asked")
            return request

        return grpc.unary_unary_rpc_method_handler(answer)


@pytest.fixture(params=["reload", "lua"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def routed(mode: str, tmp_path: Path) -> Iterator[NginxUnderTest]:
    under_test = NginxUnderTest(tmp_path, mode)
    yield under_test
    under_test.nginx.kill()


class TestNginx(RouterContract):
    """What holds for every router."""


# ── users ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["session", "shop.user-id"])
def test_nginx_alone_makes_the_cookie_for_who_has_none(routed: NginxUnderTest, versions: Versions, name: str) -> None:
    routed.configured(sticky={"cookie": name})
    routed.take(ONE, {"1.0": [versions("1.0").address]})
    for sent in (
        {},
        {"Cookie": f"{name}="},
        {"Cookie": f'{name}=""'},
        {"Cookie": f"a=b; {name}=; c=d"},
        {"Cookie": f"x{name}=1"},
    ):
        given = routed.answer("/error", **sent).headers["set-cookie"]
        assert given.startswith(f"{name}=")
        assert given.endswith("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax")
    for sent in ({"Cookie": f"{name}=mine"}, {"Cookie": f"a=b; {name}=mine"}, {"Cookie": f'a=b;{name}="mine";c=d'}):
        assert "set-cookie" not in routed.answer("/", **sent).headers


def test_users_known_by_a_header_stay_and_get_no_cookie(routed: NginxUnderTest, versions: Versions) -> None:
    routed.configured(sticky={"header": "x-user"})
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    routed.take(split_between("2.0", 500, "1.0"), backends)
    had = [[routed.answer("/", **{"x-user": f"u{n}"}) for _ in range(2)] for n in range(20)]
    assert {len({answer.data for answer in answers}) for answers in had} == {1}
    assert len({answers[0].data for answers in had}) == 2
    assert not any("set-cookie" in answer.headers for answers in had for answer in answers)


def test_values_of_headers_are_compared_letter_by_letter(routed: NginxUnderTest, versions: Versions) -> None:
    """nginx's own maps ignore case, and read `~`, `$` and `\\` in their keys."""
    value = 'a.*b $pid "x" \\d ~^ {};'
    routes = (HeaderRoute("X-Tester", value, "2.0"), HeaderRoute("x-tester", "Yes", "2.0"))
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    routed.take(Split((("1.0", 1000),), routes), backends)
    answers = [routed.ask(**{"x-tester": sent}) for sent in (value, "Yes", "yes", "aXb $pid", "", "Yes ")]
    assert answers == ["2.0", "2.0", "1.0", "1.0", "1.0", "2.0"], "white space around a value is no part of it"


def test_a_service_sees_who_asked_for_what(routed: NginxUnderTest, versions: Versions) -> None:
    version = versions("1.0")
    routed.take(ONE, {"1.0": [version.address]})
    routed.ask("/a?b=%2F", Host="shop.example.org", **{"x-forwarded-for": "203.0.113.7"})
    seen = version.asked[-1]
    assert (seen["host"], seen["x-forwarded-proto"]) == ("shop.example.org", "http")
    assert seen["x-forwarded-for"] == "203.0.113.7, 127.0.0.1"


def test_a_header_names_the_version_and_not_its_baseline(routed: NginxUnderTest, versions: Versions) -> None:
    routed.configured(version_header="x-release")
    strange, fresh = 'a"$pid\\b', baseline_of("1.0")
    routed.take(split_between(fresh, 500, strange), {v: [versions(v).address] for v in (strange, fresh)})
    named = {(a.data.decode(), a.headers["x-release"]) for a in (routed.answer() for _ in range(40))}
    assert named == {(strange, strange), (fresh, "1.0")}


def test_r15_the_maintenance_page_is_503_to_everything_that_users_send(
    routed: NginxUnderTest, versions: Versions
) -> None:
    page = "<h1>Zu „heute“ \"$19\" ${pid} \\n {}; 'x' # </h1>" + "$" * 5000 + "x" * 20_000
    (routed.folder / "page.html").write_text(page)
    routed.configured(maintenance_page="page.html")
    old = versions("old")
    closed = Split((("old", 1000),), (HeaderRoute("x-test", "yes", "old"),), closed=True)
    routed.take(closed, {"old": [old.address]})
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = routed.answer("/any", method)
        assert (answer.status, answer.data.decode()) == (503, page)
        assert (answer.headers["retry-after"], answer.headers["content-type"]) == ("120", "text/html; charset=utf-8")
    assert old.served == 0
    assert routed.ask("/", **{"x-test": "yes"}) == "old", "testers look behind the page"


# ── what is not Pilotage's ─────────────────────────────────────────────────────────────────────────────────


def test_r28_the_rest_of_the_configuration_stays_and_serves(routed: NginxUnderTest, versions: Versions) -> None:
    nginx = routed.nginx
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    neighbour = nginx.others / "neighbour.conf"
    neighbour.write_text(neighbour.read_text().replace('"neighbour"', '"edited"'))
    before = {path: path.read_bytes() for path in (nginx.conf, neighbour)}
    for split in (ONE, split_between("2.0", 500, "1.0")):
        routed.take(split, backends)
    assert http.get(f"http://127.0.0.1:{nginx.neighbour}/") == b"edited", "whoever reloads, reloads all"
    routed.router.stop()
    assert {path: path.read_bytes() for path in before} == before
    assert list(nginx.owned.iterdir()) == []
    assert http.get(f"http://127.0.0.1:{nginx.neighbour}/") == b"edited"


def test_a_file_of_somebody_else_is_not_replaced(routed: NginxUnderTest, versions: Versions) -> None:
    file = Path(routed.section["file"])
    file.write_text("# mine\n")
    with pytest.raises(AdapterError, match=r"shop.conf is not Pilotage's: move it away"):
        routed.router.apply(ONE, {"1.0": [versions("1.0").address]})
    assert file.read_text() == "# mine\n"


def test_a_server_of_the_users_own_includes_the_location(mode: str, tmp_path: Path, versions: Versions) -> None:
    under_test = NginxUnderTest(tmp_path, mode, listen=None)
    nginx, file = under_test.nginx, tmp_path / "nginx" / "owned" / "shop.location"
    port = under_test.url.rpartition(":")[2]
    try:
        with pytest.raises(AdapterError, match=rf"put the line `include {file}\*;` inside the location / "):
            under_test.router.apply(ONE, {"1.0": [versions("1.0").address]})
        served = f"listen 127.0.0.1:{port}; location /own {{ return 200 own; }} location / {{ include {file}*; }}"
        (nginx.others / "shop.conf").write_text(f"server {{ {served} }}")
        under_test.take(split_between("2.0", 500, "1.0"), {v: [versions(v).address] for v in ("1.0", "2.0")})
        assert {under_test.ask(user=f"u{n}") for n in range(30)} == {"1.0", "2.0"}
        assert under_test.ask("/own") == "own"
        under_test.take(Split((("1.0", 1000),), closed=True), {})
        assert under_test.answer("/x").status == 503
        under_test.router.stop()
        nginx.reload_by_somebody()
        assert under_test.answer("/x").status == 503, "else the server would show its own files there"
    finally:
        nginx.kill()


# ── trouble ────────────────────────────────────────────────────────────────────────────────────────────────


def test_r28_what_nginx_refuses_is_put_back_with_its_sentence(routed: NginxUnderTest, versions: Versions) -> None:
    backends = {"1.0": [versions("1.0").address]}
    routed.take(ONE, backends)
    before = Path(routed.section["file"]).read_bytes()
    wrong = routed.configured(log=str(routed.folder / "nowhere" / "a.log"))
    with pytest.raises(
        AdapterError, match=r"refuses what Pilotage wrote, and keeps what it had: nginx: \[emerg\] open"
    ):
        wrong.apply(ONE, backends)
    assert Path(routed.section["file"]).read_bytes() == before
    assert (wrong.read(), routed.ask()) == (ONE, "1.0")


def test_a_port_that_is_taken_shows_at_the_reload_and_is_put_back(
    routed: NginxUnderTest, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`nginx -t` says nothing of it; the next restart would fail, for everybody on this nginx."""
    monkeypatch.setattr(nginx_router, "_TAKE_UP_DEADLINE", 1.0)
    first, other = versions("1.0"), versions("other")
    routed.take(ONE, {"1.0": [first.address]})
    before = Path(routed.section["file"]).read_bytes()
    with pytest.raises(AdapterError, match=r"did not load what changed within 1 s; its error log says why"):
        routed.configured(listen=f"127.0.0.1:{other.address[1]}").apply(ONE, {"1.0": [first.address]})
    assert Path(routed.section["file"]).read_bytes() == before
    assert routed.ask() == "1.0"


def test_r28_an_edit_of_somebody_else_that_nginx_refuses(routed: NginxUnderTest, versions: Versions) -> None:
    """In mode lua users are taken back all the same; a reload cannot, and the error says whose edit it is."""
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    half = split_between("2.0", 500, "1.0")
    routed.take(half, backends)
    (routed.nginx.others / "broken.conf").write_text("nonsense on;\n")
    if routed.can.lossless_switch:
        routed.take(ONE, backends)
        assert {routed.ask(user=f"u{n}") for n in range(20)} == {"1.0"}
        routed.take(half, backends)
        with pytest.raises(AdapterError, match="with Pilotage's part and without it"):
            routed.configured(idle_timeout="9s").apply(ONE, backends)
        assert routed.router.read() == ONE, "the settings have to wait, the way back does not"
        return
    with pytest.raises(AdapterError, match=r"with Pilotage's part and without it: .*\"nonsense\" in .*broken.conf:1"):
        routed.router.apply(ONE, backends)
    assert routed.router.read() == half
    (routed.nginx.others / "broken.conf").unlink()
    routed.take(ONE, backends)


def test_r28_a_reload_by_somebody_else_and_a_restart_keep_the_split(routed: NginxUnderTest, versions: Versions) -> None:
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    routed.take(ONE, backends)
    half = split_between("2.0", 500, "1.0", (HeaderRoute("x-test", "yes", "2.0"),))
    routed.take(half, backends)
    users = {f"u{n}": routed.ask(user=f"u{n}") for n in range(30)}
    for trouble in (routed.nginx.reload_by_somebody, routed.nginx.restart):
        trouble()
        assert {user: routed.ask(user=user) for user in users} == users
        assert routed.again().read() == half
        routed.router.apply(half, backends)


def test_a_killed_nginx_is_an_error_and_serves_the_newest_split_when_it_starts(
    routed: NginxUnderTest, versions: Versions
) -> None:
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    routed.take(split_between("2.0", 500, "1.0"), backends)
    routed.nginx.kill()
    with pytest.raises(AdapterError, match="is nginx running"):
        routed.router.read()
    with pytest.raises(AdapterError, match=r"cannot be reloaded: .*is it running"):
        routed.router.apply(ONE, backends)
    routed.nginx.start()
    assert {routed.ask(user=f"u{n}") for n in range(20)} == {"1.0"}
    routed.take(ONE, backends)


def test_an_include_that_was_removed_is_said_and_no_reload_makes_it_worse(
    routed: NginxUnderTest, versions: Versions
) -> None:
    section, conf = ADAPTER.section.model_validate(routed.section), routed.nginx.conf
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    assert ADAPTER.lacks
    assert ADAPTER.lacks(section, routed.folder, "1.0") == ""
    routed.take(ONE, backends)
    line = f"include {routed.nginx.owned}/*.conf;"
    conf.write_text(conf.read_text().replace(line, ""))
    cure = rf"put the line `{re.escape(line)}` inside the http {{ }} block of {conf}"
    assert re.search(cure, ADAPTER.lacks(section, routed.folder, "1.0"))
    wrong = routed.configured(idle_timeout="9s")  # which needs a reload in both modes
    with pytest.raises(AdapterError, match=cure):
        wrong.apply(ONE, backends)
    assert routed.ask() == "1.0"
    routed.nginx.reload_by_somebody()
    with pytest.raises(AdapterError, match=cure):
        wrong.read()


def test_r28_once_set_no_worker_serves_what_was_before(routed: NginxUnderTest, versions: Versions) -> None:
    """`apply` waits for the workers; every connection here is a new one, which any of them may accept."""
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    for version in ("1.0", "2.0", "1.0"):
        routed.router.apply(Split(((version, 1000),)), backends)
        assert {http.get(f"{routed.url}/") for _ in range(30)} == {version.encode()}


def test_a_change_that_was_cut_off_is_finished_by_the_next(
    routed: NginxUnderTest, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the file and the running nginx."""
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    routed.take(ONE, backends)
    half = split_between("2.0", 500, "1.0")

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    for owner, name in (nginx_server.Server, "reload"), (nginx_control.Control, "tell"):
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, killed)
            with contextlib.suppress(Killed):
                routed.router.apply(half, backends)
        routed.again().apply(half, backends)
        assert routed.router.read() == half
        routed.take(ONE, backends)


def test_a_name_with_several_addresses_is_no_new_configuration_each_time(
    routed: NginxUnderTest, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name servers turn their answers around; each order would be a reload."""
    port = versions("1.0").address[1]
    turns = itertools.cycle([("127.0.0.1", "127.0.0.2"), ("127.0.0.2", "127.0.0.1")])

    def answered(*_: object) -> object:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, port)) for place in next(turns)]

    monkeypatch.setattr(nginx_state, "resolving", SimpleNamespace(addresses=answered))
    backends = {"1.0": [("app.example.org", port)]}
    routed.take(ONE, backends)
    before = (Path(routed.section["file"]).read_bytes(), routed.nginx.workers())
    assert routed.router.endpoints() == {"1.0": frozenset(backends["1.0"])}
    for _ in range(3):
        routed.router.apply(ONE, backends)
    assert (Path(routed.section["file"]).read_bytes(), routed.nginx.workers()) == before
    assert routed.ask() == "1.0"


def test_r28_users_are_led_back_while_no_name_server_answers(
    routed: NginxUnderTest, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R28: where a host was when its instance was added is known."""
    backends = {name: [("localhost", versions(name).address[1])] for name in ("1.0", "2.0")}
    routed.take(split_between("2.0", 500, "1.0"), backends)

    def silent(*_: object) -> object:
        raise resolving.Unresolved("no name server resolves localhost")

    monkeypatch.setattr(nginx_state, "resolving", SimpleNamespace(addresses=silent))
    routed.take(ONE, backends)
    assert {routed.ask(user=f"u{n}") for n in range(20)} == {"1.0"}
    with pytest.raises(AdapterError, match="instance localhost:1 has no address"):
        routed.router.apply(ONE, {**backends, "3.0": [("localhost", 1)]})


def test_another_control_address_is_taken_up(routed: NginxUnderTest, versions: Versions) -> None:
    """What mode lua keeps in memory outlives the reload, and must not outlive the split."""
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    routed.take(ONE, backends)
    routed.configured(control=f"127.0.0.1:{free_port()}")
    routed.take(split_between("2.0", 1000, "1.0"), backends)
    assert {routed.ask() for _ in range(10)} == {"2.0"}


def test_a_file_that_somebody_removed_is_written_again(routed: NginxUnderTest, versions: Versions) -> None:
    """nginx goes on with what it has loaded, and is asked as before."""
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    half = split_between("2.0", 500, "1.0")
    routed.take(half, backends)
    file = Path(routed.section["file"])
    before = file.read_text()
    file.unlink()
    assert routed.again().read() == half
    routed.router.apply(half, backends)
    assert file.read_text() == before
    file.unlink()
    routed.router.stop()
    with pytest.raises(urllib3.exceptions.HTTPError):
        routed.ask()


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    section = {"kind": "nginx", "file": "/etc/nginx/p/a.conf", "control": "127.0.0.1:1", "test": ["no-nginx", "-t"]}
    assert ADAPTER.lacks
    said = ADAPTER.lacks(ADAPTER.section.model_validate(section), tmp_path, "1.0")
    assert said == "no-nginx is not installed: install it, or correct router.test"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"file": "/etc/nginx/shop"}, "must end with .conf"),
        ({"control": "10.0.0.1:9101"}, "loopback address such as 127.0.0.1:9101"),
        ({"control": "0.0.0.0:9101"}, "loopback"),
        ({"control": "127.0.0.1:80", "listen": "127.0.0.1:80"}, "an address each"),
        ({"listen": "0.0.0.0:80", "url": "http://a"}, "leave url out"),
        ({"host": {"user": "deploy"}}, "name the host"),
        ({"test": []}, "at least 1 item"),
        ({"file": "/etc/nginx/a b.conf"}, "match pattern"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, Any], said: str) -> None:
    section = {"kind": "nginx", "file": "/etc/nginx/p/a.conf", "control": "127.0.0.1:9101", **wrong}
    with pytest.raises(ValueError, match=said):
        ADAPTER.section.model_validate(section)


@pytest.mark.parametrize("control", ["127.0.0.70:8491", "[::1]:8491", "localhost:8491"])
def test_every_loopback_address_will_do(control: str) -> None:
    ADAPTER.section.model_validate({"kind": "nginx", "file": "/etc/nginx/p/a.conf", "control": control})


def test_an_include_at_the_wrong_place_is_said(routed: NginxUnderTest, versions: Versions) -> None:
    conf = routed.nginx.conf
    line = f"include {routed.nginx.owned}/*.conf;"
    conf.write_text(conf.read_text().replace(line, "") + line)
    with pytest.raises(AdapterError, match=r"not allowed here in .*; the line with \*\.conf belongs inside"):
        routed.router.apply(ONE, {"1.0": [versions("1.0").address]})
    assert routed.router.read() is None


def test_a_server_without_lua_says_what_to_install(tmp_path: Path, versions: Versions) -> None:
    under_test = NginxUnderTest(tmp_path, "reload")
    try:
        with pytest.raises(AdapterError, match=r'unknown directive "lua_shared_dict".*libnginx-mod-http-lua'):
            under_test.configured(mode="lua").apply(ONE, {"1.0": [versions("1.0").address]})
        assert under_test.router.read() is None
    finally:
        under_test.nginx.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_permission_denied_is_said_with_what_to_do(routed: NginxUnderTest, versions: Versions) -> None:
    backends = {"1.0": [versions("1.0").address]}
    routed.take(ONE, backends)
    nobody = ["setpriv", "--reuid", "65534", "--clear-groups", *routed.nginx.test]
    with pytest.raises(AdapterError, match=r"13: Permission denied\).*; let Pilotage's user read .* sudo, -n"):
        routed.configured(test=nobody, idle_timeout="9s").apply(ONE, backends)
    assert routed.ask() == "1.0"


def test_nobody_without_the_secret_reads_or_changes_the_split(routed: NginxUnderTest, versions: Versions) -> None:
    routed.take(ONE, {"1.0": [versions("1.0").address]})
    url = f"http://{routed.section['control']}"
    for headers in ({}, {"x-pilotage-token": ""}, {"x-pilotage-token": "0" * 32}):
        for path in ("/", "/pilotage", "/pilotage/", "//pilotage"):
            assert http.get_status(url + path, 2.0, headers)[0] == 404
            assert http.send_text(url + path, "Z2VuZXJhdGlvbiB4Cg==", 2.0, headers)[0] == 404
    assert routed.answer("/pilotage", **{"x-pilotage-token": "0" * 32}).data == b"1.0", "users have no such path"
    assert routed.router.read() == ONE
    assert Path(routed.section["file"]).stat().st_mode & 0o077 == 0


def test_without_retries_users_see_a_dead_instance(routed: NginxUnderTest, versions: Versions) -> None:
    routed.configured(retry_idempotent=False)
    living, dying = versions("1.0"), versions("1.0")
    routed.take(ONE, {"1.0": [living.address, dying.address]})
    dying.end()
    assert {routed.answer(user_path).status for user_path in ["/"] * 6} == {200, 502}


# ── the way back without a store ───────────────────────────────────────────────────────────────────────────


def test_without_a_store_it_is_found_led_back_and_stopped_by_its_folder(
    routed: NginxUnderTest, versions: Versions
) -> None:
    folder = routed.place / "router"
    assert found_router(folder) is None
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    half = split_between("2.0", 500, "1.0", (HeaderRoute("x-test", "yes", "2.0"),))
    routed.take(half, backends)
    here = found_router(folder)
    assert here is not None
    assert (here.runs(), here.died(), here.split(), list(here.addresses("1.0"))) == (True, False, half, backends["1.0"])
    assert here.lead_all("1.0", here.addresses("1.0"))
    assert {routed.ask(user=f"u{n}", **{"x-test": "yes"}) for n in range(20)} == {"1.0"}
    routed.nginx.kill()
    assert (here.runs(), here.died(), here.split()) == (False, True, ONE)
    routed.nginx.start()
    assert here.stop(1) is False
    assert found_router(folder) is None


@pytest.mark.parametrize("mode", ["lua"])
def test_on_a_full_disk_users_are_led_back_in_mode_lua(
    routed: NginxUnderTest, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    half = split_between("2.0", 500, "1.0")
    routed.take(half, backends)

    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AdapterError, match=r"serves what it should, and would not after a restart: .*No space left"):
        routed.router.apply(ONE, backends)
    assert routed.router.read() == ONE
    routed.take(half, backends)  # what the file says still
    here = found_router(routed.place / "router")
    assert here is not None
    assert here.lead_all("1.0", backends["1.0"])
    assert {routed.ask(user=f"u{n}") for n in range(20)} == {"1.0"}


# ── load ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_r28_under_load_no_request_is_lost_or_what_is_lost_is_a_closed_connection(
    routed: NginxUnderTest, versions: Versions
) -> None:
    """Weights, instances and versions change while users keep their connections open."""
    backends = {"1.0": [versions("1.0").address for _ in range(2)], "2.0": [versions("2.0").address]}
    routed.take(ONE, backends)
    with Load(routed.url) as load:
        for weight in (100, 500, 1000):
            routed.take(split_between("2.0", weight, "1.0"), backends)
        routed.take(split_between("2.0", 1000, "1.0"), {"2.0": backends["2.0"]})
        routed.take(ONE, {**backends, "1.0": backends["1.0"][:1]})
    print(f"{routed.section['mode']}: {load.lost.total()} of {load.answers.total()} lost")
    assert set(load.answers) == {200}
    if routed.can.lossless_switch:
        assert not load.lost
    assert sum(load.lost.values()) <= 8 * 6, "at most each open connection once for each of six reloads"


def test_websockets_and_streams_pass(routed: NginxUnderTest) -> None:
    with Upgrading() as server:
        routed.take(ONE, {"1.0": [server.address]})
        host, port = routed.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 5) as user:
            user.sendall(b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            assert user.recv(4096).startswith(b"HTTP/1.1 101 ")
            user.sendall(b"ping")
            assert user.recv(10) == b"ping"


def test_grpc_calls_pass(mode: str, tmp_path: Path) -> None:
    under_test = NginxUnderTest(tmp_path, mode, protocol="grpc", log=str(tmp_path / "a.log"))
    server = grpc.server(ThreadPoolExecutor(2), handlers=[Echo()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        under_test.take(ONE, {"1.0": [("127.0.0.1", port)]})
        with grpc.insecure_channel(under_test.url.removeprefix("http://")) as channel:
            assert channel.unary_unary("/shop.Cart/Add")(b"x", timeout=5) == b"x"
            with pytest.raises(grpc.RpcError) as refused:
                channel.unary_unary("/shop.Cart/Add")(b"no", timeout=5)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        wait_until(lambda: (tmp_path / "a.log").read_text().count("\n") == 2)
        assert [json.loads(row)["grpc"] for row in (tmp_path / "a.log").read_text().splitlines()] == ["0", "14"]
    finally:
        server.stop(0)
        under_test.nginx.kill()


def test_r28_an_nginx_on_another_host_is_told_and_its_log_read_over_ssh(mode: str, tmp_path: Path, sshd: Sshds) -> None:
    """What it serves is asked there, by curl, whose arguments hold no secret."""
    host, log = sshd.start().section().model_dump(exclude_unset=True), str(tmp_path / "a.log")
    under_test = NginxUnderTest(tmp_path, mode, host=host, log=log)
    metrics_section = METRICS.section.model_validate({"kind": "nginx", "log": log, "host": host})
    versions = {name: Version(name) for name in ("1.0", "2.0")}
    backends = {name: [one.address] for name, one in versions.items()}
    try:
        under_test.take(ONE, backends)
        assert under_test.router.url() == under_test.url.replace("127.0.0.1", host["address"])
        half = split_between("2.0", 500, "1.0")
        metrics = METRICS.open(metrics_section, under_test.context(1))
        cursor = metrics.observe(("1.0", "2.0"), None).cursor
        under_test.take(half, backends)
        assert {under_test.ask(user=f"u{n}") for n in range(20)} == {"1.0", "2.0"}
        reading = metrics.observe(("1.0", "2.0"), cursor)
        assert 19 <= sum(one.requests for one in reading.observations) <= 20, "the last line may be a moment late"
        here = found_router(under_test.place / "router")
        assert here is not None
        assert here.lead_all("1.0", here.addresses("1.0"))
        assert under_test.router.read() == ONE
    finally:
        under_test.nginx.kill()
        for version in versions.values():
            version.end()


def test_r28_a_controller_that_was_replaced_changes_no_nginx_elsewhere(
    mode: str, tmp_path: Path, versions: Versions, sshd: Sshds
) -> None:
    """R28: two controllers on two machines share no file but those of the load balancer's machine."""
    under_test = NginxUnderTest(tmp_path, mode, host=sshd.start().section().model_dump(exclude_unset=True))
    backends = {name: [versions(name).address] for name in ("1.0", "2.0")}
    other = Fence(tmp_path / "other" / tmp_path.name / "place" / "fence.json", 2)
    try:
        under_test.take(split_between("2.0", 500, "1.0"), backends)
        section = ADAPTER.section.model_validate(under_test.section)
        ADAPTER.open(section, replace(under_test.context(2), fence=other)).apply(ONE, backends)
        with pytest.raises(Fenced):
            under_test.router.apply(split_between("2.0", 900, "1.0"), backends)
        assert under_test.router.read() == ONE
    finally:
        under_test.nginx.kill()
