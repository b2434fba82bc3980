"""The embedded router: the contract of the port, and what only an Envoy promises, with real requests."""

from __future__ import annotations

import contextlib
import errno
import http.server
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import urllib3

from pilotage.adapters import files
from pilotage.adapters.envoy_admin import ADMIN_SOCKET, admin_url, cluster_of
from pilotage.adapters.free_port import free_port
from pilotage.adapters.http import get
from pilotage.adapters.own_requests import SYNTHETIC_HEADER, synthetic_token
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.route_sample import sampled_paths
from pilotage.adapters.routers import envoy, envoy_listener, envoy_process
from pilotage.adapters.routers.envoy_resources import Settings, Sticky
from pilotage.adapters.routers.listening import refuse_taken
from pilotage.adapters.strata import Route, Strata
from pilotage.adapters.synthetic import SyntheticRequests
from pilotage.engine.execution.description import with_learned_routes
from pilotage.model.snapshot import Snapshot
from pilotage.model.traffic import HeaderRoute, Split, split_between
from pilotage.testing.contracts.router import RouterContract
from tests.children import children

from .conftest import EnvoyUnderTest, User, Version

pytestmark = pytest.mark.real
ROUTES = Strata((Route("/api/users"), Route("/api")))
Versions = Callable[[str], Version]
ONE = Split((("1.0", 1000),))


class TestEnvoy(RouterContract):
    """What holds for every router; below is what only this one promises."""

    @pytest.fixture
    def routed(self, tmp_path: Path) -> Iterator[EnvoyUnderTest]:
        settings = Settings(("127.0.0.1", free_port()), Sticky(cookie="session"), synthetic=True)
        under_test = EnvoyUnderTest(tmp_path / "router", tmp_path / "fence.json", settings)
        yield under_test
        under_test.again(10**6).stop()


def test_saying_it_twice_writes_no_file(routed: EnvoyUnderTest, versions: Versions, tmp_path: Path) -> None:
    backends = {"1.0": [versions("1.0").address]}
    routed.router.apply(ONE, backends)
    routed.wait_for(ONE)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "router").rglob("*.json")}
    routed.router.apply(ONE, backends)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "router").rglob("*.json")} == before


def test_another_controller_starts_no_second_envoy(routed: EnvoyUnderTest, versions: Versions) -> None:
    backends = {"1.0": [versions("1.0").address]}
    routed.router.apply(ONE, backends)
    routed.wait_for(ONE)
    before = children()
    second = routed.again()
    assert second.read() == ONE
    second.apply(ONE, backends)
    assert children() == before


