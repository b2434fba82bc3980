"""A Traefik that somebody else runs: the contract of the port, its faults, and what is not ours stays."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.free_port import free_port
from pilotage.adapters.ports import AdapterError, Router
from pilotage.adapters.routers import traefik_beside
from pilotage.adapters.routers.found import found_router
from pilotage.adapters.routers.traefik_adapter import ADAPTER, TraefikRouterSection
from pilotage.adapters.traefik_api import TraefikApi, traefik_program
from pilotage.model.traffic import HeaderRoute, Split, split_between
from pilotage.testing import RouterUnderTest, User, Version
from pilotage.testing.contracts.router import RouterContract
from pilotage.testing.harness import wait_until

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("traefik")]
Versions = Callable[[str], Version]
ONE = Split((("1.0", 1000),))


class Theirs:
    """A Traefik with an entry point, an API, and a folder of dynamic files."""

    def __init__(self, folder: Path, *, api: bool = True) -> None:
        self.folder, self.files = folder, folder / "dynamic"
        self.files.mkdir(parents=True)
        self.web, self.api = free_port(), free_port()
        static = {
            "entryPoints": {
                "web": {"address": f"127.0.0.1:{self.web}"},
                "traefik": {"address": f"127.0.0.1:{self.api}"},
            },
            "providers": {"providersThrottleDuration": "50ms", "file": {"directory": "dynamic", "watch": True}},
            "api": {"insecure": True} if api else None,
            "ping": {},
            "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        }
        (folder / "traefik.yml").write_text(json.dumps({k: v for k, v in static.items() if v is not None}))
        self.start()

    def start(self) -> None:
        log = (self.folder / "log").open("ab")
        command = [os.environ.get("TRAEFIK_UNDER_TEST") or traefik_program(), "--configfile=traefik.yml"]
        self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        wait_until(self._answers, what="Traefik does not answer")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        try:
            TraefikApi(f"http://127.0.0.1:{self.api}").page("/ping")
        except AdapterError:
            return False
        return True


class TraefikBesideUnderTest(RouterUnderTest):
    """As an adapter's section opens it."""

    def __init__(self, theirs: Theirs, folder: Path, **settings: object) -> None:
        self.theirs, self.folder = theirs, folder
        api, url = f"http://127.0.0.1:{theirs.api}", f"http://127.0.0.1:{theirs.web}"
        written = {"kind": "traefik", "directory": str(theirs.files), "api": api, "url": url, "entrypoints": ["web"]}
        self.section = TraefikRouterSection.model_validate({**written, "rule": "PathPrefix(`/`)", **settings})
        super().__init__(self.again, ADAPTER.can(self.section), url=url)

    def again(self, token: int = 1) -> Router:
        fence = Fence(self.folder / "fence.json", token)
        context = Context(
            directory=self.folder / "router", fence=fence, service="shop", environment="live", folder=self.folder
        )
        return ADAPTER.open(self.section, context)

    @property
    def file(self) -> Path:
        return self.theirs.files / "pilotage-shop_live.yml"


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Theirs]:
    traefik = Theirs(tmp_path / "traefik")
    yield traefik
    traefik.kill()


@pytest.mark.long
class TestTraefikBeside(RouterContract):
    """What holds for every router; below is what only this one promises. Users are sticky in the embedded one's."""

    @pytest.fixture
    def routed(self, theirs: Theirs, tmp_path: Path) -> TraefikBesideUnderTest:
        return TraefikBesideUnderTest(theirs, tmp_path)


@pytest.fixture
def routed(theirs: Theirs, tmp_path: Path) -> TraefikBesideUnderTest:
    return TraefikBesideUnderTest(theirs, tmp_path, rule="Host(`shop.test`)", sticky={"cookie": "session"})


def _host(routed: RouterUnderTest, name: str) -> tuple[int, str]:
    answer = routed.answer(host=name)
    return answer.status, answer.data.decode()


def test_what_is_not_ours_stays_and_a_rule_of_somebody_else_is_served(
    routed: TraefikBesideUnderTest, versions: Versions
) -> None:
    neighbour = {
        "http": {
            "routers": {"blog": {"rule": "Host(`blog.test`)", "service": "blog"}},
            "services": {
                "blog": {"loadBalancer": {"servers": [{"url": f"http://127.0.0.1:{versions('b').address[1]}"}]}}
            },
        }
    }
    written = json.dumps(neighbour)
    (routed.theirs.files / "blog.yml").write_text(written)
    routed.take(ONE, {"1.0": [versions("1.0").address]})
    assert _host(routed, "shop.test") == (200, "1.0")
    assert _host(routed, "blog.test") == (200, "b")
    routed.take(Split((("1.0", 1000),), closed=True), {"1.0": []})
    assert (_host(routed, "shop.test")[0], _host(routed, "blog.test")) == (503, (200, "b"))
    routed.router.stop()
    wait_until(lambda: _host(routed, "shop.test")[0] == 404, what="our routes are still there")
    assert (routed.theirs.files / "blog.yml").read_text() == written
    assert _host(routed, "blog.test") == (200, "b")


