"""SQLAlchemy's engines, made one at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

_ONE = threading.Lock()
"""SQLAlchemy imports a dialect when it is first needed, and reads it as an attribute of its package. A thread that
meets the import of another just before that attribute is set fails with an AttributeError."""


def sql_engine(url: str | URL, **options: object) -> Engine:
    """options: those of `sqlalchemy.create_engine`, whose errors it raises."""
    from sqlalchemy import create_engine

    with _ONE:
        return create_engine(url, **options)
