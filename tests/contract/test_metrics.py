"""Counts of the embedded router: the contract of the port, and what only an Envoy promises."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest

from pilotage.adapters.envoy_admin import admin_url, cluster_of, stratum_of, version_of
from pilotage.adapters.http import post
from pilotage.adapters.metrics.envoy import EnvoyMetrics
from pilotage.adapters.metrics.envoy_adapter import ADAPTER
from pilotage.adapters.metrics.samples import samples_of
from pilotage.adapters.own_requests import SYNTHETIC_HEADER, synthetic_token
from pilotage.adapters.ports import AdapterError, Metrics
from pilotage.adapters.strata import Failing, Route, Strata
from pilotage.model.json import JsonObject, find, object_at
from pilotage.model.observation import REST, Failure, Reading
from pilotage.model.traffic import HeaderRoute, Mirror, Split, split_between
from pilotage.testing import CountsUnderTest
from pilotage.testing.contracts.metrics import MetricsContract
from tests.children import children

from .conftest import EnvoyUnderTest, User, Version

pytestmark = pytest.mark.real
Versions = Callable[[str], Version]
BOTH = ("2.0", "1.0")


class TestEnvoy(MetricsContract):
    """What holds for every source; below is what only this one promises."""

    @pytest.fixture
    def counts(self, metrics: Metrics, routed: EnvoyUnderTest) -> CountsUnderTest:
        users = {routed.ask(user=f"u{n}"): f"u{n}" for n in range(40)}

        def happen(version: str, well: int, failed: int) -> None:
            for path, times in (("/", well), ("/error", failed)):
                for _ in range(times):
                    assert routed.ask(path, user=users[version]) == version

        return CountsUnderTest(open=lambda: metrics, happen=happen, can=ADAPTER.capabilities, silence=routed.kill)


@pytest.fixture
def metrics(routed: EnvoyUnderTest, versions: Versions, tmp_path: Path) -> Metrics:
    """A half-and-half split, and what counts it."""
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    split = split_between("2.0", 500, "1.0")
    routed.router.apply(split, backends)
    routed.wait_for(split)
    return EnvoyMetrics(lambda: admin_url(tmp_path / "router"))


def test_counts_are_those_the_client_made(metrics: Metrics, routed: EnvoyUnderTest) -> None:
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


def test_durations_are_in_the_right_buckets(metrics: Metrics, routed: EnvoyUnderTest) -> None:
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


def test_a_restarted_source_never_counts_negatively(metrics: Metrics, routed: EnvoyUnderTest, tmp_path: Path) -> None:
    cursor = metrics.observe(BOTH, None).cursor
    for n in range(30):
        routed.ask(user=f"u{n}")
    cursor = metrics.observe(BOTH, cursor).cursor
    for process in children():
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
    with pytest.raises(AdapterError, match="does not respond"):
        EnvoyMetrics(lambda: "http://127.0.0.1:9").observe(BOTH, None)


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
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    source = EnvoyMetrics(lambda: f"http://127.0.0.1:{server.server_address[1]}")
    try:
        with pytest.raises(AdapterError):
            source.observe(BOTH, None)
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("version", ["1.0", "2.0-rc.1+b7", "v1:2", "a/b", "~", "ümlaut", "1_0", "x" * 100])
def test_a_version_survives_its_name_in_the_router(version: str) -> None:
    assert version_of(cluster_of(version)) == version
    for stratum in ("synthetic", Route("/api").stratum):
        assert version_of(cluster_of(version, stratum)) == version
        assert stratum_of(cluster_of(version, stratum)) == stratum
    assert stratum_of(cluster_of(version)) == ""


# ── routes, own requests, instances ────────────────────────────────────────────────────────────────────────

STRATA = Strata((Route("/api", Failing.of(["5xx", 404])), Route("/shop")), Failing())


@pytest.fixture
def counted(routed: EnvoyUnderTest, versions: Versions) -> EnvoyMetrics:
    """Half and half, with two routes and requests of Pilotage's own."""
    routed.configured(strata=STRATA, synthetic=True)
    routed.take(split_between("2.0", 500, "1.0"), {v: [versions(v).address] for v in BOTH})
    return EnvoyMetrics(lambda: admin_url(routed.directory), STRATA, routed.directory)


