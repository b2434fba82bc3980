"""One HTTP client for every adapter: one deadline and one size for a whole answer, no redirects, one error type.

A socket's own timeout starts again with every byte, so a server that sends a byte now and then holds its asker for
ever. Here every read is given what is left of the deadline. Addresses are `http://…`, `https://…`, and for a Unix
socket `http+unix://` with its path quoted in the place of the host.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from pilotage.adapters import resolving
from pilotage.adapters.header_values import is_header
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import Json

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

UNIX = "http+unix"
_MOST = 16 << 20
"""Bytes of an answer: Envoy's pages of thousands of clusters are some megabytes."""
_CHUNK = 64 * 1024
_ALWAYS = {"Connection": "close", "User-Agent": "pilotage"}
"""GitHub refuses requests that do not say who asks."""
IN_TARGETS = "/%:?[]@!$&'()*+,;=-._~"
_OPEN_FILES = Path("/proc/self/fd")
_LONGEST_SOCKET = 100
"""Bytes of a socket's path that every system takes (104 on macOS, 108 on Linux)."""


class NoResponse(AdapterError):
    """A server did not answer, or not completely, or not in time."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole answer. headers: by name in lower case, the last of each name."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def exchange(
    method: str, url: str, timeout: float, headers: Mapping[str, str], body: bytes = b"", *, most: int = _MOST
) -> Answer:
    """As `get_status`, with any method and body, and with the headers of the answer."""
    return _asked(method, url, timeout, headers, most, body)


def get(url: str, timeout: float = 2.0, *, most: int = _MOST) -> bytes:
    """The body of a 200 answer. Raises AdapterError with what came instead."""
    status, body = get_status(url, timeout, most=most)
    if status != 200:
        # One line: a page of HTML must not tear the line of a verdict apart.
        said = " ".join(body[:200].decode(errors="replace").split())
        raise AdapterError(f"{shown(url)} answered {status}: {said}")
    return body


def get_status(
    url: str, timeout: float = 2.0, headers: Mapping[str, str] | None = None, *, most: int = _MOST
) -> tuple[int, bytes]:
    """Status and body, whatever the status. Raises AdapterError if the answer is not complete within `timeout` seconds,
    or has more than `most` bytes."""
    return _plain(_asked("GET", url, timeout, headers or {}, most))


def post(url: str, timeout: float = 2.0, body: bytes = b"") -> tuple[int, bytes]:
    """As `get_status`, with POST. body: JSON; empty for nothing to send."""
    headers = {"Content-Type": "application/json"} if body else {}
    return _plain(_asked("POST", url, timeout, headers, _MOST, body))


def send_json(
    method: str, url: str, content: Json, timeout: float = 2.0, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """As `get_status`, with a body of JSON. method: POST, PUT or PATCH."""
    body = json.dumps(content).encode()
    return _plain(_asked(method, url, timeout, {"Content-Type": "application/json", **(headers or {})}, _MOST, body))


def send_text(url: str, content: str, timeout: float, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """As `get_status`, with POST and a body of plain text."""
    return _plain(_asked("POST", url, timeout, {"Content-Type": "text/plain", **headers}, _MOST, content.encode()))


def get_json(url: str, timeout: float = 2.0) -> Json:
    """The parsed body of a 200 answer. Raises AdapterError."""
    return json_of(get(url, timeout), shown(url))


def json_of(body: bytes, whose: str) -> Json:
    """An answer as JSON. whose: for the sentence. Raises AdapterError."""
    try:
        found: Json = json.loads(body)
    except (ValueError, RecursionError):
        raise AdapterError(f"{whose} did not return JSON") from None
    return found


def unix_url(path: Path) -> str:
    """The address of a server behind a Unix socket."""
    return f"{UNIX}://{quote(str(path), safe='')}"


def shown(url: str) -> str:
    """The address as people read it."""
    parts = urlsplit(url)
    return f"{unquote(parts.netloc)} ({parts.path})" if parts.scheme == UNIX else url


def _asked(method: str, url: str, timeout: float, headers: Mapping[str, str], most: int, sent: bytes = b"") -> Answer:
    try:
        parts = urlsplit(url)
        connection = Connection(parts.scheme, parts.hostname or "", parts.port, unquote(parts.netloc), timeout)
    except ValueError as error:
        raise AdapterError(f"{url!r} is not a URL: {error}") from None
    if wrong := next((name for name, value in headers.items() if not is_header(value)), ""):
        # It may be a token, which http.client would show in its error.
        raise AdapterError(f"{shown(url)} was not asked: {wrong} has characters that no header can carry")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    body = bytearray()
    try:
        connection.request(method, quote(target, safe=IN_TARGETS), sent or None, headers={**_ALWAYS, **headers})
        with connection.getresponse() as answer:
            while len(body) <= most and (chunk := answer.read(min(_CHUNK, most + 1 - len(body)))):
                body += chunk
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoResponse(f"{shown(url)} does not respond: {cause(error, timeout)}") from error
    finally:
        connection.close()
    if len(body) > most:
        raise AdapterError(f"{shown(url)} returned more than {most} bytes")
    named = {name.lower(): value for name, value in answer.getheaders()}
    return Answer(status=answer.status, headers=named, body=bytes(body))


def _plain(answer: Answer) -> tuple[int, bytes]:
    return answer.status, answer.body


class Connection(http.client.HTTPConnection):
    """A connection of which every step ends at one moment. unix: the socket's path, where the scheme says so."""

    def __init__(self, scheme: str, host: str, port: int | None, unix: str, timeout: float) -> None:
        super().__init__(host if scheme != UNIX else "localhost", port or (443 if scheme == "https" else 80))
        if scheme not in ("http", "https", UNIX):
            raise ValueError("its scheme is not http or https")
        if scheme != UNIX and not host:
            raise ValueError("it has no host")
        self._scheme, self._unix, self._until = scheme, unix, time.monotonic() + timeout

    def connect(self) -> None:
        if self._scheme == UNIX:
            plain = connect_unix(Path(self._unix), self._until)
        else:
            plain = resolving.connect(self.host, self.port, self._until)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._scheme == "https":
            plain.settimeout(_left(self._until))
            plain = _tls().wrap_socket(plain, server_hostname=self.host)
        self.sock = _Until(plain, self._until)


