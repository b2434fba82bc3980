"""R34: connections that ask nothing do not stay, so nobody keeps all others out with them."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import closing

import pytest

from pilotage.web import hurried
from pilotage.web.serving import Listening, _configured
from tests.web.site import Served


@pytest.mark.parametrize("begun", [b"", b"GET /healthz HTTP/1.1\r\nHost: here\r\nX-Slow: "])
def test_r34_a_connection_that_never_asks_is_closed(
    server: Served, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    import uvicorn

    monkeypatch.setattr(hurried, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = uvicorn.Server(_configured(server.site, Listening()))
        thread = threading.Thread(target=running.run, args=([listener],), daemon=True)
        thread.start()
        try:
            with socket.create_connection(listener.getsockname(), timeout=30) as slow:
                slow.sendall(begun)
                assert slow.recv(1) == b""
            with closing(http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=30)) as decent:
                for _ in range(2):
                    decent.request("GET", "/healthz")
                    answer = decent.getresponse()
                    assert (answer.status, bool(answer.read())) == (200, True)
        finally:
            running.should_exit = True
            thread.join(10)