def test_routes_are_counted_apart_and_add_up(counted: EnvoyMetrics, routed: EnvoyUnderTest) -> None:
    cursor = counted.observe(BOTH, None).cursor
    asked = {"/api": 0, "/shop": 0, REST: 0}
    for n in range(60):
        route, path = (("/api", "/api/x?q=1"), ("/shop", "/shop"), (REST, "/shopping"))[n % 3]
        asked[route] += routed.ask(path, user=f"u{n}") == "2.0"
    reading = counted.observe(BOTH, cursor)
    found = reading.of("2.0")
    assert {part.route: part.requests for part in found.routes} == asked
    assert found.requests == sum(asked.values())
    assert found.durations.total == sum(part.durations.total for part in found.routes)


def test_what_fails_is_what_was_configured_for_the_route(counted: EnvoyMetrics, routed: EnvoyUnderTest) -> None:
    """`errors:` of a route holds there alone; elsewhere a 404 is an answer like any other."""
    cursor = counted.observe(BOTH, None).cursor
    for path in ("/api/missing", "/api/error", "/shop/missing", "/shop/error", "/missing"):
        for n in range(20):
            routed.ask(path, user=f"u{n}")
    reading = _with_failures(counted, cursor, 60)
    errors = dict.fromkeys(("/api", "/shop", REST), 0)
    for version in BOTH:
        for part in reading.of(version).routes:
            errors[part.route] += part.errors
    assert errors == {"/api": 40, "/shop": 20, REST: 0}
    assert {(f.route, f.status, f.path) for f in reading.failures or ()} == {
        ("/api", "404", "/api/missing"), ("/api", "500", "/api/error"), ("/shop", "500", "/shop/error"),
    }  # fmt: skip
    for version in BOTH:
        assert reading.of(version).errors == sum(f.version == version for f in reading.failures or ())


def test_requests_of_pilotage_and_testers_are_not_users(
    routed: EnvoyUnderTest, versions: Versions, counted: EnvoyMetrics
) -> None:
    """Pilotage's own requests excuse nothing and accuse nobody: they are figures of their own."""
    route = HeaderRoute("x-release", "canary", "2.0")
    backends = {v: [versions(v).address] for v in BOTH}
    routed.take(Split((("2.0", 500), ("1.0", 500)), (route,)), backends)
    cursor = counted.observe(BOTH, None).cursor
    token = synthetic_token(routed.directory)
    for n in range(40):
        routed.ask("/api/error", **{SYNTHETIC_HEADER: token})
        routed.ask("/api/error", user=f"u{n}", **{"x-release": "canary"})
        routed.ask("/api/error", user=f"u{n}", **{SYNTHETIC_HEADER: "1"})
    reading = _with_failures(counted, cursor, 40)
    own = [reading.of(version).synthetic for version in BOTH]
    assert sum(part.requests for part in own if part) == 40
    assert sum(part.errors for part in own if part) == 40
    assert all(part and part.requests for part in own), "they have the users' weights"
    assert sum(reading.of(version).requests for version in BOTH) == 40, "a guessed header hides nobody"
    assert len(reading.failures or ()) == 40


def test_mirrored_requests_count_for_their_version_and_fail_for_no_user(
    routed: EnvoyUnderTest, versions: Versions, counted: EnvoyMetrics
) -> None:
    backends = {v: [versions(v).address] for v in BOTH}
    routed.take(Split((("1.0", 1000),), mirror=Mirror("2.0", 1000)), backends)
    cursor = counted.observe(BOTH, None).cursor
    for n in range(20):
        routed.ask("/shop/error", user=f"u{n}")
    reading = _with_failures(counted, cursor, 20)
    assert [f.version for f in reading.failures or ()] == ["1.0"] * 20
    mirrored = counted.observe(BOTH, cursor).of("2.0")
    assert {part.route: part.errors for part in mirrored.routes} == {"/api": 0, "/shop": 20, REST: 0}