def test_on_a_full_disk_users_are_switched_and_a_killed_router_comes_back(
    routed: EnvoyUnderTest, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discovery files, and those that Envoy is started with, are written over where there is no room for others."""
    split, backends = _split_and_killed(routed, versions)

    def full(*_: object, **__: object) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "_written_beside", full)
    routed.take(split, backends)
    routed.take(ONE, backends)
    assert {routed.ask() for _ in range(20)} == {"1.0"}


def test_what_a_crash_of_the_machine_tore_is_written_anew(
    routed: EnvoyUnderTest, versions: Versions, tmp_path: Path
) -> None:
    split, backends = _split_and_killed(routed, versions)
    for file in (tmp_path / "router" / "xds").glob("*.json"):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    routed.again().apply(split, backends)
    routed.wait_for(split)
    assert {routed.ask(user=f"u{n}") for n in range(50)} == {"1.0", "2.0"}


def test_while_the_first_envoy_starts_there_is_no_router_and_no_trouble_with_one(
    routed: EnvoyUnderTest, versions: Versions
) -> None:
    """A first deployment would be held, and its report say so, for what every start takes."""
    started, seen = threading.Event(), list[object]()

    def look() -> None:
        while not started.is_set():
            try:
                seen.append((routed.router.read(), routed.router.endpoints()))
            except AdapterError as error:
                seen.append(error)
            time.sleep(0.005)

    looking = threading.Thread(target=look)
    looking.start()
    routed.router.apply(Split((("1.0", 1000),)), {"1.0": [versions("1.0").address]})
    started.set()
    looking.join()
    assert [one for one in seen if isinstance(one, AdapterError)] == []
    assert seen[0] == (None, None)


def test_stop_leaves_no_process(routed: EnvoyUnderTest, versions: Versions) -> None:
    routed.router.apply(ONE, {"1.0": [versions("1.0").address]})
    routed.wait_for(ONE)
    routed.router.stop()
    routed.router.stop()
    assert children() == []
    assert routed.router.read() is None


def _split_and_killed(routed: EnvoyUnderTest, versions: Versions) -> tuple[Split, dict[str, list[tuple[str, int]]]]:
    """A router that had a split, and was killed."""
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    split = split_between("2.0", 300, "1.0")
    routed.router.apply(split, backends)
    routed.wait_for(split)
    for process in children():
        process.kill()
        process.wait(10)
    return split, backends


def test_r15_while_closed_no_user_gets_200_and_a_load_balancer_may_ask_by_its_header(
    routed: EnvoyUnderTest, versions: Callable[[str], Version]
) -> None:
    old = versions("old")
    backends = {"old": [old.address]}
    closed = Split((("old", 1000),), (HeaderRoute("x-test", "yes", "old"),), closed=True)
    routed.router.apply(closed, backends)
    routed.wait_for(closed)
    served = old.served
    assert "maintenance" in routed.ask("/anything").lower()
    page, health = routed.answer("/anything"), routed.answer("/healthz")
    assert (page.status, page.headers["retry-after"], health.status) == (503, "120", 503)
    assert "maintenance" in health.data.decode().lower()
    asked = routed.answer("/healthz", **{"x-pilotage-health": "yes"})
    assert (asked.status, asked.data) == (200, b"closed for maintenance\n")
    assert routed.answer("/other", **{"x-pilotage-health": "yes"}).status == 503
    assert old.served == served
    assert routed.ask("/", **{"x-test": "yes"}) == "old", "testers look behind the page"
    opened = Split((("old", 1000),))
    routed.router.apply(opened, backends)
    routed.wait_for(opened)
    assert routed.ask() == "old"


# ── sticky users ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("strata", [Strata(), ROUTES], ids=["no routes", "routes"])
def test_users_without_a_cookie_stay_on_the_version_of_their_first_request(
    routed: EnvoyUnderTest, versions: Versions, strata: Strata
) -> None:
    """60 users with cookie jars never change version within a weight, and move only to the growing one (rule 11)."""
    routed.configured(strata=strata)
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    users = [User(routed) for _ in range(60)]
    before: set[int] = set()
    for weight in (100, 300, 600, 1000):
        routed.take(split_between("2.0", weight, "1.0"), backends)
        had = [{user.ask(path) for path in ("/", "/api", "/api/users/7", "/other", "/")} for user in users]
        assert {len(found) for found in had} == {1}
        canary = {n for n, found in enumerate(had) if found == {"2.0"}}
        assert before <= canary
        before = canary
    assert len(before) == 60
    assert len({user.cookie for user in users}) == 60


def test_the_router_alone_makes_the_cookie(routed: EnvoyUnderTest, versions: Versions) -> None:
    routed.take(ONE, {"1.0": [versions("1.0").address]})
    for sent in (
        {},
        {"Cookie": "session="},
        {"Cookie": 'session=""'},
        {"Cookie": "a=b; session=; c=d"},
        {"Cookie": "xsession=1"},
    ):
        given = routed.answer("/", **sent).headers["set-cookie"]
        assert given.startswith("session=")
        assert given.endswith("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax")
    for header in ("x-pilotage-user", "x-request-id"):
        cookie = routed.answer("/", **{header: "mine; Domain=evil.example"}).headers["set-cookie"]
        assert "mine" not in cookie
        assert "evil" not in cookie
    for sent in ({"Cookie": "session=mine"}, {"Cookie": "a=b; session=mine"}, {"Cookie": "a=b;session=mine;c=d"}):
        assert "set-cookie" not in routed.answer("/", **sent).headers


def test_instances_see_nothing_of_how_users_are_told_apart(routed: EnvoyUnderTest, versions: Versions) -> None:
    version = versions("1.0")
    routed.take(ONE, {"1.0": [version.address]})
    routed.ask("/", **{"x-pilotage-user": "mine", SYNTHETIC_HEADER: "1"})
    assert not {"x-pilotage-user", SYNTHETIC_HEADER} & set(version.asked[-1])


def test_a_cookie_comes_with_errors_too(routed: EnvoyUnderTest, versions: Versions) -> None:
    """A user whose first request fails would else be a new user at each retry."""
    version = versions("1.0")
    routed.take(ONE, {"1.0": [version.address]})
    failed = routed.answer("/error")
    version.dying = True
    gone = routed.answer("/")
    assert [(a.status, "session=" in a.headers["set-cookie"]) for a in (failed, gone)] == [(500, True), (503, True)]


def test_users_known_by_a_header_get_no_cookie(routed: EnvoyUnderTest, versions: Versions) -> None:
    routed.configured(sticky=Sticky(header="x-user"))
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    routed.take(split_between("2.0", 500, "1.0"), backends)
    had = [[routed.answer("/", **{"x-user": f"u{n}"}) for _ in range(3)] for n in range(30)]
    assert {len({answer.data for answer in answers}) for answers in had} == {1}
    assert len({answers[0].data for answers in had}) == 2
    assert not any("set-cookie" in answer.headers for answers in had for answer in answers)


def _until_reached(url: str) -> None:
    for _ in range(200):
        with contextlib.suppress(AdapterError):
            assert get(f"{url}/") == b"1.0"
            return
        time.sleep(0.05)
    raise AssertionError(f"{url} is not reached")


@pytest.mark.parametrize("host", ["::1", "::"])
def test_users_reach_an_address_of_ipv6(routed: EnvoyUnderTest, versions: Versions, host: str) -> None:
    routed.configured(listen=(host, free_port()))
    routed.router.apply(ONE, {"1.0": [versions("1.0").address]})
    url = routed.router.url()
    assert url.startswith("http://[::1]:")
    _until_reached(url)
    if host == "::":
        _until_reached(url.replace("[::1]", "127.0.0.1"))


def test_an_address_in_use_is_an_error_that_says_so(routed: EnvoyUnderTest, versions: Versions) -> None:
    """An Envoy that cannot listen would live on and serve nobody."""
    taken = versions("other")
    routed.configured(listen=taken.address)
    backends = {"1.0": [versions("1.0").address]}
    for _ in range(2):
        with pytest.raises(AdapterError, match=rf"cannot listen on .*, where .*\(process {os.getpid()}: "):
            routed.router.apply(ONE, backends)
    assert children() == []
    taken.shutdown()
    taken.server_close()
    routed.take(ONE, backends)


def test_no_two_routers_share_a_port(routed: EnvoyUnderTest, versions: Versions, tmp_path: Path) -> None:
    """With SO_REUSEPORT the kernel would split users between two routers that show different splits."""
    routed.take(ONE, {"1.0": [versions("1.0").address]})
    other = EnvoyUnderTest(tmp_path / "other", tmp_path / "other.json", routed.settings)
    with pytest.raises(AdapterError, match=r"where envoy \(process \d+: .*bootstrap.json.*\) listens"):
        other.router.apply(ONE, {"1.0": [versions("1.0").address]})
    with socket.socket() as sharing:
        sharing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with pytest.raises(OSError, match="in use"):
            sharing.bind(routed.settings.listen)
    assert len(children()) == 1


_EXIT = {"x86_64": 60, "aarch64": 93}
_DYING = """
import ctypes, os, socket, sys, threading, time
held = socket.create_server(("127.0.0.1", 0))
print(held.getsockname()[1], flush=True)
def last():
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=last).start()
ctypes.CDLL(None).syscall({number}, 0)
"""
"""A process whose first thread has ended, as after a kill: nobody sees its files any more, and it holds its port."""


@pytest.mark.skipif(os.uname().machine not in _EXIT, reason="the number of a system call")
def test_a_port_that_a_killed_process_still_holds_is_waited_for() -> None:
    """A router that was killed is started anew at once: what is left of it is no other router."""
    program = _DYING.format(number=_EXIT[os.uname().machine])
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as dying:
        assert dying.stdin
        assert dying.stdout
        port = int(dying.stdout.readline())
        while psutil.Process(dying.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", port))
        threading.Timer(0.3, dying.stdin.close).start()
        refuse_taken("127.0.0.1", port)
        socket.create_server(("127.0.0.1", port)).close()


def test_an_envoy_that_shares_its_port_takes_other_settings_all_the_same(
    routed: EnvoyUnderTest, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How a listener takes its port cannot be changed: one that an earlier Pilotage started keeps its way."""
    backends = {"1.0": [versions("1.0").address]}
    with monkeypatch.context() as earlier:
        earlier.setattr(envoy_listener, "_ALONE", "nothing")
        earlier.setattr(envoy, "listens_alone", lambda _: False)
        routed.take(ONE, backends)
    routed.configured(version_header="x-version", sticky=Sticky(cookie="another")).apply(ONE, backends)
    until = time.monotonic() + 5
    while "another=" not in routed.answer("/").headers.get("set-cookie", ""):
        assert time.monotonic() < until
        time.sleep(0.02)


