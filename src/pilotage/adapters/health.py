"""Checks the health of many instances in one thread and within one deadline for all.

An answer counts when it is complete in time, or its first 64 kB are. One that trickles or never ends does not count.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from pilotage.adapters.http import IN_TARGETS

DEADLINE = 1.0
"""Seconds for all health checks of one call."""
_AT_ONCE = 64
_MOST, _LARGEST_HEAD, _CHUNK = 64 * 1024, 16 * 1024, 16 * 1024
"""Bytes of an answer that are read, of its head, and at a time."""


@dataclass(frozen=True)
class Answer:
    """status: of HTTP, None when none came in time · detail: why."""

    status: int | None
    detail: str = ""


@dataclass
class _Asked:
    """One conversation: what is yet to be sent, and what came. whole: bytes after which the answer has ended, endless
    until its head is there or where only the end of the connection says it."""

    socket: socket.socket
    place: str
    to_send: bytes
    came: bytearray = field(default_factory=bytearray)
    has_head: bool = False
    chunked: bool = False
    whole: float = math.inf


def ask_all(addresses: Sequence[tuple[str, int]], path: str, deadline: float = DEADLINE) -> list[Answer]:
    """What each address answers to GET `path`, in their order."""
    found: list[Answer] = []
    for begin in range(0, len(addresses), _AT_ONCE):
        found += _ask(addresses[begin : begin + _AT_ONCE], path, deadline)
    return found


def _ask(addresses: Sequence[tuple[str, int]], path: str, deadline: float) -> list[Answer]:
    until = time.monotonic() + deadline
    answers: list[Answer | None] = [None] * len(addresses)
    with selectors.DefaultSelector() as selector:
        try:
            for index, address in enumerate(addresses):
                begun = _begun(*address, path)
                if isinstance(begun, Answer):
                    answers[index] = begun
                else:
                    selector.register(begun.socket, selectors.EVENT_WRITE, (index, begun))
            while selector.get_map() and (left := until - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    index, asked = key.data
                    answers[index] = _step(asked, selector)
                    if answers[index] is not None:
                        selector.unregister(asked.socket)
                        asked.socket.close()
        finally:
            for key in list(selector.get_map().values()):
                key.data[1].socket.close()
    late = Answer(None, f"{path} did not respond within {deadline:g} s")
    return [answer or late for answer in answers]


def _begun(host: str, port: int, path: str) -> _Asked | Answer:
    place = f"http://{host}:{port}{path}"
    wanted = f"GET {quote(path, safe=IN_TARGETS)} HTTP/1.1\r\nHost: {host}:{port}"
    request = f"{wanted}\r\nConnection: close\r\nUser-Agent: pilotage\r\n\r\n"
    try:
        asking = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        return Answer(None, f"{place} is unreachable: {error.strerror}")
    asking.setblocking(False)
    refused = asking.connect_ex((host, port))
    if refused not in (0, errno.EINPROGRESS):
        asking.close()
        return Answer(None, f"{place} does not respond: {os.strerror(refused)}")
    return _Asked(asking, place, request.encode())


def _step(asked: _Asked, selector: selectors.BaseSelector) -> Answer | None:
    """Continue with one conversation as far as it goes now; its answer once that is known."""
    try:
        if asked.to_send:
            if refused := asked.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                return Answer(None, f"{asked.place} does not respond: {os.strerror(refused)}")
            asked.to_send = asked.to_send[asked.socket.send(asked.to_send) :]
            if not asked.to_send:
                selector.modify(asked.socket, selectors.EVENT_READ, selector.get_key(asked.socket).data)
            return None
        chunk = asked.socket.recv(_CHUNK)
    except BlockingIOError:
        return None
    except OSError as error:
        return Answer(None, f"{asked.place} does not respond: {error.strerror}")
    asked.came += chunk
    return None if chunk and _goes_on(asked) else _answer(asked)


def _goes_on(asked: _Asked) -> bool:
    """Whether more of the answer is to come."""
    if not asked.has_head:
        end = asked.came.find(b"\r\n\r\n", 0, _LARGEST_HEAD)
        if end < 0:
            return len(asked.came) < _LARGEST_HEAD
        asked.has_head = True
        _take_head(asked, bytes(asked.came[:end]), end + 4)
    if asked.chunked and asked.came.endswith(b"0\r\n\r\n"):
        return False
    return len(asked.came) < min(_MOST, asked.whole)


def _take_head(asked: _Asked, head: bytes, end: int) -> None:
    """Learn from the head where the answer ends, for servers that keep the connection open all the same."""
    rows = head.split(b"\r\n")
    headers = {name.strip().lower(): value.strip().lower() for name, _, value in (r.partition(b":") for r in rows[1:])}
    length = headers.get(b"content-length", b"")
    asked.chunked = b"chunked" in headers.get(b"transfer-encoding", b"")
    if rows[0].split(b" ")[1:2] in ([b"204"], [b"304"]):
        asked.whole = end
    elif not asked.chunked and length.isdigit() and len(length) < 12:
        asked.whole = end + int(length)


def _answer(asked: _Asked) -> Answer:
    if not asked.came:
        return Answer(None, f"{asked.place} closed the connection without a response")
    words = bytes(asked.came[:200]).partition(b"\r\n")[0].split()
    with contextlib.suppress(ValueError, IndexError):
        if words[0].startswith(b"HTTP/1."):
            return Answer(int(words[1]))
    return Answer(None, f"{asked.place} did not return HTTP")