def test_instances_are_counted_apart(routed: EnvoyUnderTest, versions: Versions, counted: EnvoyMetrics) -> None:
    one, two = versions("1.0"), versions("1.0")
    whole = Split((("1.0", 1000),))
    routed.take(whole, {"1.0": [one.address, two.address]})
    _until_endpoints(routed, 2)
    cursor = counted.observe(["1.0"], None).cursor
    before = one.served, two.served
    for n in range(60):
        routed.ask(("/api", "/shop", "/error")[n % 3], user=f"u{n}")
    reading = counted.observe(["1.0"], json.loads(json.dumps(cursor)))
    served = {f"127.0.0.1:{v.address[1]}": v.served - b for v, b in zip((one, two), before, strict=True)}
    assert {i.instance: i.requests for i in reading.of("1.0").instances} == served
    assert sum(i.errors for i in reading.of("1.0").instances) == 20
    again = counted.observe(["1.0"], reading.cursor)
    assert sum(i.requests for i in again.of("1.0").instances) == 0


def test_a_stratum_that_comes_later_counts_from_its_beginning_and_history_never(
    routed: EnvoyUnderTest, versions: Versions
) -> None:
    """Routes are fixed when a rollout begins, while the cursor of stable may be older."""
    backends = {v: [versions(v).address] for v in BOTH}
    routed.take(split_between("2.0", 500, "1.0"), backends)
    for n in range(30):
        routed.ask("/api", user=f"u{n}")
    metrics = EnvoyMetrics(lambda: admin_url(routed.directory), STRATA, routed.directory)
    cursor = metrics.observe(["1.0"], None).cursor
    routed.configured(strata=STRATA)
    routed.take(split_between("2.0", 501, "1.0"), backends)
    for n in range(30):
        routed.ask("/api", user=f"u{n}")
    reading = metrics.observe(BOTH, cursor)
    assert sum(reading.of(version).requests for version in BOTH) == 30


def test_a_cursor_of_an_earlier_pilotage_goes_on(routed: EnvoyUnderTest, metrics: Metrics) -> None:
    for n in range(20):
        routed.ask("/error", user=f"u{n}")
    cursor = metrics.observe(BOTH, None).cursor
    earlier: JsonObject = {
        "started": cursor["started"],
        "totals": {
            version_of(name) or "": {key: find(total, key) for key in ("requests", "errors", "durations")}
            for name, total in object_at(cursor, "totals").items()
        },
    }
    for n in range(20):
        routed.ask("/error", user=f"u{n}")
    reading = metrics.observe(BOTH, earlier)
    assert sum(reading.of(version).requests for version in BOTH) == 20
    assert sum(reading.of(version).errors for version in BOTH) == 20


# ── failures ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_failure_names_its_user_and_no_secret_of_theirs(counted: EnvoyMetrics, routed: EnvoyUnderTest) -> None:
    """The same user is the same hash, also before they had the cookie; the log holds neither cookie nor query."""
    cursor = counted.observe(BOTH, None).cursor
    users = [User(routed) for _ in range(20)]
    for _ in range(3):
        for user in users:
            user.ask("/shop/error?token=geheim")
    reading = _with_failures(counted, cursor, 60)
    hashes = [failure.user for failure in reading.failures or ()]
    assert hashes[:20] == hashes[20:40] == hashes[40:]
    assert len(set(hashes)) == 20
    log = (routed.directory / "failures.log").read_text()
    assert "geheim" not in log
    assert not any(user.cookie.partition("=")[2] in log for user in users)
    first = (reading.failures or ())[0]
    assert (first.route, first.status, first.method, first.path) == ("/shop", "500", "GET", "/shop/error")
    assert first.instance.startswith("127.0.0.1:")
    assert abs(first.at - time.time()) < 60


def test_without_users_of_their_own_failures_are_one_each(routed: EnvoyUnderTest, versions: Versions) -> None:
    routed.configured(sticky=None)
    routed.take(Split((("1.0", 1000),)), {"1.0": [versions("1.0").address]})
    metrics = EnvoyMetrics(lambda: admin_url(routed.directory), directory=routed.directory)
    cursor = metrics.observe(["1.0"], None).cursor
    for _ in range(10):
        routed.ask("/error")
    assert len({failure.user for failure in _with_failures(metrics, cursor, 10).failures or ()}) == 10


def test_requests_that_reach_no_instance_are_failures_of_their_version(
    routed: EnvoyUnderTest, versions: Versions, counted: EnvoyMetrics
) -> None:
    dying = versions("1.0")
    dying.dying = True
    routed.take(Split((("1.0", 1000),)), {"1.0": [dying.address]})
    cursor = counted.observe(BOTH, None).cursor
    for n in range(10):
        routed.ask("/shop", user=f"u{n}")
    reading = _with_failures(counted, cursor, 10)
    assert {(f.version, f.route, f.status) for f in reading.failures or ()} == {("1.0", "/shop", "503")}
    assert reading.of("1.0").errors == 10


