"""A server with a REST API on a real socket, for stand-ins of vendors: it keeps requests and can be told to fail.

A stand-in subclasses `RestServer` and answers in `take`. Tests queue faults, each for the next request that it fits.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request. path: without the query, decoded · headers: by name in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Answered:
    status: int = 200
    body: Any = None
    """JSON; None for an empty body."""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds before the answer."""


class RestServer:
    """Its state is guarded by `lock`; requests are handled one at a time."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.asked: list[Asked] = []
        self._faults: list[tuple[Callable[[Asked], bool], Answered]] = []
        self.url = ""

    def take(self, asked: Asked) -> Answered:
        raise NotImplementedError

    def fail_next(self, answer: Answered, *, fits: Callable[[Asked], bool] = lambda _: True, times: int = 1) -> None:
        """Answer the next requests that fit like this, without doing them. A status below 400 is done, only later."""
        with self.lock:
            self._faults += [(fits, answer)] * times

    def forget_faults(self) -> None:
        with self.lock:
            self._faults.clear()

    def said(self, method: str) -> list[Asked]:
        with self.lock:
            return [one for one in self.asked if one.method == method]

    def answer(self, asked: Asked) -> Answered:
        with self.lock:
            self.asked.append(asked)
            fault = next((fault for fault in self._faults if fault[0](asked)), None)
            if fault is not None:
                self._faults.remove(fault)
        if fault is not None:
            time.sleep(fault[1].delay)
            if fault[1].status >= 400:
                return fault[1]
        with self.lock:
            return self.take(asked)


@contextmanager
def serving(server: RestServer) -> Iterator[RestServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            parts = urlsplit(self.path)
            answer = server.answer(
                Asked(
                    method=self.command,
                    path=unquote(parts.path),
                    query={name: values[-1] for name, values in parse_qs(parts.query).items()},
                    headers={name.lower(): value for name, value in self.headers.items()},
                    body=self.rfile.read(int(self.headers.get("content-length") or 0)),
                )
            )
            body = b"" if answer.body is None else json.dumps(answer.body).encode()
            try:
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # the client did not wait

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    server.url = f"http://127.0.0.1:{listening.server_port}"
    threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
