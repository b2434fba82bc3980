"""Cohorts (R33) at real routers: what is observed of them, at what price, and what becomes of a change by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pilotage.adapters.fence import Fence
from pilotage.adapters.free_port import free_port
from pilotage.adapters.own_requests import SYNTHETIC_HEADER, synthetic_token
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.envoy import EnvoyRouter
from pilotage.adapters.routers.envoy_process import EnvoyProcess
from pilotage.adapters.routers.envoy_resources import Settings, Sticky
from pilotage.adapters.routers.several import Several
from pilotage.adapters.strata import Route, Strata
from pilotage.model.traffic import Split, split_between
from pilotage.testing import wait_until
from pilotage.testing.contracts.router_cohorts import TENANT, ask, with_cohort

from .conftest import EnvoyUnderTest, User, Version
from .haproxy import haproxy_in

pytestmark = pytest.mark.real
Versions = Callable[[str], Version]
COHORT = with_cohort(split_between("2.0", 300, "1.0"), ["acme", "globex"])
MANY = with_cohort(split_between("2.0", 300, "1.0"), [f"tenant-{n:05}.example.org" for n in range(5000)])


@pytest.fixture
def routed(tmp_path: Path) -> Iterator[EnvoyUnderTest]:
    settings = Settings(
        ("127.0.0.1", free_port()),
        Sticky(cookie="session"),
        synthetic=True,
        retry_idempotent=True,
        strata=Strata((Route("/api"),)),
    )
    under_test = EnvoyUnderTest(tmp_path / "router", tmp_path / "fence.json", settings)
    yield under_test
    under_test.again(10**6).stop()


@pytest.fixture
def backends(versions: Versions) -> dict[str, list[tuple[str, int]]]:
    return {name: [versions(name).address] for name in ("1.0", "2.0")}


def test_r33_every_route_and_method_of_envoy_knows_members_and_newcomers_stay(
    routed: EnvoyUnderTest, backends: dict[str, list[tuple[str, int]]]
) -> None:
    routed.take(COHORT, backends)
    for path in ("/", "/api/users"):
        for method in ("GET", "POST"):
            told = [routed.answer(path, method, **headers) for headers in ({TENANT: "acme"}, {TENANT: "hooli"}, {})]
            assert [one.data.decode() for one in told] == ["2.0", "1.0", "1.0"]
            assert all(one.headers["set-cookie"].startswith("session=") for one in told)
    assert {user.ask() for user in (User(routed) for _ in range(20))} == {"1.0"}
    own = {SYNTHETIC_HEADER: synthetic_token(routed.directory)}
    assert {routed.ask(**own) for _ in range(40)} == {"1.0", "2.0"}, "they follow the weights"


def test_r33_a_look_at_five_thousand_members_is_small_until_envoy_loads_something(
    routed: EnvoyUnderTest, backends: dict[str, list[tuple[str, int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    routed.take(MANY, backends)
    sizes: list[int] = []
    get = EnvoyProcess.get

    def counted(self: EnvoyProcess, path: str) -> bytes:
        answer = get(self, path)
        sizes.append(len(answer))
        return answer

    monkeypatch.setattr(EnvoyProcess, "get", counted)
    assert [routed.router.read() for _ in range(3)] == [MANY] * 3
    assert sum(sizes) < 3000
    assert routed.again().read() == MANY, "a new controller asks for the members once"
    assert sizes[-1] > 100_000


def test_r33_members_that_somebody_edits_are_seen_and_set_right(
    routed: EnvoyUnderTest, backends: dict[str, list[tuple[str, int]]]
) -> None:
    """Its files are watched: whoever replaces one changes who gets what."""
    routed.take(COHORT, backends)
    file = routed.directory / "xds" / "rds.json"
    ours = file.read_text()

    def edited(old: str, new: str) -> None:
        assert old in ours
        (file.parent / "by-hand").write_text(ours.replace(old, new))
        (file.parent / "by-hand").rename(file)

    edited('\\"acme\\"', '\\"hooli\\"')
    wait_until(lambda: routed.router.read() != COHORT, what="the edit is not seen")
    shown = routed.router.read()
    assert shown
    assert shown.cohort
    assert (shown.cohort.size, ask(routed, "hooli"), ask(routed, "acme")) == (2, "2.0", "1.0")
    routed.take(COHORT, backends)
    assert [ask(routed, name) for name in ("acme", "hooli")] == ["2.0", "1.0"]

    def is_refused() -> bool:
        try:
            routed.router.read()
        except AdapterError as error:
            return "its table of members was edited" in str(error)
        return False

    edited("== true", "== nil")
    wait_until(is_refused, what="another function is not seen")
    routed.take(COHORT, backends)
    assert [ask(routed, name) for name in ("acme", "hooli")] == ["2.0", "1.0"]


def test_r33_a_controller_that_dies_between_files_leaves_the_cohort_before(
    routed: EnvoyUnderTest, backends: dict[str, list[tuple[str, int]]], versions: Versions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    routed.take(COHORT, backends)
    later = with_cohort(split_between("3.0", 600, "1.0"), ["acme", "globex", "initech"])
    write = EnvoyProcess.write

    def dying(self: EnvoyProcess, path: str, content: bytes) -> None:
        if path == "xds/rds.json":
            raise KeyboardInterrupt
        write(self, path, content)

    with monkeypatch.context() as patched:
        patched.setattr(EnvoyProcess, "write", dying)
        with pytest.raises(KeyboardInterrupt):
            routed.router.apply(later, {**backends, "3.0": [versions("3.0").address]})
    routed.router = routed.again(2)
    assert routed.router.read() == COHORT
    assert [ask(routed, name) for name in ("acme", "initech")] == ["2.0", "1.0"]
    routed.take(later, {**backends, "3.0": [versions("3.0").address]})
    assert [ask(routed, name) for name in ("acme", "initech", "hooli")] == ["3.0", "3.0", "1.0"]


def test_r33_several_routers_go_back_together_to_the_cohort_that_all_had(
    routed: EnvoyUnderTest, backends: dict[str, list[tuple[str, int]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Routers show no members: whoever takes them back knows which digest had which."""
    settings = Settings(("127.0.0.1", free_port()))
    other = EnvoyRouter(tmp_path / "other", Fence(tmp_path / "fence.json", 1), settings)
    try:
        both = Several({"a": routed.router, "b": other}, stable=lambda: "1.0", switch_timeout=0.0)
        both.apply(COHORT, backends)
        wait_until(lambda: both.read() == COHORT, what="the cohort is not there")
        later = with_cohort(split_between("2.0", 600, "1.0"), ["acme", "globex", "initech"])
        monkeypatch.setattr(other, "apply", _broken)
        with pytest.raises(AdapterError, match="router b: it is broken; the other routers stay at"):
            both.apply(later, backends)
        routed.wait_for(COHORT)
        assert [ask(routed, name) for name in ("acme", "initech")] == ["2.0", "1.0"]
    finally:
        other.stop()


