"""What the trials came to, as a table."""

from __future__ import annotations

from collections.abc import Sequence

HEADINGS = ("trial", "end", "s", "requests", "new", "lost", "hurt", "moves", "sure s", "gone s", "tries", "reason")
_WIDEST = 110


def lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """A heading and a line for each row of `Outcome.row`."""
    table = [HEADINGS, *rows]
    widths = [min(_WIDEST, max(len(row[place]) for row in table)) for place in range(len(HEADINGS))]
    return [
        "  ".join(cell[:width].ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    ]