def test_a_restarted_traefik_serves_the_split_without_pilotage_and_users_keep_their_version(
    theirs: Theirs, tmp_path: Path, versions: Versions
) -> None:
    routed = TraefikBesideUnderTest(theirs, tmp_path, sticky={"cookie": "session"})
    backends = {v: [versions(v).address] for v in ("1.0", "2.0")}
    routed.take(split_between("2.0", 400, "1.0"), backends)
    users = [User(routed) for _ in range(20)]
    had = [user.ask() for user in users]
    theirs.kill()
    with pytest.raises(AdapterError, match="does not respond"):
        routed.router.read()
    theirs.start()
    wait_until(lambda: routed.answer().status == 200, what="it does not serve the file that is there")
    assert [user.ask() for user in users] == had


def test_without_its_api_the_error_says_what_to_enable_and_users_are_led_all_the_same(
    tmp_path: Path, versions: Versions
) -> None:
    theirs = Theirs(tmp_path / "traefik", api=False)
    try:
        routed = TraefikBesideUnderTest(theirs, tmp_path)
        routed.router.apply(ONE, {"1.0": [versions("1.0").address]})
        wait_until(lambda: routed.answer().status == 200, what="the file was not taken up")
        with pytest.raises(AdapterError, match=r"API is off there; enable it"):
            routed.router.read()
        assert ADAPTER.examine
        context = Context(
            directory=tmp_path, fence=Fence(tmp_path / "f", 1), service="s", environment="e", folder=tmp_path
        )
        assert [f.result for f in ADAPTER.examine(routed.section, context)] == ["FAIL"]
    finally:
        theirs.kill()


def test_a_faulty_file_of_somebody_else_beside_ours_is_said(
    routed: TraefikBesideUnderTest, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    backends = {v: [versions(v).address] for v in ("1.0", "2.0")}
    routed.take(ONE, backends)
    monkeypatch.setattr(traefik_beside, "_TAKE_UP_DEADLINE", 0.6)
    (routed.theirs.files / "wrong.yml").write_text("http: [")
    with pytest.raises(AdapterError, match="one faulty file there keeps Traefik from reading all others"):
        routed.router.apply(split_between("2.0", 500, "1.0"), backends)
    assert routed.router.read() == ONE, "what it serves is what is read"
    (routed.theirs.files / "wrong.yml").unlink()
    routed.wait_for(split_between("2.0", 500, "1.0"))


def test_an_entry_point_that_does_not_exist_is_said(theirs: Theirs, tmp_path: Path, versions: Versions) -> None:
    routed = TraefikBesideUnderTest(theirs, tmp_path, entrypoints=["websecure"])
    routed.router.apply(ONE, {"1.0": [versions("1.0").address]})
    with pytest.raises(AdapterError, match="websecure"):
        routed.router.read()


def test_our_file_that_somebody_removed_or_edited_is_written_again(
    routed: TraefikBesideUnderTest, versions: Versions
) -> None:
    backends = {"1.0": [versions("1.0").address]}
    routed.take(ONE, backends)
    routed.file.unlink()
    wait_until(lambda: _host(routed, "shop.test")[0] == 404, what="Traefik did not see that the file is gone")
    with pytest.raises(AdapterError, match="somebody removed it"):
        routed.router.read()
    routed.take(ONE, backends)
    text = routed.file.read_text()
    routed.file.write_text(text.replace(str(backends["1.0"][0][1]), "9"))
    edited = {"1.0": frozenset({("127.0.0.1", 9)})}
    wait_until(lambda: routed.router.endpoints() == edited, what="the edit is not read back")
    routed.take(ONE, backends)
    assert routed.file.read_text() == text


def test_all_users_are_led_back_by_the_folder_alone(routed: TraefikBesideUnderTest, versions: Versions) -> None:
    backends = {v: [versions(v).address] for v in ("1.0", "2.0")}
    split = split_between("2.0", 500, "1.0", (HeaderRoute("x-release", "canary", "2.0"),))
    routed.take(split, backends)
    router = found_router(routed.folder / "router")
    assert router is not None
    assert (router.runs(), router.died(), router.split()) == (True, False, split)
    assert list(router.addresses("1.0")) == backends["1.0"]
    assert router.lead_all("1.0", backends["1.0"])
    assert (routed.router.read(), _host(routed, "shop.test")) == (ONE, (200, "1.0"))
    routed.theirs.kill()
    assert (router.runs(), router.split()) == (False, ONE)
    assert not router.lead_all("2.0", backends["2.0"]), "nothing confirms it"
    assert not router.stop(0)
    assert not routed.file.exists()
    assert found_router(routed.folder / "router") is None


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({}, "name either listen"),
        ({"listen": "127.0.0.1:1", "directory": "/etc/traefik"}, "name either listen"),
        ({"directory": "/etc/traefik", "rule": "Host(`a`)"}, "name the API"),
        ({"directory": "/x", "api": "http://a", "rule": "a", "version_header": "x-a"}, "cannot be used with directory"),
        ({"listen": "127.0.0.1:1", "rule": "Host(`a`)"}, "cannot be used with listen"),
        ({"directory": "relative", "api": "http://a", "rule": "a"}, "pattern"),
    ],
)
def test_settings_of_two_kinds_of_traefik_do_not_mix(written: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TraefikRouterSection.model_validate({"kind": "traefik", **written})
