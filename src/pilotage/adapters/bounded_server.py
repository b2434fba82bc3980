"""An HTTP server with a limit on connections and on the duration of each."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

Request: TypeAlias = socket.socket | tuple[bytes, socket.socket]
"""A connection; of datagrams, which nothing here serves, the text next to it."""

_log = logging.getLogger(__name__)


class BoundedServer(ThreadingHTTPServer):
    """most: connections at a time; further ones are closed unread · patience: seconds for each connection. A failure of
    one connection is logged and does not affect the others."""

    def __init__(
        self,
        place: tuple[str, int],
        handler: Callable[[Request, tuple[str, int], ThreadingHTTPServer], BaseHTTPRequestHandler],
        most: int,
        patience: float,
    ) -> None:
        self._free, self._patience = threading.BoundedSemaphore(most), patience
        self.address_family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        # The system drops a connection for which there is no room, and its client tries again a second later.
        self.request_queue_size = most
        super().__init__(place, handler)

    def process_request(self, request: Request, client_address: tuple[str, int]) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Request, client_address: tuple[str, int]) -> None:
        timer = threading.Timer(self._patience, _shut, (request,))
        timer.daemon = True
        timer.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            timer.cancel()
            self._free.release()

    def handle_error(self, request: Request, client_address: tuple[str, int]) -> None:  # noqa: ARG002
        _log.info("a request from %s failed", client_address[0], exc_info=True)


def _shut(connection: Request) -> None:
    with contextlib.suppress(OSError):
        if isinstance(connection, socket.socket):
            connection.shutdown(socket.SHUT_RDWR)
