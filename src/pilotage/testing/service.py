"""A small HTTP service, of which tests start as many versions as they need."""

from __future__ import annotations

import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Version(ThreadingHTTPServer):
    """A version of a service that answers with its name; `…/error` fails, `…/missing` does not exist, `/slow` takes 60
    ms. While it is `dying`, it closes the connection of each request. asked: headers of the requests it got ·
    connections: the open ones; it closes none by itself."""

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

    def handle_error(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: tuple[str, int]
    ) -> None:
        """A router may drop a connection whenever it likes."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def end(self) -> None:
        """Nothing answers there any more."""
        self.shutdown()
        self.server_close()


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
        # Health checks of a load balancer are no requests of users.
        if not self.headers.get("User-Agent", "").startswith("ELB-HealthChecker"):
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
