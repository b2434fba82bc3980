"""The one way in which tables are shown on a terminal: no lines, bold titles, texts as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table
from rich.text import Text

_NO_WIDTHS: Mapping[str, int] = {}


def rich_table(
    titles: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    numbers: Sequence[str] = (),
    widths: Mapping[str, int] = _NO_WIDTHS,
) -> Table:
    """A table of `rows`, each with a cell for each title.

    numbers: titles of columns that stand to the right · widths: titles of columns that share the rest of the terminal's
    width, with their parts; the others are then never folded. Without it, every column may be.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", expand=bool(widths))
    for title in titles:
        firm = bool(widths) and title not in widths
        table.add_column(
            title,
            justify="right" if title in numbers else "left",
            no_wrap=firm,
            overflow="fold",
            ratio=widths.get(title),
        )
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return table
