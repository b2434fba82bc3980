"""What the contract tests stand on: small HTTP versions of a service, and every adapter of each port."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import urllib3

from pilotage.adapters.fence import Fence
from pilotage.adapters.free_port import free_port
from pilotage.adapters.ports import Router
from pilotage.adapters.routers.envoy import EnvoyRouter
from pilotage.adapters.routers.envoy_resources import Settings, Sticky
from pilotage.model.traffic import Split


class Version(ThreadingHTTPServer):
    """A version of a service that answers with its name; `/error` fails, `/slow` takes 60 ms."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name, self.served = name, 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", int(self.server_address[1]))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, or each answer waits for a delayed acknowledgement
    server: Version

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.rfile.read(length)
        self.server.served += 1
        if self.path == "/slow":
            time.sleep(0.06)
        body = self.server.name.encode()
        self.send_response(500 if self.path == "/error" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def versions() -> Iterator[Callable[[str], Version]]:
    """Starts a version on demand, and stops them all."""
    running: list[Version] = []

    def start(name: str) -> Version:
        running.append(Version(name))
        return running[-1]

    yield start
    for version in running:
        version.shutdown()
        version.server_close()


class RouterUnderTest:
    """A router adapter with what the tests need to know of it: `again()` is a new controller's view of the same."""

    def __init__(self, make: Callable[[int], Router], url: str) -> None:
        self._make, self.url, self.router = make, url, make(1)
        self._pool = urllib3.PoolManager(maxsize=8)

    def again(self, token: int = 1) -> Router:
        return self._make(token)

    def wait_for(self, split: Split) -> None:
        until = time.monotonic() + 5
        while self.router.read() != split:
            assert time.monotonic() < until, f"the router shows {self.router.read()}"
            time.sleep(0.01)
        # What the router reports, its workers take up a few milliseconds later.
        time.sleep(0.05)

    def ask(self, path: str = "/", *, user: str | None = None, **headers: str) -> str:
        if user:
            headers["Cookie"] = f"session={user}"
        answer = self._pool.request("GET", self.url + path, headers=headers, timeout=5.0, retries=False)
        return answer.data.decode()


@pytest.fixture(params=["envoy"])
def routed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RouterUnderTest]:
    """Every adapter of the Router port, over the real thing."""
    assert request.param == "envoy"
    port = free_port()

    def make(token: int) -> Router:
        settings = Settings(("127.0.0.1", port), Sticky(cookie="session"))
        return EnvoyRouter(tmp_path / "router", Fence(tmp_path / "fence.json", token), settings)

    under_test = RouterUnderTest(make, f"http://127.0.0.1:{port}")
    yield under_test
    make(10**6).stop()
