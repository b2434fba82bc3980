"""The Queries port before a real Prometheus that scrapes a real page."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pilotage.adapters.free_port import free_port
from pilotage.adapters.http import get_status
from pilotage.adapters.metrics.prometheus import PrometheusQueries
from pilotage.adapters.ports import AdapterError
from pilotage.testing import QueriesUnderTest
from pilotage.testing.contracts.queries import QueriesContract

from ..programs import needs

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("prometheus")]


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'apdex{version="new"} 0.97\napdex{version="old"} 0.99\n'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = tmp_path_factory.mktemp("prometheus")
    page = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=page.serve_forever, args=(0.02,), daemon=True).start()
    port = free_port()
    (place / "prometheus.yml").write_text(
        f"global: {{scrape_interval: 200ms}}\n"
        f"scrape_configs:\n- job_name: shop\n  static_configs:\n  - targets: ['127.0.0.1:{page.server_address[1]}']\n"
    )
    process = subprocess.Popen(
        [
            needs("prometheus"), f"--config.file={place / 'prometheus.yml'}", f"--storage.tsdb.path={place / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=(place / "log").open("wb"),
    )  # fmt: skip
    base = f"http://127.0.0.1:{port}"
    _wait_for_samples(base, place / "log")
    yield base
    process.terminate()
    process.wait(10)
    page.shutdown()


def _wait_for_samples(base: str, log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if get_status(f"{base}/-/ready")[0] == 200 and PrometheusQueries(base).query("apdex"):
                return
        except AdapterError:
            pass
        time.sleep(0.1)
    pytest.fail(log.read_text()[-2000:])


class TestPrometheus(QueriesContract):
    """R13: a real Prometheus."""

    @pytest.fixture
    def asked(self, prometheus: str) -> QueriesUnderTest:
        return QueriesUnderTest(
            open=lambda: PrometheusQueries(prometheus), one='apdex{version="new"}', several="apdex",
            nothing='apdex{version="unknown"}', refused="sum(",
        )  # fmt: skip

    def test_a_scalar_is_a_value(self, prometheus: str) -> None:
        assert PrometheusQueries(prometheus).query("scalar(sum(apdex)) * 0 + 2") == (2.0,)


def test_a_dead_server_is_an_error_and_no_answer() -> None:
    with pytest.raises(AdapterError, match="does not respond"):
        PrometheusQueries("http://127.0.0.1:9").query("up")


def test_another_server_is_an_error(prometheus: str) -> None:
    with pytest.raises(AdapterError):
        PrometheusQueries(f"{prometheus}/nowhere").query("up")
