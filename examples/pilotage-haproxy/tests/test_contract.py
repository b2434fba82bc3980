"""The contract of Pilotage's router port, with a real HAProxy."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pilotage_haproxy import ADAPTER, METRICS
from pilotage_haproxy.configuration import SLOTS
from pilotage_haproxy.found import found

from pilotage.ports import (
    AdapterError,
    Context,
    Fence,
    Finding,
    HeaderRoute,
    Metrics,
    Peers,
    Router,
    Split,
    split_between,
)
from pilotage.testing import CountsUnderTest, RouterUnderTest, Version, wait_until
from pilotage.testing.contracts.metrics import MetricsContract
from pilotage.testing.contracts.router import RouterContract

if not shutil.which("haproxy", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"):
    why = "HAProxy IS MISSING: nothing of this package is tested. Install it: apt-get install haproxy"
    pytest.skip(why, allow_module_level=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def sticky() -> str | None:
    return "session"


@pytest.fixture
def routed(sticky: str | None, tmp_path: Path) -> Iterator[RouterUnderTest]:
    listen = f"127.0.0.1:{free_port()}"
    section = ADAPTER.section.model_validate({"kind": "own-haproxy", "listen": listen, "sticky": sticky})
    directory = tmp_path / "router"

    def opened(token: int) -> Router:
        fence = Fence(tmp_path / "fence.json", token)
        context = Context(
            directory=directory, fence=fence, service="shop", environment="production", folder=tmp_path
        )  # fmt: skip
        return ADAPTER.open(section, context)

    def kill() -> None:
        for process in psutil.process_iter(["cmdline"]):
            if str(directory / "haproxy.cfg") in (process.info["cmdline"] or ()):
                process.kill()
                process.wait(5)

    yield RouterUnderTest(opened, ADAPTER.can(section), url=f"http://{listen}", kill=kill)
    opened(10**6).stop()


class TestHAProxy(RouterContract):
    """All of it."""


@pytest.mark.parametrize("sticky", [None])
def test_without_a_cookie_requests_are_spread(routed: RouterUnderTest) -> None:
    assert not routed.can.sticky
    versions = {name: Version(name) for name in ("1.0", "2.0")}
    routed.take(split_between("2.0", 500, "1.0"), {name: [one.address] for name, one in versions.items()})
    answers = [routed.answer() for _ in range(60)]
    assert {answer.data for answer in answers} == {b"1.0", b"2.0"}
    assert not any("set-cookie" in answer.headers for answer in answers)
    for version in versions.values():
        version.end()


class TestMetrics(MetricsContract):
    """Of what HAProxy counts."""

    @pytest.fixture
    def counts(self, routed: RouterUnderTest, tmp_path: Path) -> Iterator[CountsUnderTest]:
        versions = {name: Version(name) for name in ("1.0", "2.0")}
        backends = {name: [one.address] for name, one in versions.items()}
        split = split_between("2.0", 500, "1.0")
        routed.take(split, backends)
        users = {routed.ask(user=f"u{n}"): f"u{n}" for n in range(40)}

        def happen(version: str, well: int, failed: int) -> None:
            for path, times in (("/", well), ("/error", failed)):
                for _ in range(times):
                    assert routed.ask(path, user=users[version]) == version

        def restart() -> None:
            assert routed.kill
            routed.kill()
            routed.take(split, backends)

        def opened() -> Metrics:
            section = METRICS.section.model_validate({"kind": "own-haproxy"})
            fence, peers = Fence(tmp_path / "fence.json", 1), Peers(router=tmp_path / "router")
            return METRICS.open(
                section,
                Context(directory=tmp_path, fence=fence, service="s", environment="e", folder=tmp_path, peers=peers),
            )

        yield CountsUnderTest(open=opened, happen=happen, restart=restart, silence=routed.kill)
        for version in versions.values():
            version.end()


def test_what_it_cannot_do_is_refused(routed: RouterUnderTest) -> None:
    tester = Split((("1.0", 1000),), (HeaderRoute("x", "y", "1.0"),))
    with pytest.raises(AdapterError, match="header routes"):
        routed.router.apply(tester, {"1.0": [("127.0.0.1", 1)]})


def test_without_a_store_it_is_found_led_back_and_stopped_by_its_folder(
    routed: RouterUnderTest, tmp_path: Path
) -> None:
    versions = {name: Version(name) for name in ("1.0", "2.0")}
    assert found(tmp_path / "router") is None
    routed.take(split_between("2.0", 500, "1.0"), {name: [one.address] for name, one in versions.items()})
    here = found(tmp_path / "router")
    assert here is not None
    assert (here.runs(), here.split(), set(here.addresses("1.0"))) == (
        True,
        routed.router.read(),
        {versions["1.0"].address},
    )
    assert here.lead_all("1.0", here.addresses("1.0"))
    assert {routed.ask(user=f"u{n}") for n in range(20)} == {"1.0"}
    wait_until(lambda: not here.stop(5), what="it goes on")
    assert found(tmp_path / "router") is None
    for version in versions.values():
        version.end()


def test_there_are_eight_versions_at_once_at_most(routed: RouterUnderTest) -> None:
    backends = {f"{n}.0": [("127.0.0.1", 4000 + n)] for n in range(len(SLOTS) + 1)}
    with pytest.raises(AdapterError, match="8 versions at once are the most"):
        routed.router.apply(Split((("0.0", 1000),)), backends)


def test_an_address_in_use_is_an_error_that_says_so(routed: RouterUnderTest) -> None:
    other = Version("other")
    section = ADAPTER.section.model_validate({"kind": "own-haproxy", "listen": f"127.0.0.1:{other.address[1]}"})
    place = Path(str(routed.router._directory)).parent / "second"  # type: ignore[attr-defined]
    context = Context(
        directory=place, fence=Fence(place.parent / "f.json", 1), service="s", environment="e", folder=place
    )
    with pytest.raises(AdapterError, match=r"HAProxy does not start: .*[Aa]ddress already in use"):
        ADAPTER.open(section, context).apply(Split((("1.0", 1000),)), {"1.0": [other.address]})
    other.end()


def test_doctor_finds_the_program(tmp_path: Path) -> None:
    assert ADAPTER.examine is not None
    found = {}
    for program in ("haproxy", "no-such-haproxy"):
        section = ADAPTER.section.model_validate({"kind": "own-haproxy", "listen": "a:1", "program": program})
        context = Context(
            directory=tmp_path, fence=Fence(tmp_path / "f", 1), service="s", environment="e", folder=tmp_path
        )
        (finding,) = ADAPTER.examine(section, context)
        assert isinstance(finding, Finding)
        found[program] = finding.result
    assert found == {"haproxy": "PASS", "no-such-haproxy": "FAIL"}
