"""Hashes passwords with argon2id, a few at a time: each needs 64 MiB, so many logins at once would take all memory."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from pilotage.model.errors import Unavailable

if TYPE_CHECKING:
    from argon2 import PasswordHasher

AT_ONCE = 2
"""Hashes that are computed at the same time."""
WAITING = 8
"""Others that wait for their turn; more are refused, so that they do not take the threads of other requests."""


class Busy(Unavailable):
    """Too many people sign in at this moment."""


class _Queue:
    """Of this process."""

    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(AT_ONCE + WAITING)
        self._work = threading.BoundedSemaphore(AT_ONCE)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises Busy."""
        if not self._places.acquire(blocking=False):
            raise Busy("too many people sign in at this moment", cure="try again in some seconds")
        try:
            with self._work:
                yield
        finally:
            self._places.release()


_queue = _Queue()


def hash_password(password: str) -> str:
    """What is kept of it. Raises Busy."""
    with _queue.turn():
        return _hasher().hash(_normal(password))


def matches(hashed: str | None, password: str) -> bool:
    """Whether it is this password. Without one, as much is computed: the time tells nothing. Raises Busy."""
    from argon2.exceptions import InvalidHashError, VerificationError

    with _queue.turn():
        try:
            return _hasher().verify(hashed or _nobodys(), _normal(password)) and hashed is not None
        except (VerificationError, InvalidHashError):
            return False


def _normal(password: str) -> str:
    """The same for every keyboard that types it."""
    return unicodedata.normalize("NFKC", password)


def outdated(hashed: str) -> bool:
    """Whether it was made with weaker parameters than today's."""
    return _hasher().check_needs_rehash(hashed)


@cache
def _hasher() -> PasswordHasher:
    """RFC 9106, second recommended option: 3 passes over 64 MiB."""
    from argon2 import PasswordHasher
    from argon2.profiles import RFC_9106_LOW_MEMORY

    return PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


@cache
def _nobodys() -> str:
    return _hasher().hash(secrets.token_urlsafe())
