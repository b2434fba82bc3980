"""An HTTP server of flag definitions: OFREP for services, and the HTTP source that a flagd polls. It only reads.

A set of definitions is called `service/environment`. It is chosen by the path in front, or by flagd's header
`Flagd-Selector`; neither is needed where there is one set.
"""

from __future__ import annotations

import hmac
import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from functools import cached_property
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit

from pilotage.adapters.bounded_server import BoundedServer
from pilotage.adapters.flags.bucketing import own
from pilotage.adapters.flags.ofrep import Reply, evaluate, evaluate_all
from pilotage.adapters.flags.served_file import Definitions, ServedFile
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import Secret
from pilotage.model.json import JsonObject

MOST = 64 * 1024
"""Bytes of an evaluation context."""
_MOST_AT_ONCE, _PATIENCE = 256, 10.0
_EVALUATE = ("ofrep", "v1", "evaluate", "flags")
FILE = "flags.json"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class FlagSets:
    """files: by `service/environment`."""

    files: Mapping[str, ServedFile]

    @cached_property
    def distinct(self) -> tuple[ServedFile, ...]:
        return tuple(dict.fromkeys(self.files.values()))

    def chosen(self, name: str) -> ServedFile | None:
        """The set of this name; without a name the only one."""
        if name:
            return self.files.get(name.strip("/"))
        return self.distinct[0] if len(self.distinct) == 1 else None

    def unclear(self, name: str) -> str:
        """Why none is chosen."""
        known = ", ".join(self.files)
        return f"there are no flags of {name}; there are {known}" if name else f"choose the flags of one of {known}"


class Rate:
    """Requests a second that are answered, with as many at once."""

    def __init__(self, a_second: int) -> None:
        self._most, self._left, self._at = a_second, float(a_second), time.monotonic()
        self._lock = threading.Lock()

    def admits(self) -> bool:
        with self._lock:
            now = time.monotonic()
            self._left, self._at = min(self._most, self._left + (now - self._at) * self._most), now
            self._left -= (admitted := self._left >= 1)
            return admitted


class FlagServer(BoundedServer):
    """token: what clients send as `Authorization: Bearer` or `X-API-Key`; None where anyone may ask."""

    def __init__(self, place: tuple[str, int], sets: FlagSets, token: Secret | None, rate: Rate) -> None:
        """Raises AdapterError where it cannot listen there."""
        self.sets, self.token, self.rate = sets, token, rate
        try:
            super().__init__(place, _Handler, _MOST_AT_ONCE, _PATIENCE)
        except OSError as error:
            raise AdapterError(f"cannot listen on {place[0]}:{place[1]}: {error.strerror}") from None


def admits(token: Secret | None, sent: str) -> bool:
    """Whether what a client sent is the token."""
    return token is None or hmac.compare_digest(token.reveal().encode(), sent.encode())


class _Handler(BaseHTTPRequestHandler):
    server: FlagServer
    server_version, sys_version, timeout = "Pilotage", "", _PATIENCE

    def do_GET(self) -> None:
        name, parts = self._asked(1)
        if parts == ("healthz",) and not name:
            self._health()
        elif parts != (FILE,):
            self._send(404, {"errorDetails": "definitions are at /SERVICE/ENVIRONMENT/flags.json"})
        elif self._admitted() and (definitions := self._definitions(name)) is not None:
            self._file(definitions)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        if (body := self._body()) is None:
            return
        name, parts = self._asked(4, 5)
        if parts[:4] != _EVALUATE or len(parts) > 5:
            self._send(404, {"errorDetails": "flags are evaluated at /ofrep/v1/evaluate/flags"})
        elif self._admitted() and (definitions := self._definitions(name)) is not None:
            if len(parts) == 5:
                self._reply(evaluate(definitions, parts[4], body))
            else:
                self._reply(evaluate_all(definitions, body, self.headers.get("If-None-Match", "")))

    # ── what was asked ─────────────────────────────────────────────────────────────────────────────────────

    def _asked(self, *lengths: int) -> tuple[str, tuple[str, ...]]:
        """The set that the request names, and the rest of its path. lengths: of that rest."""
        parts = tuple(unquote(part) for part in urlsplit(self.path).path.split("/")[1:])
        if len(parts) - 2 in lengths and parts[:2] != _EVALUATE[:2]:
            return "/".join(parts[:2]), parts[2:]
        return self.headers.get("Flagd-Selector", ""), parts

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 12):
            self._send(411, {"errorDetails": "Content-Length is missing"})
        elif int(length) > MOST:
            self._send(413, {"errorDetails": f"a context has at most {MOST} bytes"})
        elif len(body := self.rfile.read(int(length))) < int(length):
            self._send(400, {"errorDetails": "the request is truncated"})
        else:
            return body
        return None

    def _admitted(self) -> bool:
        authorization = self.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if not admits(self.server.token, authorization or self.headers.get("X-API-Key", "")):
            self._send(401, {"errorDetails": "the token is missing or wrong"}, {"WWW-Authenticate": "Bearer"})
            return False
        if not self.server.rate.admits():
            self._send(429, {"errorDetails": "too many requests"}, {"Retry-After": "1"})
            return False
        return True

    def _definitions(self, name: str) -> Definitions | None:
        file = self.server.sets.chosen(name)
        if file is None:
            self._send(404, {"errorDetails": self.server.sets.unclear(name)})
            return None
        if (found := file.current()) is None:
            self._send(500, {"errorDetails": file.trouble})
        return found

    # ── what is answered ───────────────────────────────────────────────────────────────────────────────────

    def _file(self, definitions: Definitions) -> None:
        headers = {
            "ETag": f'"{definitions.tag}"',
            "Last-Modified": formatdate(definitions.modified, usegmt=True),
            "Cache-Control": "no-cache",
        }
        if self._has(definitions):
            self._send_bytes(304, b"", headers)
        else:
            self._send_bytes(200, definitions.content, headers)

    def _has(self, definitions: Definitions) -> bool:
        """Whether the client has this content (RFC 9110, 13.2.2: a tag counts before a date)."""
        if (known := self.headers.get("If-None-Match")) is not None:
            return f'"{definitions.tag}"' in {one.strip().removeprefix("W/") for one in known.split(",")}
        try:
            since = parsedate_to_datetime(self.headers.get("If-Modified-Since", "")).timestamp()
        except (TypeError, ValueError):
            return False
        return int(definitions.modified) <= since

    def _health(self) -> None:
        """503 while a set could never be read. troubles: of sets that are served as they were · bucketing: the
        algorithm of OFREP's answers."""
        found = {name: (file.current(), file.trouble) for name, file in self.server.sets.files.items()}
        troubles: JsonObject = {name: trouble for name, (_, trouble) in found.items() if trouble}
        served = all(definitions is not None for definitions, _ in found.values())
        self._send(200 if served else 503, {"troubles": troubles, "bucketing": own()})

    def _reply(self, reply: Reply) -> None:
        headers = {"ETag": reply.tag, "Cache-Control": "no-cache"} if reply.tag else {}
        if reply.content is None:
            self._send_bytes(reply.status, b"", headers)
        else:
            self._send(reply.status, reply.content, headers)

    def _send(self, status: int, content: JsonObject, headers: Mapping[str, str] | None = None) -> None:
        self._send_bytes(status, json.dumps(content).encode(), headers or {})

    def _send_bytes(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Who asks what is not logged."""
