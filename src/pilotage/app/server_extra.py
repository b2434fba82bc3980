"""What the server needs is an extra of the installation."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager

from pilotage.adapters.extras import installing
from pilotage.model.errors import Unavailable

_NEEDED = ("starlette", "uvicorn", "argon2")


@contextmanager
def needed() -> Iterator[None]:
    """Around the import of the server. Raises Unavailable."""
    try:
        yield
    except ModuleNotFoundError as missing:
        raise Unavailable(f"the server needs {missing.name}", cure=f"install it: {installing('server')}") from None


def missing() -> str:
    """A package that the server lacks, and how it is installed; empty where it has all."""
    lacking = next((name for name in _NEEDED if importlib.util.find_spec(name) is None), "")
    return lacking and f"{lacking} is missing: {installing('server')}"