# ── strata ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_switch_of_every_route_is_one_file(routed: EnvoyUnderTest, versions: Versions, tmp_path: Path) -> None:
    routed.configured(strata=ROUTES, synthetic=True)
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    routed.take(split_between("2.0", 100, "1.0"), backends)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "router" / "xds").glob("*.json")}
    routed.take(split_between("2.0", 1000, "1.0"), backends)
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "router" / "xds").glob("*.json")}
    assert {path.name for path in after if after[path] != before.get(path)} == {"rds.json"}
    asked = {routed.ask(path, user=f"u{n}") for path in ("/", "/api", "/api/users", "/apix") for n in range(20)}
    assert asked == {"2.0"}


def test_routes_that_disagree_are_no_split(routed: EnvoyUnderTest, versions: Versions, tmp_path: Path) -> None:
    """Read back only if all agree: traffic that is half switched is not the split that was asked for."""
    routed.configured(strata=ROUTES)
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    routed.take(split_between("2.0", 100, "1.0"), backends)
    file = tmp_path / "router" / "xds" / "rds.json"
    said = json.loads(file.read_text())
    clusters = said["resources"][0]["virtual_hosts"][0]["routes"][0]["route"]["weighted_clusters"]["clusters"]
    clusters[0]["weight"], clusters[1]["weight"] = 700, 300
    _replace(file, {**said, "version_info": "by hand"})
    with pytest.raises(AdapterError, match=r"disagree: /api/users is split .*700.*, the rest .*100"):
        _until_raised(routed)


