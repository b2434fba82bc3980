"""What the contract tests stand on: small HTTP versions of a service, and every adapter of each port."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

from pilotage.adapters.fence import Fence
from pilotage.adapters.free_port import free_port
from pilotage.adapters.ports import Backends, Router
from pilotage.adapters.routers.envoy import EnvoyRouter
from pilotage.adapters.routers.envoy_resources import Settings, Sticky
from pilotage.model.traffic import Split


class Version(ThreadingHTTPServer):
    """A version of a service that answers with its name; `…/error` fails, `…/missing` is not there, `/slow` takes
    60 ms. While it is `dying` it closes the connection over each request. asked: headers of the requests it got
    · connections: that are open; it closes none by itself."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name, self.served, self.dying = name, 0, False
        self.asked: list[dict[str, str]] = []
        self.connections = 0
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", int(self.server_address[1]))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, or each answer waits for a delayed acknowledgement
    server: Version

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def finish(self) -> None:
        super().finish()
        self.server.connections -= 1

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.rfile.read(length)
        self.server.served += 1
        self.server.asked.append({name.lower(): value for name, value in self.headers.items()})
        if self.server.dying:
            self.close_connection = True
            return
        path = self.path.partition("?")[0]
        if path == "/slow":
            time.sleep(0.06)
        body = self.server.name.encode()
        self.send_response(500 if path.endswith("/error") else 404 if path.endswith("/missing") else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET  # noqa: N815

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
    """A router adapter with what the tests need to know of it: `again()` is a new controller's view of the same, and
    `configured()` one with other settings."""

    def __init__(self, directory: Path, fence: Path, settings: Settings) -> None:
        self.directory, self._fence, self.settings = directory, fence, settings
        self.url = f"http://127.0.0.1:{settings.listen[1]}"
        self.router = self.again()
        self._pool = urllib3.PoolManager(maxsize=8)

    def again(self, token: int = 1) -> Router:
        return EnvoyRouter(self.directory, Fence(self._fence, token), self.settings)

    def configured(self, **changed: Any) -> Router:
        self.settings = replace(self.settings, **changed)
        self.router = self.again()
        return self.router

    def take(self, split: Split, backends: Backends) -> None:
        """Apply a split, and wait until it is so."""
        self.router.apply(split, backends)
        self.wait_for(split)

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
        return self.answer(path, **headers).data.decode()

    def answer(self, path: str = "/", method: str = "GET", **headers: str) -> urllib3.BaseHTTPResponse:
        return self._pool.request(method, self.url + path, headers=headers, timeout=5.0, retries=False)


class User:
    """A user with a cookie jar, empty at first."""

    def __init__(self, routed: RouterUnderTest) -> None:
        self._routed, self.cookie = routed, ""

    def ask(self, path: str = "/", method: str = "GET") -> str:
        answer = self._routed.answer(path, method, **({"Cookie": self.cookie} if self.cookie else {}))
        if given := answer.headers.get("set-cookie"):
            self.cookie = given.partition(";")[0]
        return answer.data.decode()


@pytest.fixture(params=["envoy"])
def routed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RouterUnderTest]:
    """Every adapter of the Router port, over the real thing."""
    assert request.param == "envoy"
    settings = Settings(("127.0.0.1", free_port()), Sticky(cookie="session"))
    under_test = RouterUnderTest(tmp_path / "router", tmp_path / "fence.json", settings)
    yield under_test
    under_test.again(10**6).stop()