def test_a_running_router_takes_up_what_counts_as_failed(routed: EnvoyUnderTest, versions: Versions) -> None:
    backends = {"1.0": [versions("1.0").address]}
    whole = Split((("1.0", 1000),))
    routed.take(whole, backends)
    process = [p.pid for p in children()]
    strata = Strata((), Failing.of([404]))
    routed.configured(strata=strata)
    routed.router.apply(whole, backends)
    metrics = EnvoyMetrics(lambda: admin_url(routed.directory), strata, routed.directory)
    cursor = metrics.observe(["1.0"], None).cursor
    until = time.monotonic() + 10
    failures: tuple[Failure, ...] = ()
    while not failures and time.monotonic() < until:
        routed.ask("/error", user="u")
        routed.ask("/missing", user="u")
        reading = metrics.observe(["1.0"], cursor)
        failures, cursor = failures + (reading.failures or ()), reading.cursor
    assert {failure.status for failure in failures} == {"404"}
    assert [p.pid for p in children()] == process


def test_no_line_is_lost_or_read_twice_while_logs_are_rotated(
    routed: EnvoyUnderTest, counted: EnvoyMetrics, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilotage.adapters.routers.envoy_logs._LARGEST", {"failures.log": 1500, "paths.log": 1500})
    backends = {v: [versions(v).address] for v in BOTH}
    found: list[Any] = []
    cursor = counted.observe(BOTH, None).cursor
    for n in range(120):
        routed.ask("/shop/error", user=f"u{n}")
        if n % 10 == 0:
            # A file that was moved away is read to its end before the next takes its place: reading is a second apart,
            # and rotating at least as many seconds as a large file takes to fill.
            found, cursor = _read_up_to(n, found, counted, cursor)
            routed.router.apply(split_between("2.0", 500, "1.0"), backends)
        if n % 7 == 0:
            reading = counted.observe(BOTH, json.loads(json.dumps(cursor)))
            found += [f.user for f in reading.failures or ()]
            cursor = reading.cursor
    found += [f.user for f in _with_failures(counted, cursor, 120 - len(found)).failures or ()]
    assert (routed.directory / "failures.log.1").exists()
    assert len(found) == len(set(found)) == 120


def _read_up_to(count: int, found: list[Any], counted: EnvoyMetrics, cursor: Any) -> tuple[list[Any], Any]:
    until = time.monotonic() + 20
    while len(found) < count and time.monotonic() < until:
        reading = counted.observe(BOTH, json.loads(json.dumps(cursor)))
        found = [*found, *(f.user for f in reading.failures or ())]
        cursor = reading.cursor
        time.sleep(0.05)
    return found, cursor


def test_where_no_log_can_be_had_the_reading_says_why(counted: EnvoyMetrics, routed: EnvoyUnderTest) -> None:
    foreign = EnvoyMetrics(lambda: admin_url(routed.directory), STRATA)
    reading = foreign.observe(BOTH, foreign.observe(BOTH, None).cursor)
    assert reading.failures is None
    assert "not the embedded router" in reading.note
    cursor = counted.observe(BOTH, None).cursor
    (routed.directory / "failures.log").unlink()
    reading = counted.observe(BOTH, cursor)
    assert reading.failures is None
    assert "has no log of failed requests" in reading.note


# ── gRPC ───────────────────────────────────────────────────────────────────────────────────────────────────


class _Calls(grpc.GenericRpcHandler):  # type: ignore[misc]
    """A service that ends each call with the status that its request names."""

    def service(self, _call: grpc.HandlerCallDetails) -> Any:
        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            if request != b"OK":
                context.abort(grpc.StatusCode[request.decode()], "as asked")
            return b"fine"

        return grpc.unary_unary_rpc_method_handler(answer)


def test_grpc_calls_fail_by_their_own_status(routed: EnvoyUnderTest) -> None:
    server = grpc.server(ThreadPoolExecutor(4), handlers=[_Calls()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    strata = Strata((), Failing.of(["5xx", {"grpc": ["UNAVAILABLE", "INTERNAL"]}]))
    routed.configured(strata=strata, http2=True)
    routed.take(Split((("1.0", 1000),)), {"1.0": [("127.0.0.1", port)]})
    metrics = EnvoyMetrics(lambda: admin_url(routed.directory), strata, routed.directory)
    cursor = metrics.observe(["1.0"], None).cursor
    asked = ["OK"] * 10 + ["UNAVAILABLE"] * 4 + ["INTERNAL"] * 3 + ["NOT_FOUND"] * 5
    try:
        with grpc.insecure_channel(routed.url.removeprefix("http://")) as channel:
            call = channel.unary_unary("/shop.Cart/Add")
            got = Counter(_status(call, name, n) for n, name in enumerate(asked))
            reading = _with_failures(metrics, cursor, 7)
            assert got == Counter(asked)
            assert (reading.of("1.0").requests, reading.of("1.0").errors) == (22, 7)
            assert Counter(f.status for f in reading.failures or ()) == {"UNAVAILABLE": 4, "INTERNAL": 3}
            assert len({f.user for f in reading.failures or ()}) == 7
            server.stop(0).wait()
            for n in range(6):
                assert _status(call, "OK", n) == "UNAVAILABLE"
            gone = _with_failures(metrics, reading.cursor, 6)
    finally:
        server.stop(0)
    assert (gone.of("1.0").requests, gone.of("1.0").errors) == (6, 6), "once each, though Envoy counts a 503 as well"


def _status(call: Any, wanted: str, user: int) -> str:
    try:
        call(wanted.encode(), timeout=5, metadata=(("cookie", f"session=u{user}"),))
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


def _with_failures(metrics: EnvoyMetrics, cursor: JsonObject, count: int) -> Reading:
    """The reading since `cursor` once so many failures stand in the log, which Envoy writes a moment later."""
    until = time.monotonic() + 5
    while True:
        reading = metrics.observe(BOTH, cursor)
        if len(reading.failures or ()) >= count or time.monotonic() > until:
            return reading
        time.sleep(0.05)


def _until_endpoints(routed: EnvoyUnderTest, count: int) -> None:
    until = time.monotonic() + 5
    while len((routed.router.endpoints() or {}).get("1.0", ())) != count:
        assert time.monotonic() < until
        time.sleep(0.02)


# ── counters that somebody sets back, pages that somebody writes ───────────────────────────────────────────


def test_counters_that_were_set_back_are_an_error_and_no_restart(counted: EnvoyMetrics, routed: EnvoyUnderTest) -> None:
    """Whoever resets Envoy's counters again and again would hide every failure from the judge."""
    cursor = counted.observe(BOTH, None).cursor
    for n in range(10):
        routed.ask("/shop/error", user=f"u{n}")
    cursor = counted.observe(BOTH, cursor).cursor
    post(f"{admin_url(routed.directory)}/reset_counters")
    with pytest.raises(AdapterError, match="counters were set back while it ran"):
        counted.observe(BOTH, cursor)
    # Set back before each look: nothing has fallen that a look could see, but Envoy counts its questions as well.
    cursor = counted.observe(BOTH, None).cursor
    for _ in range(2):
        post(f"{admin_url(routed.directory)}/reset_counters")
        with pytest.raises(AdapterError, match="counters were set back while it ran"):
            counted.observe(BOTH, cursor)


def test_a_cursor_without_witnesses_goes_on(counted: EnvoyMetrics, routed: EnvoyUnderTest) -> None:
    cursor = {**counted.observe(BOTH, None).cursor}
    del cursor["witnesses"]
    routed.ask("/shop", user="u1")
    assert sum(o.requests for o in counted.observe(BOTH, cursor).observations) == 1


@pytest.mark.parametrize(
    "page", ["envoy_cluster_upstream_rq_xx{", "x" * 50, 'a="', '{a="b"} ', "envoy_cluster_grpc_1{} 1\n", "} 1\n{"]
)
def test_a_hostile_page_is_read_in_linear_time(page: str) -> None:
    """A megabyte of it: time grows with the length alone, where it once grew with its square."""
    samples = list(samples_of(page * ((1 << 20) // len(page))))
    assert all(value >= 0 for _, _, value in samples)
