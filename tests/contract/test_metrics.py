"""The Metrics port: every sentence of its contract, on counts that a client made itself."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest

from pilotage.adapters.envoy_admin import admin_address, cluster_of, version_of
from pilotage.adapters.metrics.envoy import EnvoyMetrics
from pilotage.adapters.ports import AdapterError, Metrics
from pilotage.model.traffic import split_between

from .conftest import RouterUnderTest, Version

pytestmark = pytest.mark.real
Versions = Callable[[str], Version]
BOTH = ("2.0", "1.0")


@pytest.fixture(params=["envoy"])
def metrics(request: pytest.FixtureRequest, routed: RouterUnderTest, versions: Versions, tmp_path: Path) -> Metrics:
    """Every adapter of the Metrics port, with a half-and-half split before it."""
    assert request.param == "envoy"
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    split = split_between("2.0", 500, "1.0")
    routed.router.apply(split, backends)
    routed.wait_for(split)
    return EnvoyMetrics(lambda: admin_address(tmp_path / "router"))


def test_without_a_cursor_nothing_has_happened_yet(metrics: Metrics, routed: RouterUnderTest) -> None:
    routed.ask()
    reading = metrics.observe(BOTH, None)
    assert [(o.requests, o.errors, o.durations.total) for o in reading.observations] == [(0, 0, 0), (0, 0, 0)]


def test_counts_are_those_the_client_made(metrics: Metrics, routed: RouterUnderTest) -> None:
    cursor = metrics.observe(BOTH, None).cursor
    asked = dict.fromkeys(BOTH, 0)
    failed = dict.fromkeys(BOTH, 0)
    for n in range(80):
        path = "/error" if n % 4 == 0 else "/"
        version = routed.ask(path, user=f"u{n}")
        asked[version] += 1
        failed[version] += path == "/error"
    reading = metrics.observe(BOTH, json.loads(json.dumps(cursor)))
    assert {o.version: o.requests for o in reading.observations} == asked
    assert {o.version: o.errors for o in reading.observations} == failed
    assert abs(reading.at - time.time()) < 5


def test_nothing_is_counted_twice_and_nothing_left_out(metrics: Metrics, routed: RouterUnderTest) -> None:
    cursor, total = metrics.observe(BOTH, None).cursor, 0
    for n in range(5):
        for k in range(10):
            routed.ask(user=f"u{n}-{k}")
        reading = metrics.observe(BOTH, cursor)
        cursor = reading.cursor
        total += sum(o.requests for o in reading.observations)
    assert total == 50
    assert sum(o.requests for o in metrics.observe(BOTH, cursor).observations) == 0


def test_durations_are_in_the_right_buckets(metrics: Metrics, routed: RouterUnderTest) -> None:
    cursor = metrics.observe(BOTH, None).cursor
    for n in range(20):
        routed.ask("/slow", user=f"u{n}")
    metrics.observe(BOTH, cursor)
    time.sleep(0.1)
    reading = metrics.observe(BOTH, cursor)
    histogram = reading.of("1.0").durations.plus(reading.of("2.0").durations)
    assert histogram.total == 20
    assert histogram.above(0.05) == 20
    quantile = histogram.quantile_bound(0.5)
    assert quantile is not None
    assert 0.06 <= quantile <= 0.2


def test_a_version_never_asked_has_zero_counts(metrics: Metrics) -> None:
    reading = metrics.observe(("9.9",), metrics.observe(("9.9",), None).cursor)
    assert (reading.of("9.9").requests, reading.of("9.9").errors) == (0, 0)


def test_a_restarted_source_never_counts_negatively(metrics: Metrics, routed: RouterUnderTest, tmp_path: Path) -> None:
    cursor = metrics.observe(BOTH, None).cursor
    for n in range(30):
        routed.ask(user=f"u{n}")
    cursor = metrics.observe(BOTH, cursor).cursor
    for process in psutil.Process().children(recursive=True):
        process.kill()
        process.wait(5)
    split = routed.router
    xds = tmp_path / "router" / "xds"
    backends = {
        version: [
            (
                e["endpoint"]["address"]["socket_address"]["address"],
                e["endpoint"]["address"]["socket_address"]["port_value"],
            )
            for e in json.loads((xds / f"eds-{cluster_of(version)}.json").read_text())["resources"][0]["endpoints"][0][
                "lb_endpoints"
            ]
        ]
        for version in BOTH
    }
    split.apply(split_between("2.0", 500, "1.0"), backends)
    routed.wait_for(split_between("2.0", 500, "1.0"))
    for n in range(50):
        routed.ask(user=f"u{n}")
    reading = metrics.observe(BOTH, cursor)
    assert sum(o.requests for o in reading.observations) == 50
    assert "restarted" in reading.note


def test_a_dead_port_is_an_error() -> None:
    with pytest.raises(AdapterError, match="does not answer"):
        EnvoyMetrics(lambda: "127.0.0.1:9").observe(BOTH, None)


@pytest.mark.parametrize("status", [200, 500, 302])
def test_a_source_that_is_not_the_source_is_no_data_or_an_error(status: int) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    source = EnvoyMetrics(lambda: f"127.0.0.1:{server.server_address[1]}")
    try:
        with pytest.raises(AdapterError):
            source.observe(BOTH, None)
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("version", ["1.0", "2.0-rc.1+b7", "v1:2", "a/b", "~", "ümlaut", "1_0", "x" * 100])
def test_a_version_survives_its_name_in_the_router(version: str) -> None:
    assert version_of(cluster_of(version)) == version
