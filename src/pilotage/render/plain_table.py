"""A table of texts as lines, for `grep` and `awk`: one line a row, of any length."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import combining, east_asian_width


def lines_of(titles: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[str] = ()) -> list[str]:
    """The titles, then one line per row, in columns. A cell with several lines becomes one line. numbers: titles of
    right-aligned columns."""
    table = [titles, *([" ".join(cell.split("\n")) for cell in row] for row in rows)]
    widths = [max(map(width_of, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            filled(cell, width, right=title in numbers) for cell, width, title in zip(row, widths, titles, strict=True)
        ).rstrip()
        for row in table
    ]


def filled(cell: str, width: int, *, right: bool = False) -> str:
    """The cell with spaces up to so many columns."""
    space = " " * (width - width_of(cell))
    return space + cell if right else cell + space


def width_of(text: str) -> int:
    """Columns of a terminal that it takes."""
    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)
