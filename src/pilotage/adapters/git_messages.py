"""Messages of commits in what git prints: where each begins and ends, and how much of it is read."""

from __future__ import annotations

import secrets

from pilotage.model.text import clean

MARK = secrets.token_hex(8)
"""A marker that cannot occur in a message, because it is random. It shows where a message starts and ends."""

BEGIN, END = f"\x01{MARK}", f"\x02{MARK}"

_LONGEST = 20_000
"""Characters of a message that are read: of a longer one the beginning, and its end for the trailers."""
_TRAILERS = 4_000


def said(message: str) -> str:
    """A message as people meant it: bounded, and without control characters."""
    if len(message) > _LONGEST:
        message = f"{message[: _LONGEST - _TRAILERS]}\n\n…\n\n{message[-_TRAILERS:]}"
    return clean(message).strip()
