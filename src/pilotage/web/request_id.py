"""The id of a request: in its answer and in everything that the log says about it."""

from __future__ import annotations

import logging
import re
import uuid
from contextvars import ContextVar

HEADER = "X-Request-Id"
_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")

CURRENT: ContextVar[str] = ContextVar("request id", default="")


def id_for(given: str) -> str:
    """The id that a proxy gave, where it is a decent one; otherwise a new one."""
    return given if _GIVEN.fullmatch(given) else uuid.uuid4().hex


class WithRequestId(logging.Filter):
    """Adds the id, as `request`, to what is logged while a request is at work."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.__dict__["request"] = CURRENT.get()
        return True
