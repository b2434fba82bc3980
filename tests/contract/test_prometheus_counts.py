"""Counts of versions from a real Prometheus that scrapes real load balancers, and an application."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import urllib3

from pilotage.adapters.context import Context, Peers
from pilotage.adapters.fence import Fence
from pilotage.adapters.free_port import free_port
from pilotage.adapters.metrics.prometheus import PrometheusQueries
from pilotage.adapters.metrics.prometheus_counts_adapter import ADAPTER, PrometheusCountsSection
from pilotage.adapters.metrics.traefik_adapter import alert_series as traefik_series
from pilotage.adapters.ports import AdapterError, Metrics
from pilotage.adapters.routers.envoy_resources import Settings, Sticky
from pilotage.adapters.routers.traefik import TraefikRouter
from pilotage.adapters.strata import Failing, Strata
from pilotage.model.finding import Finding
from pilotage.model.traffic import split_between
from pilotage.testing import CountsUnderTest, RouterUnderTest, Version
from pilotage.testing.contracts.metrics import BOTH, MetricsContract
from pilotage.testing.harness import wait_until

from ..children import freeze
from ..programs import needs
from .conftest import EnvoyUnderTest
from .test_traefik import EmbeddedTraefik

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("prometheus")]


PATHS = {"app": "/metrics", "traefik": "/metrics", "envoy": "/stats/prometheus", "haproxy": "/metrics"}


class Prometheus:
    """One that scrapes each source every tenth of a second, at a port that the source then takes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.url = folder, f"http://127.0.0.1:{free_port()}"
        self.ports = {job: free_port() for job in PATHS}
        jobs = [
            {"job_name": job, "metrics_path": path, "static_configs": [{"targets": [f"127.0.0.1:{self.ports[job]}"]}]}
            for job, path in PATHS.items()
        ]
        often = {"scrape_interval": "100ms", "scrape_timeout": "100ms"}
        (folder / "prometheus.json").write_text(json.dumps({"global": often, "scrape_configs": jobs}))
        self.process = subprocess.Popen(
            [
                needs("prometheus"), f"--config.file={folder / 'prometheus.json'}",
                f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={self.url.removeprefix('http://')}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=(folder / "log").open("wb"),
        )  # fmt: skip
        wait_until(self._answers, 60, "Prometheus does not answer")

    def wait_for_scrape(self, job: str) -> None:
        """Until it has scraped what happened up to now."""
        up = f'up{{job="{job}"}}'
        query = f"timestamp({up}) > {time.time()} and {up} == 1"
        wait_until(lambda: PrometheusQueries(self.url).query(query), 30, f"{job} is not scraped")

    def _answers(self) -> bool:
        try:
            return bool(PrometheusQueries(self.url).query("vector(1)"))
        except AdapterError:
            return False


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    found = Prometheus(tmp_path_factory.mktemp("prometheus"))
    yield found
    found.process.kill()
    found.process.wait()


def _opened(prometheus: Prometheus, job: str, *failing: int | str, url: str = "", **section: object) -> Metrics:
    written = {"kind": "prometheus", "url": url or prometheus.url, "labels": {"job": job}, **section}
    strata = Strata((), Failing.of(failing or ["5xx"]))
    place = prometheus.folder
    context = Context(
        directory=place, fence=Fence(place / "fence", 1), service="shop", environment="live", folder=place,
        peers=Peers(strata=strata),
    )  # fmt: skip
    return ADAPTER.open(PrometheusCountsSection.model_validate(written), context)


# ── an application's own series ────────────────────────────────────────────────────────────────────────────

APP = {
    "preset": "app", "requests": "http_requests_total", "version_label": "release", "status_label": "status",
    "durations": "http_request_duration_seconds",
}  # fmt: skip


class App(ThreadingHTTPServer):
    """An application's page of counters: by release, status, and a label of text from elsewhere."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Page)
        self.counts: dict[tuple[str, str], int] = {}
        self.up = True
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def count(self, release: str, status: str, times: int) -> None:
        self.counts[release, status] = self.counts.get((release, status), 0) + times

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def page(self) -> str:
        rows = []
        for (release, status), n in self.counts.items():
            labels = f'release="{release}",path="/a\\"b{{c,d}}\\\\\\n"'
            rows.append(f'http_requests_total{{{labels},status="{status}"}} {n}')
            for bound, share in (("0.1", n), ("1", n), ("+Inf", n)):
                rows.append(f'http_request_duration_seconds_bucket{{{labels},status="{status}",le="{bound}"}} {share}')
        return "\n".join(rows) + "\n"


class _Page(BaseHTTPRequestHandler):
    server: App

    def do_GET(self) -> None:
        body = self.server.page.encode()
        self.send_response(200 if self.server.up else 500)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def app(prometheus: Prometheus) -> Iterator[App]:
    found = App(prometheus.ports["app"])
    prometheus.wait_for_scrape("app")
    yield found
    found.shutdown()
    found.server_close()


class TestApp(MetricsContract):
    """What holds for every source."""

    @pytest.fixture
    def counts(self, app: App, prometheus: Prometheus) -> Iterator[CountsUnderTest]:
        def happen(version: str, well: int, failed: int) -> None:
            app.count(version, "200", well)
            app.count(version, "503", failed)
            prometheus.wait_for_scrape("app")

        yield CountsUnderTest(
            open=lambda: _opened(prometheus, "app", **APP), happen=happen, restart=app.counts.clear,
            silence=lambda: freeze(prometheus.process.pid),
        )  # fmt: skip
        os.kill(prometheus.process.pid, signal.SIGCONT)


def test_statuses_durations_and_labels_of_foreign_text_are_read(app: App, prometheus: Prometheus) -> None:
    release = "2.0+b|.*"
    metrics = _opened(prometheus, "app", "5xx", 404, instance_label="instance", **APP)
    cursor = metrics.observe([release], None).cursor
    for status, times in (("200", 7), ("404", 2), ("401", 1), ("500", 3)):
        app.count(release, status, times)
    app.count("another", "500", 100)
    prometheus.wait_for_scrape("app")
    seen = metrics.observe([release], json.loads(json.dumps(cursor))).of(release)
    assert (seen.requests, seen.errors, seen.refused) == (13, 5, 3)
    assert (seen.durations.bounds, seen.durations.counts) == ((0.1, 1.0), (13, 0, 0))
    assert [(one.instance, one.requests) for one in seen.instances] == [(app.address, 13)]


def test_a_gap_of_scrapes_and_a_target_that_comes_later_lose_and_invent_nothing(
    app: App, prometheus: Prometheus
) -> None:
    app.count("gap", "200", 1000)
    prometheus.wait_for_scrape("app")
    app.up = False
    wait_until(
        lambda: not PrometheusQueries(prometheus.url).query('http_requests_total{job="app",release="gap"}'),
        what="no gap",
    )
    metrics = _opened(prometheus, "app", **APP)
    cursor = metrics.observe(["gap"], None).cursor
    app.count("gap", "200", 5)
    with pytest.raises(AdapterError, match=r"no current series of gap: see whether its target is up"):
        metrics.observe(["gap"], cursor)
    app.up = True
    prometheus.wait_for_scrape("app")
    wait_until(
        lambda: PrometheusQueries(prometheus.url).query('http_requests_total{job="app",release="gap"}'),
        what="still none",
    )
    reading = metrics.observe(["gap"], cursor)
    assert reading.of("gap").requests == 5, "history is not counted, and the gap is"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b'{"status": "error", "error": "parse"}', "rejected the query: parse"),
        (b'{"status": "success", "warnings": ["x"], "data": {"result": []}}', "a part of its series"),
        (b'{"status": "success", "data": {"result": [{"metric": {}, "value": [1, "a"]}]}}', "did not return a vector"),
        (b"<html>", "did not return JSON"),
    ],
)
def test_what_is_no_whole_answer_of_a_prometheus_is_an_error(prometheus: Prometheus, answer: bytes, said: str) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        with pytest.raises(AdapterError, match=said):
            _opened(prometheus, "x", url=f"http://127.0.0.1:{server.server_address[1]}", **APP).observe(BOTH, None)
    finally:
        server.shutdown()
        server.server_close()


def test_doctor_tells_how_often_it_scrapes_and_what_that_means(
    app: App, prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context(
        directory=prometheus.folder, fence=Fence(prometheus.folder / "f", 1), service="s", environment="e",
        folder=prometheus.folder,
    )  # fmt: skip

    def examined(job: str) -> list[Finding]:
        written = {"kind": "prometheus", "url": prometheus.url, "labels": {"job": job}, **APP}
        assert ADAPTER.examine
        return list(ADAPTER.examine(PrometheusCountsSection.model_validate(written), context))

    (none,) = examined("another")
    assert (none.result, "no series http_requests_total" in none.sentence) == ("WARN", True)
    app.count("1.0", "200", 1)
    prometheus.wait_for_scrape("app")
    monkeypatch.setattr("pilotage.adapters.metrics.prometheus_counts_adapter._SLOW", 0.0)
    (rare,) = examined("app")
    assert (rare.result, "harm is seen up to" in rare.sentence) == ("WARN", True)
    monkeypatch.setattr("pilotage.adapters.metrics.prometheus_counts_adapter._SLOW", 1000.0)
    assert [found.result for found in examined("app")] == ["PASS"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"preset": "app"}, "is missing: with preset app"),
        ({"preset": "traefik", "requests": "x"}, "belongs to preset app"),
        ({"preset": "haproxy", "names": "shop"}, "pattern"),
        ({**APP, "requests": "http{}"}, "pattern"),
    ],
)
def test_series_are_named_for_an_application_and_for_nothing_else(written: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PrometheusCountsSection.model_validate({"kind": "prometheus", "url": "http://a", **written})


@pytest.mark.parametrize(
    ("written", "provides", "errors", "instances"),
    [
        ({"preset": "envoy"}, 2, True, False),
        ({"preset": "traefik"}, 2, True, True),
        ({"preset": "traefik", "names": "shop-{version}@docker"}, 2, True, False),
        ({"preset": "haproxy"}, 1, False, False),
        ({"preset": "nginx"}, 2, False, True),
        (APP, 2, True, False),
        ({**APP, "durations": None}, 1, True, False),
    ],
)
def test_each_preset_says_what_it_cannot_tell(
    written: dict[str, object], provides: int, errors: bool, instances: bool
) -> None:
    can = ADAPTER.can(PrometheusCountsSection.model_validate({"kind": "prometheus", "url": "http://a", **written}))
    assert (len(can.provides), can.errors, can.instances) == (provides, errors, instances)
    assert (can.users, can.routes, can.grpc) == (False, False, False)


# ── load balancers ─────────────────────────────────────────────────────────────────────────────────────────


def _split(routed: RouterUnderTest, versions: Sequence[Version]) -> Callable[[str, int, int], None]:
    """A half-and-half split, and what lets requests to a version happen."""
    routed.take(split_between("2.0", 500, "1.0"), {version.name: [version.address] for version in versions})
    users: dict[str, str] = {}
    for n in range(60):
        users.setdefault(routed.ask(user=f"u{n}"), f"u{n}")

    def happen(version: str, well: int, failed: int) -> None:
        for path, times in (("/", well), ("/error", failed)):
            for _ in range(times):
                assert routed.ask(path, user=users[version]) == version

    return happen


def _counted(
    prometheus: Prometheus, job: str, happens: Callable[[str, int, int], None], **section: str
) -> CountsUnderTest:
    def happen(version: str, well: int, failed: int) -> None:
        happens(version, well, failed)
        prometheus.wait_for_scrape(job)

    prometheus.wait_for_scrape(job)
    return CountsUnderTest(open=lambda: _opened(prometheus, job, **section), happen=happen)


@pytest.fixture(scope="module")
def both() -> Iterator[list[Version]]:
    """A version each."""
    running = [Version(name) for name in BOTH]
    yield running
    for version in running:
        version.end()


class TestTraefik(MetricsContract):
    """The embedded Traefik's series."""

    @pytest.fixture(scope="class")
    @classmethod
    def happens(
        cls, prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory, both: list[Version]
    ) -> Iterator[Callable[[str, int, int], None]]:
        routed = _TraefikWithStats(tmp_path_factory.mktemp("traefik"), prometheus.ports["traefik"])
        yield _split(routed, both)
        routed.again(10**6).stop()

    @pytest.fixture
    def counts(self, prometheus: Prometheus, happens: Callable[[str, int, int], None]) -> CountsUnderTest:
        return _counted(prometheus, "traefik", happens, preset="traefik")

    def test_alert_rules_of_a_plan_find_their_series(self, counts: CountsUnderTest, prometheus: Prometheus) -> None:
        for _ in range(2):  # What appears with its first sample has no rate yet.
            counts.happen("2.0", 5, 3)
            counts.happen("1.0", 5, 0)
        wait_until(lambda: _values(prometheus, traefik_series("2.0").errors) > [0.0], what="no errors are seen")
        found, none = traefik_series("2.0"), traefik_series("2")
        for query in (found.requests, found.counted, found.p95, found.stable_p95):
            assert _values(prometheus, query) > [0.0], query
        assert (_values(prometheus, found.absent), _values(prometheus, none.absent)) == ([], [1.0])
        assert found.service
        for query in (found.service.throughput, found.service.error_rate, found.service.response_time):
            assert _values(prometheus, query) > [0.0], query


def _values(prometheus: Prometheus, query: str) -> list[float]:
    return list(PrometheusQueries(prometheus.url).query(query.replace("{window}", "1m")))


class _TraefikWithStats(EmbeddedTraefik):
    def __init__(self, folder: Path, stats: int) -> None:
        self._stats = stats
        super().__init__(folder)

    def again(self, token: int = 1) -> TraefikRouter:
        return TraefikRouter(
            self.directory, Fence(self._fence, token), self.settings, ("127.0.0.1", self.port),
            stats=("127.0.0.1", self._stats),
        )  # fmt: skip


class TestEnvoy(MetricsContract):
    """The embedded Envoy's series."""

    @pytest.fixture(scope="class")
    @classmethod
    def happens(
        cls, prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory, both: list[Version]
    ) -> Iterator[Callable[[str, int, int], None]]:
        place = tmp_path_factory.mktemp("envoy")
        stats = ("127.0.0.1", prometheus.ports["envoy"])
        settings = Settings(("127.0.0.1", free_port()), Sticky(cookie="session"), stats=stats)
        routed = EnvoyUnderTest(place / "router", place / "fence.json", settings)
        yield _split(routed, both)
        routed.again(10**6).stop()

    @pytest.fixture
    def counts(self, prometheus: Prometheus, happens: Callable[[str, int, int], None]) -> CountsUnderTest:
        return _counted(prometheus, "envoy", happens, preset="envoy")


class TestHaproxy(MetricsContract):
    """HAProxy's exporter of its own: a backend for each version."""

    @pytest.fixture(scope="class")
    @classmethod
    def happens(
        cls, prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory, both: list[Version]
    ) -> Iterator[Callable[[str, int, int], None]]:
        web, file = free_port(), tmp_path_factory.mktemp("haproxy") / "haproxy.cfg"
        backends = "".join(f"backend shop-{one.name}\n  server a 127.0.0.1:{one.address[1]}\n" for one in both)
        file.write_text(
            "defaults\n  mode http\n  timeout connect 2s\n  timeout client 5s\n  timeout server 5s\n"
            f"frontend web\n  bind 127.0.0.1:{web}\n  use_backend shop-%[req.hdr(x-version)]\n"
            f"frontend stats\n  bind 127.0.0.1:{prometheus.ports['haproxy']}\n"
            f"  http-request use-service prometheus-exporter if {{ path /metrics }}\n{backends}"
        )
        process = subprocess.Popen([needs("haproxy"), "-f", str(file), "-db"])
        pool = urllib3.PoolManager()

        def happen(version: str, well: int, failed: int) -> None:
            for path, times in (("/", well), ("/error", failed)):
                for _ in range(times):
                    answer = pool.request("GET", f"http://127.0.0.1:{web}{path}", headers={"x-version": version})
                    assert answer.data.decode() == version

        yield happen
        process.kill()
        process.wait()

    @pytest.fixture
    def counts(self, prometheus: Prometheus, happens: Callable[[str, int, int], None]) -> CountsUnderTest:
        return _counted(prometheus, "haproxy", happens, preset="haproxy", names="shop-{version}")
