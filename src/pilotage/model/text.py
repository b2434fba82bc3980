"""What every channel does to texts from outside: no control characters, no overlong lines, no direction tricks."""

from __future__ import annotations

import unicodedata

_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def plain(text: str, most: int) -> str:
    """The text without control characters (line feeds and tabs stay), escape sequences and marks that turn the reading
    direction; at most so many characters, and an ellipsis where something was cut."""
    kept = "".join(
        c for c in text.replace("\r\n", "\n").replace("\r", "\n")
        if c in "\n\t" or (unicodedata.category(c) not in ("Cc", "Cs") and c not in _DIRECTIONS)
    )  # fmt: skip
    return kept if len(kept) <= most else f"{kept[: most - 1]}…"


def line(text: str, most: int) -> str:
    """The text as one line."""
    return " ".join(plain(text, 10 * most).split())[:most]
