"""A server of Pilotage has room for as many connections as it takes at once."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler

from pilotage.adapters.bounded_server import BoundedServer

MOST = 32


def test_as_many_clients_as_it_takes_connect_before_it_accepts_any() -> None:
    """The system drops those for which there is no room: each would try again after a second, then after two."""
    with BoundedServer(("127.0.0.1", 0), BaseHTTPRequestHandler, MOST, 5.0) as server, ExitStack() as stack:
        for _ in range(MOST):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.server_port), timeout=0.9))
