"""Resolves host names within a time limit. The system's resolver has none and may block for minutes.

Each name is resolved in its own thread, one at a time. A caller that cannot wait uses the last answer.
"""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass, field

Addresses = list[
    tuple[
        socket.AddressFamily,
        socket.SocketKind,
        int,
        str,
        tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes],
    ]
]
"""As `socket.getaddrinfo` gives them."""

_FRESH = 5.0
"""Seconds for which an answer is reused."""
_LATELY = 60.0
"""Seconds for which an answer is good enough while no newer one comes."""


class Unresolved(TimeoutError):
    """It could not be found out in time where a host is; the sentence says so."""


@dataclass(eq=False)
class _Question:
    """One that is under way, or was answered. at: of the monotonic clock, when it was."""

    done: threading.Event = field(default_factory=threading.Event)
    found: Addresses = field(default_factory=list)
    error: Exception | None = None
    at: float = 0.0


_lock = threading.Lock()
_asked: dict[tuple[str, int], _Question] = {}
_known: dict[tuple[str, int], _Question] = {}


def addresses(host: str, port: int, within: float) -> Addresses:
    """Where `host` is, for streams. within: seconds. Raises OSError where it has no address (Unresolved where that
    could not be found out in time), UnicodeError, and ValueError for what is no name."""
    try:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST))
    except socket.gaierror:
        pass  # a name
    known = _known.get((host, port))
    if known is not None and time.monotonic() - known.at < _FRESH:
        return known.found
    question = _question(host, port)
    if question.done.wait(max(0.0, within)):
        if question.error is not None:
            raise question.error
        return question.found
    if known is not None and time.monotonic() - known.at < _LATELY:
        return known.found
    raise Unresolved(f"no name server resolves {host}")


def connect(host: str, port: int, until: float) -> socket.socket:
    """A connection to the first address of `host` that takes one. until: on the monotonic clock. Raises as `addresses`
    does."""
    last: OSError = TimeoutError()
    for family, kind, protocol, _, place in addresses(host, port, until - time.monotonic()):
        made = socket.socket(family, kind, protocol)
        try:
            if (left := until - time.monotonic()) <= 0:
                raise TimeoutError
            made.settimeout(left)
            made.connect(place)
            return made
        except OSError as error:
            made.close()
            last = error
    raise last


def _question(host: str, port: int) -> _Question:
    """The one that is under way, or a new one."""
    with _lock:
        question = _asked.get((host, port))
        if question is None:
            question = _asked[host, port] = _Question()
            threading.Thread(target=_ask, args=(question, host, port), name=f"resolve {host}", daemon=True).start()
        return question


def _ask(question: _Question, host: str, port: int) -> None:
    try:
        question.found = list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        question.at = time.monotonic()
    except Exception as error:
        question.error = error
    with _lock:
        _asked.pop((host, port), None)
        if question.error is None:
            _known[host, port] = question
    question.done.set()
