"""An HTTP server for forms and signed reports: bounded in size, time and number, without a script, a cookie or a log.

Of a request's address only a network is handed on: an IPv6 user has a whole /64 to choose addresses from.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from pilotage.adapters.bounded_server import BoundedServer
from pilotage.adapters.ports import AdapterError
from pilotage.model.client_address import network_of

MOST = 20_000
"""Bytes of a form, or of a signed report."""
MOST_OF_A_TICKET = 256_000
"""Bytes of a help desk's message, which holds a whole ticket."""
_MOST_AT_ONCE, _PATIENCE = 32, 10.0
_MOST_FIELDS = 30
_HOUR = 3600.0
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
HTML, JSON = "text/html; charset=utf-8", "application/json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request. headers: by name in lower case · address: the user's network."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    address: str = ""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """An answer. location: where to go on after a form."""

    status: int
    content: str = ""
    kind: str = HTML
    location: str = ""


class BadForm(AdapterError):
    """The body is not what a browser sends of a form."""


def form_of(body: bytes) -> Mapping[str, str]:
    """The fields of a form, the first of each name. Raises BadForm."""
    return _fields(body.decode("utf-8", "replace"))


def _fields(text: str) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise BadForm("too many fields") from None
    return dict(reversed(pairs))


class Flood:
    """How many forms an hour are admitted, of one sender and of all. It remembers an hour, and at most `in_all` names
    of senders."""

    def __init__(self, per_sender: int, in_all: int) -> None:
        self._per_sender, self._in_all = per_sender, in_all
        self._hour, self._sent, self._total = 0, dict[str, int](), 0
        self._lock = threading.Lock()

    def admits(self, sender: str, now: float) -> bool:
        """now: Unix seconds."""
        with self._lock:
            if (hour := int(now // _HOUR)) != self._hour:
                self._hour, self._sent, self._total = hour, {}, 0
            sent = self._sent.get(sender, 0)
            if sent >= self._per_sender or self._total >= self._in_all:
                return False
            self._sent[sender], self._total = sent + 1, self._total + 1
            return True


def serve(
    place: tuple[str, int],
    answer: Callable[[Asked], Answered],
    address_header: str | None = None,
    tickets: str | None = None,
) -> ThreadingHTTPServer:
    """A server that answers each request with what `answer` returns. address_header: of a proxy, that names the user's
    address · tickets: the path on which a message may have `MOST_OF_A_TICKET` bytes. Raises OSError where the address
    is taken."""
    return _Server(place, answer, address_header, tickets)


class _Server(BoundedServer):
    """What its handlers answer by."""

    def __init__(
        self,
        place: tuple[str, int],
        answer: Callable[[Asked], Answered],
        address_header: str | None,
        tickets: str | None,
    ) -> None:
        self.answer, self.address_header, self.tickets = answer, address_header, tickets
        super().__init__(place, _Handler, _MOST_AT_ONCE, _PATIENCE)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version, sys_version, timeout = "Pilotage", "", _PATIENCE

    def do_GET(self) -> None:
        self._handle(b"")

    def do_HEAD(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 12):
            return self._send(Answered(status=411, content="Content-Length is missing", kind="text/plain"))
        if int(length) > (MOST_OF_A_TICKET if self.path == self.server.tickets else MOST):
            return self._send(Answered(status=413, content="too long", kind="text/plain"))
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return self._send(Answered(status=400, content="the request is truncated", kind="text/plain"))
        return self._handle(body)

    def _handle(self, body: bytes) -> None:
        try:
            parts = urlsplit(self.path)
            asked = Asked(
                method="GET" if self.command == "HEAD" else self.command, path=parts.path,
                query=_fields(parts.query), body=body, address=self._address(),
                headers={name.lower(): value for name, value in self.headers.items()},
            )  # fmt: skip
        except (BadForm, ValueError):
            return self._send(Answered(status=400, content="not an address of this service", kind="text/plain"))
        try:
            answered = self.server.answer(asked)
        except Exception:
            _log.exception("a form or report could not be processed")
            answered = Answered(status=503, content="please try again in a minute", kind="text/plain")
        return self._send(answered)

    def _address(self) -> str:
        header = self.server.address_header
        passed = self.headers.get_all(header) if header else None
        # A proxy appends what it saw; what came before anyone can write.
        last = passed[-1].rpartition(",")[2] if passed else ""
        return network_of(last or str(self.client_address[0]))

    def _send(self, answered: Answered) -> None:
        content = answered.content.encode()
        self.send_response(answered.status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        if answered.location:
            self.send_header("Location", answered.location)
        self.send_header("Content-Type", answered.kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Who sends what is not logged."""
