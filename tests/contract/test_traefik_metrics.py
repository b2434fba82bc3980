"""Counts of the embedded Traefik: the contract of the port, and what only a Traefik promises."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pilotage.adapters.metrics.traefik import TraefikMetrics
from pilotage.adapters.metrics.traefik_adapter import ADAPTER
from pilotage.adapters.own_requests import SYNTHETIC_HEADER, synthetic_token
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.traefik_process import api_in
from pilotage.adapters.strata import Failing, Strata
from pilotage.model.traffic import HeaderRoute, Split, split_between
from pilotage.testing import CountsUnderTest, Version
from pilotage.testing.contracts.metrics import BOTH, MetricsContract

from .conftest import kill_children
from .test_traefik import EmbeddedTraefik

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("traefik")]
Versions = Callable[[str], Version]


@pytest.fixture
def routed(tmp_path: Path) -> Iterator[EmbeddedTraefik]:
    under_test = EmbeddedTraefik(tmp_path)
    yield under_test
    under_test.again(10**6).stop()


def _metrics(routed: EmbeddedTraefik, *failing: int | str) -> TraefikMetrics:
    strata = Strata((), Failing.of(failing or ["5xx"]))
    return TraefikMetrics(lambda: api_in(routed.directory).metrics(), strata)


class TestTraefik(MetricsContract):
    """What holds for every source; below is what only this one promises."""

    @pytest.fixture
    def counts(self, routed: EmbeddedTraefik, versions: Versions) -> CountsUnderTest:
        backends = {version: [versions(version).address] for version in BOTH}
        split = split_between("2.0", 500, "1.0")
        routed.take(split, backends)
        users: dict[str, str] = {}
        while len(users) < 2:
            name = f"u{len(routed._kept)}"
            users.setdefault(routed.ask(user=name), name)

        def happen(version: str, well: int, failed: int) -> None:
            for path, times in (("/", well), ("/error", failed)):
                for _ in range(times):
                    assert routed.ask(path, user=users[version]) == version

        def restart() -> None:
            kill_children()
            routed.take(split, backends)

        return CountsUnderTest(
            open=lambda: _metrics(routed), happen=happen, can=ADAPTER.capabilities, restart=restart,
            silence=kill_children,
        )  # fmt: skip


def test_instances_statuses_and_durations_are_counted(routed: EmbeddedTraefik, versions: Versions) -> None:
    one, two = versions("1.0"), versions("1.0")
    routed.take(Split((("1.0", 1000),)), {"1.0": [one.address, two.address]})
    metrics = _metrics(routed, "5xx", 404)
    cursor = metrics.observe(["1.0"], None).cursor
    for path in ("/slow", "/missing", "/error") * 4:
        routed.ask(path)
    seen = metrics.observe(["1.0"], json.loads(json.dumps(cursor))).of("1.0")
    assert (seen.requests, seen.errors, seen.refused) == (12, 8, 4)
    assert {i.instance: i.requests for i in seen.instances} == {
        f"127.0.0.1:{v.address[1]}": v.served for v in (one, two)
    }
    assert sum(i.errors for i in seen.instances) == 8
    assert (seen.durations.total, seen.durations.above(0.05)) == (12, 4)


def test_requests_of_pilotage_and_testers_are_not_users(routed: EmbeddedTraefik, versions: Versions) -> None:
    route = HeaderRoute("x-release", "canary", "2.0")
    backends = {v: [versions(v).address] for v in BOTH}
    routed.take(Split((("2.0", 500), ("1.0", 500)), (route,)), backends)
    metrics = _metrics(routed)
    cursor = metrics.observe(BOTH, None).cursor
    token = synthetic_token(routed.directory)
    for _ in range(10):
        routed.ask("/error", **{SYNTHETIC_HEADER: token})
        routed.ask("/error", **{"x-release": "canary"})
        routed.ask("/", **{SYNTHETIC_HEADER: "1"})
    reading = metrics.observe(BOTH, cursor)
    own = [part for version in BOTH if (part := reading.of(version).synthetic)]
    assert (sum(part.requests for part in own), sum(part.errors for part in own)) == (10, 10)
    assert sum(reading.of(version).requests for version in BOTH) == 10, "a guessed header hides nobody"
    assert sum(reading.of(version).errors for version in BOTH) == 0


def test_nothing_is_lost_of_an_instance_that_leaves(routed: EmbeddedTraefik, versions: Versions) -> None:
    """Traefik shows what it is about to forget once more."""
    one, two = versions("1.0"), versions("1.0")
    whole = Split((("1.0", 1000),))
    routed.take(whole, {"1.0": [one.address, two.address]})
    metrics = _metrics(routed)
    cursor = metrics.observe(["1.0"], None).cursor
    for _ in range(10):
        routed.ask()
    routed.take(whole, {"1.0": [two.address]})
    reading = metrics.observe(["1.0"], cursor)
    assert reading.of("1.0").requests == 10
    routed.take(whole, {"1.0": [one.address, two.address]})
    for _ in range(4):
        routed.ask()
    assert metrics.observe(["1.0"], reading.cursor).of("1.0").requests == 4


def test_another_page_is_an_error(routed: EmbeddedTraefik) -> None:
    with pytest.raises(AdapterError, match="not the page of a Traefik"):
        TraefikMetrics(lambda: "<html>").observe(BOTH, None)
    assert routed.router.read() is None
