"""Hashes passwords with argon2id, a few at a time: each needs 64 MiB, so many logins at once would take all memory."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import threading
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
_NICE = 5
"""What is subtracted from the priority of the threads that compute: whoever aborts a rollout comes first."""


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
        return _threads().submit(_hasher().hash, _normal(password)).result()


def matches(hashed: str | None, password: str) -> bool:
    """Whether it is this password. Without one, as much is computed: the time tells nothing. Raises Busy."""
    from argon2.exceptions import InvalidHashError, VerificationError

    with _queue.turn():
        try:
            right = _threads().submit(_hasher().verify, hashed or _nobodys(), _normal(password)).result()
        except (VerificationError, InvalidHashError):
            return False
        return right and hashed is not None


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AT_ONCE, "hash", _step_back)


def _step_back() -> None:
    """Linux keeps a priority for each thread; the four that argon2 starts inherit it."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


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