def test_a_split_of_an_earlier_pilotage_is_still_read(
    routed: EnvoyUnderTest, versions: Versions, tmp_path: Path
) -> None:
    """An Envoy outlives the controller, also the version of Pilotage that configured it."""
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    routed.take(split_between("2.0", 500, "1.0"), backends)
    file = tmp_path / "router" / "xds" / "rds.json"
    said = json.loads(file.read_text())
    said["resources"][0]["virtual_hosts"][0]["routes"] = [
        {"match": {"prefix": "/", "headers": [{"name": "x-release", "string_match": {"exact": "canary"}}]},
         "route": {"weighted_clusters": {"clusters": [{"name": cluster_of("2.0"), "weight": 1000}]}}},
        {"match": {"prefix": "/"},
         "route": {"weighted_clusters": {"clusters": [{"name": cluster_of("2.0"), "weight": 200},
                                                      {"name": cluster_of("1.0"), "weight": 800}]}}},
    ]  # fmt: skip
    _replace(file, {**said, "version_info": "earlier"})
    split = split_between("2.0", 200, "1.0", (HeaderRoute("x-release", "canary", "2.0"),))
    routed.wait_for(split)
    routed.configured(strata=ROUTES)
    routed.take(split_between("2.0", 300, "1.0"), backends)
    assert {routed.ask("/api", user=f"u{n}") for n in range(40)} == {"1.0", "2.0"}


