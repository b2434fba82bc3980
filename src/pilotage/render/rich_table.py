"""How tables look on a terminal: no borders, bold titles, text without markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from pilotage.render.fitted import columns_of, fitted


@dataclass(frozen=True)
class FittedTable:
    """As columns if they have room, otherwise one block per row."""

    titles: Sequence[str]
    rows: Sequence[Sequence[str | Text]]
    numbers: Sequence[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        plain = [[cell if isinstance(cell, str) else cell.plain for cell in row] for row in self.rows]
        columns = columns_of(self.titles, plain, options.max_width)
        if columns is None:
            for line in fitted(self.titles, plain, options.max_width, self.numbers):
                yield Text(line.text, "bold" if line.bold else "", overflow="fold")
            return
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for title, column in zip(self.titles, columns, strict=True):
            table.add_column(title, justify="right" if title in self.numbers else "left", width=column, overflow="fold")
        for row in self.rows:
            table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
        yield table


def rich_table(
    titles: Sequence[str], rows: Iterable[Sequence[str | Text]], *, numbers: Sequence[str] = ()
) -> FittedTable:  # fmt: skip
    """A table of `rows`, with one cell per title. numbers: titles of right-aligned columns."""
    return FittedTable(titles, tuple(rows), numbers)