class _Until:
    """What http.client needs of a socket, each operation with what is left of the deadline."""

    def __init__(self, real: socket.socket, until: float) -> None:
        self._real, self._until, self._read = real, until, False

    def sendall(self, data: bytes) -> None:
        self._real.settimeout(_left(self._until))
        self._real.sendall(data)

    def makefile(self, *_: object) -> io.BufferedReader:
        self._read = True
        return io.BufferedReader(_Reader(self._real, self._until))

    def close(self) -> None:
        """A connection is closed before its answer is read; the reader closes the socket."""
        if not self._read:
            self._real.close()


class _Reader(io.RawIOBase):
    def __init__(self, real: socket.socket, until: float) -> None:
        self._real, self._until = real, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        self._real.settimeout(_left(self._until))
        return self._real.recv_into(buffer)

    def close(self) -> None:
        self._real.close()
        super().close()


def _left(until: float) -> float:
    """Seconds. Raises TimeoutError when none are."""
    if (left := until - time.monotonic()) <= 0:
        raise TimeoutError
    return left


def connect_unix(path: Path, until: float) -> socket.socket:
    """A connection to the server behind a Unix socket, however long its path. until: on the monotonic clock."""
    made = socket.socket(socket.AF_UNIX)
    try:
        made.settimeout(_left(until))
        with _short(path) as short:
            made.connect(short)
    except BaseException:
        made.close()
        raise
    return made


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """The same socket by a path that is short enough for the system: through the folder, held open, or a link to it."""
    if len(os.fsencode(path)) <= _LONGEST_SOCKET:
        yield str(path)
    elif _OPEN_FILES.is_dir():
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield str(_OPEN_FILES / str(folder) / path.name)
        finally:
            os.close(folder)
    else:
        # Not where TMPDIR says: that may be as long.
        with tempfile.TemporaryDirectory(prefix="pilotage-", dir="/tmp") as made:
            link = Path(made) / "d"
            link.symlink_to(path.parent, target_is_directory=True)
            yield str(link / path.name)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def cause(error: Exception, timeout: float) -> str:
    if isinstance(error, resolving.Unresolved):
        return f"{error} within {timeout:g} s"
    if isinstance(error, TimeoutError):
        return f"no complete response within {timeout:g} s"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
