"""Serves one page to a Prometheus, and nothing else."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from pilotage.adapters.bounded_server import BoundedServer

PATH = "/metrics"
_MOST, _PATIENCE = 8, 10.0
_log = logging.getLogger(__name__)


class MetricsServer:
    """Answers GET /metrics with what `page` returns at that moment, until it is stopped."""

    def __init__(self, place: tuple[str, int], content_type: str, page: Callable[[], str]) -> None:
        """Raises OSError where the address is taken."""
        self._server = BoundedServer(place, _handler(content_type, page), _MOST, _PATIENCE)
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="metrics page", daemon=True).start()

    @property
    def port(self) -> int:
        return self._server.server_port

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(content_type: str, page: Callable[[], str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version, timeout = "Pilotage", "", _PATIENCE

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != PATH:
                self._answer(404, "text/plain", b"the metrics are at /metrics\n")
                return
            try:
                content = page().encode()
            except Exception:
                # A scrape that fails is seen in Prometheus; a page that lacks series would look well.
                _log.exception("the metrics page could not be made")
                self._answer(503, "text/plain", b"the state of rollouts cannot be read\n")
                return
            self._answer(200, content_type, content)

        def _answer(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """A scrape every few seconds is nothing to note."""

    return Handler