def test_an_envoy_whose_listener_is_fixed_goes_on_as_before(
    routed: EnvoyUnderTest, versions: Versions, tmp_path: Path
) -> None:
    """An earlier Pilotage started it without the header that newcomers are hashed by: no two users get one cookie."""
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    routed.take(split_between("2.0", 500, "1.0"), backends)
    routed.router.stop()
    directory = tmp_path / "router"
    routed.router.apply(split_between("2.0", 500, "1.0"), backends)
    bootstrap = json.loads((directory / "bootstrap.json").read_text())
    listener = json.loads((directory / "xds" / "lds.json").read_text())["resources"][0]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    del listener["@type"], manager["early_header_mutation_extensions"], manager["access_log"]
    manager["http_filters"] = manager["http_filters"][-1:]
    bootstrap["static_resources"] = {"listeners": [listener]}
    del bootstrap["dynamic_resources"]["lds_config"]
    # Its admin interface was a port, which it wrote into a file.
    admin = free_port()
    bootstrap["admin"] = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": admin}}}
    (directory / ADMIN_SOCKET).unlink()
    (directory / "admin").write_text(f"127.0.0.1:{admin}\n")
    for process in children():
        process.kill()
        process.wait(10)
    from pilotage.adapters import processes
    from pilotage.adapters.envoy_admin import envoy_program

    # And every file was named by its whole path.
    said = json.dumps(bootstrap).replace('"xds/', f'"{directory}/xds/').replace('"xds"', f'"{directory}/xds"')
    (directory / "bootstrap.json").write_text(said)
    for log in ("failures.log", "paths.log"):
        (directory / log).unlink()
    command = [envoy_program(), "-c", str(directory / "bootstrap.json"), "--disable-hot-restart"]
    processes.start(directory / "envoy.json", command, {}, directory / "envoy.log")
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            if routed.router.read():
                break
        except AdapterError:
            time.sleep(0.05)
    routed.configured(strata=ROUTES)
    routed.take(split_between("2.0", 300, "1.0"), backends)
    answers = [routed.answer("/api") for _ in range(40)]
    assert {a.status for a in answers} == {200}
    assert not any("set-cookie" in a.headers for a in answers)
    assert not (directory / "failures.log").exists(), "an empty log would say that nothing failed"
    had = [{routed.ask("/", user=f"u{n}") for _ in range(3)} for n in range(20)]
    assert {len(found) for found in had} == {1}


def test_requests_of_pilotage_are_known_by_a_secret(routed: EnvoyUnderTest, versions: Versions, tmp_path: Path) -> None:
    routed.configured(synthetic=True)
    version = versions("1.0")
    routed.take(ONE, {"1.0": [version.address]})
    file = tmp_path / "router" / "synthetic-token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    token = synthetic_token(tmp_path / "router")
    requests = SyntheticRequests(f"{routed.url}/", 50, lambda: token)
    requests.keep_up()
    until = time.monotonic() + 5
    while not any(SYNTHETIC_HEADER in headers for headers in version.asked) and time.monotonic() < until:
        time.sleep(0.01)
    requests.stop()
    seen = {headers.get(SYNTHETIC_HEADER) for headers in version.asked}
    assert seen == {"1"}, "services see whose it is, and never the secret"
    for guess in ("1", "true", token[:-1]):
        routed.ask("/", **{SYNTHETIC_HEADER: guess})
        assert SYNTHETIC_HEADER not in version.asked[-1]


