"""Who is doing what in this context: a request, a thread, a command. Loads nothing, for commands that only read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from pilotage.model.audit import Act

Doing: TypeAlias = "Act | Callable[[], Act] | None"
"""A callable is asked when something changes."""

_doing: ContextVar[Doing] = ContextVar("doing", default=None)


def begin(act: Doing) -> None:
    """Say what is done from now on in this context."""
    _doing.set(act)


def current() -> Act | None:
    found = _doing.get()
    return found() if callable(found) else found


def is_said() -> bool:
    return _doing.get() is not None


@contextmanager
def doing(act: Doing) -> Iterator[None]:
    """For as long as this is open; what is said meanwhile ends with it."""
    token = _doing.set(act)
    try:
        yield
    finally:
        _doing.reset(token)