def _broken(*_: object) -> None:
    raise AdapterError("it is broken")


def test_r33_haproxy_keeps_a_cohort_over_a_reload_and_shows_a_change_by_hand(
    versions: Versions, tmp_path: Path
) -> None:
    with haproxy_in(tmp_path) as routed:
        backends = {name: [versions(name).address] for name in ("1.0", "2.0")}
        routed.take(COHORT, backends)
        routed.operated.reload()
        assert (routed.router.read(), ask(routed, "acme"), ask(routed, "hooli")) == (COHORT, "2.0", "1.0")
        map_ = routed.files / "shop.map"
        runtime = routed.router.runtime  # type: ignore[attr-defined]
        runtime.ask(f"add map {map_} {b'hooli'.hex().upper()}:cohort 2")
        shown = routed.router.read()
        assert shown
        assert shown.cohort
        assert (shown == COHORT, shown.cohort.size) == (False, 3)
        routed.take(COHORT, backends)
        runtime.ask(f"set map {map_} {b'acme'.hex().upper()}:cohort 1")
        with pytest.raises(AdapterError, match="entries that Pilotage did not write"):
            routed.router.read()
        routed.take(COHORT, backends)
        assert json.loads((routed.directory / "haproxy.json").read_text())["settings"]["tenants"] == "X-Tenant"
        with pytest.raises(AdapterError, match="know no tenants by the header x-user"):
            routed.router.apply(with_cohort(Split(COHORT.weights), ["acme"], "x-user"), backends)