def test_what_the_router_keeps_of_users_is_private(routed: EnvoyUnderTest, versions: Versions, tmp_path: Path) -> None:
    routed.take(ONE, {"1.0": [versions("1.0").address]})
    directory = tmp_path / "router"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for name in ("failures.log", "paths.log", "salt"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600


def test_routes_are_learned_from_a_sample_of_users_paths(
    routed: EnvoyUnderTest, versions: Versions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where none are configured: from paths without their queries, and never from Pilotage's own requests."""
    monkeypatch.setattr("pilotage.adapters.routers.envoy_listener._SAMPLED", 100)
    router = tmp_path / "run" / "shop-production" / "router"
    routed.directory = router
    routed.configured(synthetic=True)
    routed.take(ONE, {"1.0": [versions("1.0").address]})
    for n in range(60):
        routed.ask(f"/users/{n}?token=geheim")
        routed.ask(f"/cart/items/{n}")
        routed.ask("/own", **{SYNTHETIC_HEADER: synthetic_token(router)})
    until = time.monotonic() + 5
    while len(sampled_paths(router)) < 120 and time.monotonic() < until:
        time.sleep(0.05)
    assert "geheim" not in (router / "paths.log").read_text()
    learned = with_learned_routes(Snapshot(), tmp_path, "shop", "production")
    assert learned.routes == ("/cart/items", "/users")
    assert learned.environment["routes"] == [{"path": "/cart/items"}, {"path": "/users"}]
    configured = Snapshot(routes=("/api",))
    assert with_learned_routes(configured, tmp_path, "shop", "production") == configured


# ── instances that die ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("method", "lost"), [("GET", False), ("PUT", False), ("POST", True)])
def test_idempotent_requests_are_sent_once_more_when_an_instance_dies_under_them(
    routed: EnvoyUnderTest, versions: Versions, method: str, lost: bool
) -> None:
    routed.configured(retry_idempotent=True)
    living, dying = versions("1.0"), versions("1.0")
    dying.dying = True
    routed.take(ONE, {"1.0": [living.address, dying.address]})
    statuses = Counter(routed.answer("/", method).status for _ in range(40))
    assert dying.served, "some requests met the instance that dies"
    assert (503 in statuses) is lost
    assert living.served + dying.served == 40 + (0 if lost else dying.served), "once more, and only where it died"


def test_without_the_switch_nothing_is_sent_twice(routed: EnvoyUnderTest, versions: Versions) -> None:
    living, dying = versions("1.0"), versions("1.0")
    dying.dying = True
    routed.take(ONE, {"1.0": [living.address, dying.address]})
    statuses = Counter(routed.answer("/").status for _ in range(40))
    assert statuses == {200: living.served, 503: dying.served}
    assert dying.served


def test_a_log_that_cannot_be_written_is_no_reason_not_to_route(routed: EnvoyUnderTest, versions: Versions) -> None:
    """A folder where the log was rolled back every release, with an internal error for a reason."""
    old, new = versions("1.0"), versions("2.0")
    backends = {"1.0": [old.address], "2.0": [new.address]}
    routed.take(ONE, backends)
    log = routed.directory / "failures.log"
    log.unlink(missing_ok=True)
    log.mkdir()
    routed.router = routed.again(2)
    routed.take(Split((("2.0", 1000),)), backends)
    assert routed.ask() == "2.0"
    assert log.is_file()


def test_the_router_is_the_first_to_close_an_idle_connection(routed: EnvoyUnderTest, versions: Versions) -> None:
    """A server that closes it, gunicorn after 2 s, may do so just as the next request is sent, and that one is lost."""
    version = versions("1.0")
    routed.take(ONE, {"1.0": [version.address]})
    assert routed.answer("/").status == 200
    assert version.connections
    until = time.monotonic() + 10
    while version.connections:
        assert time.monotonic() < until, "the router keeps the connection"
        time.sleep(0.05)


def test_a_request_is_tried_on_two_instances_at_most(routed: EnvoyUnderTest, versions: Versions) -> None:
    """A request that kills what it reaches must not go through the whole fleet."""
    routed.configured(retry_idempotent=True)
    fleet = [versions("1.0") for _ in range(4)]
    for instance in fleet:
        instance.dying = True
    routed.take(ONE, {"1.0": [instance.address for instance in fleet]})
    assert routed.answer("/").status == 503
    assert sum(instance.served for instance in fleet) == 2


def _replace(file: Path, content: object) -> None:
    beside = file.with_name(".by-hand")
    beside.write_text(json.dumps(content))
    beside.replace(file)


def _until_raised(routed: EnvoyUnderTest) -> None:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        routed.router.read()
        time.sleep(0.02)


# ── what is lost, and who may ask ──────────────────────────────────────────────────────────────────────────


def _envoys() -> list[psutil.Process]:
    return [p for p in children() if "--disable-hot-restart" in p.cmdline()]


LOST = ("envoy.json", "bootstrap.json", "xds/rds.json", "xds/cds.json", "xds/lds.json", "salt", "synthetic-token")


@pytest.mark.parametrize("broken", [None, b"{", b"[]"])
def test_lost_or_broken_files_of_the_router_stop_neither_it_nor_the_way_back(
    routed: EnvoyUnderTest, versions: Versions, broken: bytes | None
) -> None:
    """Every file in turn, and the same Envoy takes up a split after each; no second one is started."""
    routed.configured(synthetic=True)
    backends = {v: [versions(v).address] for v in ("1.0", "2.0")}
    routed.take(split_between("2.0", 500, "1.0"), backends)
    (before,) = _envoys()
    for number, name in enumerate(LOST, 1):
        path = routed.directory / name
        if broken is None:
            path.unlink()
        else:
            path.write_bytes(broken)
        routed.router = routed.again()
        routed.take(split_between("2.0", number, "1.0"), backends)
        assert [p.pid for p in _envoys()] == [before.pid], name
    routed.again().stop()
    assert _envoys() == []


@pytest.mark.parametrize("lost", ["", "xds", ADMIN_SOCKET, "copied"])
def test_an_envoy_that_nobody_can_tell_anything_any_more_makes_way_for_another(
    routed: EnvoyUnderTest, versions: Versions, lost: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its whole folder deleted, the folder it watches, or its admin socket; or its folder is a copy by now, as after a
    move to another disk: the port has one router, with the split."""
    backends = {v: [versions(v).address] for v in ("1.0", "2.0")}
    routed.take(split_between("2.0", 500, "1.0"), backends)
    place = routed.directory / lost
    if lost == "copied":
        copy = routed.directory.with_name("copy")
        subprocess.run(["cp", "-a", routed.directory, copy], check=True)
        shutil.rmtree(routed.directory)
        copy.rename(routed.directory)
    else:
        place.unlink() if lost == ADMIN_SOCKET else shutil.rmtree(place)
    routed.router = routed.again()
    routed.take(split_between("2.0", 0, "1.0"), backends)
    assert len(_envoys()) == 1
    assert {routed.ask(user=f"u{n}") for n in range(20)} == {"1.0"}
    assert "restarting Envoy" in caplog.text


def test_the_admin_interface_is_this_users_alone(routed: EnvoyUnderTest, versions: Versions) -> None:
    """No port, and a socket that others can neither reach nor open."""
    routed.take(ONE, {"1.0": [versions("1.0").address]})
    (envoy_process,) = _envoys()
    listening = [c.laddr.port for c in envoy_process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert set(listening) == {routed.settings.listen[1]}
    socket_file = routed.directory / ADMIN_SOCKET
    assert stat.S_IMODE(socket_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(routed.directory.stat().st_mode) == 0o700
    assert b"LIVE" in get(f"{admin_url(routed.directory)}/server_info")


def test_a_prometheus_may_read_the_statistics_and_nothing_else(routed: EnvoyUnderTest, versions: Versions) -> None:
    """The page stays where it was asked for when Envoy starts anew; nobody ends Envoy or resets a counter there."""
    routed.configured(stats=("127.0.0.1", free_port()))
    routed.take(ONE, {"1.0": [versions("1.0").address]})
    routed.ask()
    assert routed.settings.stats is not None
    url = "http://{}:{}".format(*routed.settings.stats)
    assert b'envoy_cluster_name="version_1~2e~0"' in get(f"{url}/stats/prometheus")
    for method, path in (
        ("POST", "/quitquitquit"),
        ("GET", "/"),
        ("POST", "/stats/prometheus"),
        ("GET", "/config_dump"),
    ):
        assert urllib3.request(method, url + path, retries=False).status == 404
    assert routed.router.read() == ONE


def test_half_a_head_is_not_waited_for(routed: EnvoyUnderTest, versions: Versions) -> None:
    routed.configured(headers_timeout=0.3)
    routed.take(ONE, {"1.0": [versions("1.0").address]})
    with socket.create_connection(routed.settings.listen, timeout=10) as half:
        half.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-More:")
        assert half.recv(65536).startswith(b"HTTP/1.1 408")


def test_connections_have_a_limit_and_the_admin_interface_answers_beyond_it(
    routed: EnvoyUnderTest, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(envoy_process, "_MOST_CONNECTIONS", 100)
    routed.take(ONE, {"1.0": [versions("1.0").address]})
    crowd = [socket.create_connection(routed.settings.listen, timeout=10) for _ in range(150)]
    try:
        turned_away = 0
        for connection in crowd:
            connection.settimeout(0.02)
            with contextlib.suppress(TimeoutError):
                turned_away += connection.recv(1) == b""
        assert turned_away >= 50
        assert routed.router.read() == ONE
    finally:
        for connection in crowd:
            connection.close()


def test_what_an_instance_could_see_of_the_worker_envoy_does_not_see(
    routed: EnvoyUnderTest, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILOTAGE_DATABASE", "postgresql://u:hush@h/d")
    routed.take(ONE, {"1.0": [versions("1.0").address]})
    (envoy_process,) = _envoys()
    assert "hush" not in str(envoy_process.environ())


class _Streams(http.server.BaseHTTPRequestHandler):
    """`/stream` sends a line every 0.1 s for 2 s; `/late` begins after 1.5 s; `/silent` begins and says no more."""

    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        if self.path == "/late":
            time.sleep(1.5)
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(20 if self.path == "/stream" else 1):
                self.wfile.write(b"data: x\n\n")
                time.sleep(0.1)
            if self.path == "/silent":
                time.sleep(5)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def streams() -> Iterator[tuple[str, int]]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Streams) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        yield "127.0.0.1", server.server_address[1]
        server.shutdown()


def test_a_response_that_flows_is_never_cut_by_the_time_limit_of_requests(
    routed: EnvoyUnderTest, streams: tuple[str, int]
) -> None:
    """Server-sent events and downloads last as long as they flow; a response that does not begin is given up."""
    routed.configured(request_timeout=0.5, idle_timeout=0.8)
    routed.take(ONE, {"1.0": [streams]})
    assert routed.answer("/stream").data == b"data: x\n\n" * 20
    assert routed.answer("/late").status == 504
    with pytest.raises(urllib3.exceptions.HTTPError):  # cut by the router; the server itself would end it well
        routed.answer("/silent")


def test_without_limits_a_response_may_begin_and_pause_for_as_long_as_it_likes(
    routed: EnvoyUnderTest, streams: tuple[str, int]
) -> None:
    routed.configured(request_timeout=0, idle_timeout=0)
    routed.take(ONE, {"1.0": [streams]})
    assert routed.answer("/late").status == 200
