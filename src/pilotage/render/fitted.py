"""A table within a width: as columns if they have room, otherwise one block per row. No word is broken, so ids, paths
and commands can be copied. A word longer than the width gets its own line, and the terminal folds it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pilotage.render.plain_table import filled, width_of

_GAP = 2
_ROOMY = 22
"""Columns below which a text would be folded too often to be read."""
_INDENT = 4
_TO_COPY = " " * 4


@dataclass(frozen=True)
class Line:
    text: str
    bold: bool = False


def fitted(titles: Sequence[str], rows: Sequence[Sequence[str]], width: int, numbers: Sequence[str] = ()) -> list[Line]:
    """The table as lines of at most `width` columns. numbers: titles of right-aligned columns."""
    columns = columns_of(titles, rows, width)
    if columns is None:
        return [line for row in rows for line in _block(titles, row, width)]
    right = [title in numbers for title in titles]
    lines = [Line(text, bold=True) for text in _row(titles, columns, right)]
    return lines + [Line(text) for row in rows for text in _row(row, columns, right)]


def columns_of(titles: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> tuple[int, ...] | None:
    """How many columns of the terminal each column gets; None where the table has no room. Only columns of prose are
    narrower than their longest cell, and none is narrower than its longest word."""
    table = [[cell.split("\n") for cell in row] for row in [titles, *rows]]
    natural = [max(width_of(line) for cell in column for line in cell) for column in zip(*table, strict=True)]
    room = width - _GAP * (len(titles) - 1)
    if sum(natural) <= room:
        return tuple(natural)
    least = [_least(column) for column in zip(*rows, strict=True)]
    floors = [min(most, max(low, _ROOMY)) for most, low in zip(natural, least, strict=True)]
    spare = room - sum(floors)
    if spare < 0:
        return None
    wants = [most - floor for most, floor in zip(natural, floors, strict=True)]
    shares = [spare * want // max(sum(wants), 1) for want in wants]
    return tuple(min(most, floor + more) for most, floor, more in zip(natural, floors, shares, strict=True))


def wrapped(text: str, width: int, indent: str = "", hanging: str | None = None) -> list[str]:
    """The text in lines of at most `width` columns, folded at spaces alone. hanging: before each line after the first;
    left out, `indent`. A line that begins with four spaces is there to be copied, and stays as it is."""
    lines, head = list[str](), indent
    for paragraph in text.split("\n"):
        if paragraph.startswith(_TO_COPY):
            lines.append(paragraph)
            continue
        line = ""
        for word in _words(paragraph):
            joined = f"{line} {word}" if line else word
            if line and width_of(head + joined) > width:
                lines.append(head + line)
                head, line = indent if hanging is None else hanging, word
            else:
                line = joined
        lines.append((head + line).rstrip())
        head = indent if hanging is None else hanging
    return lines


def _words(text: str) -> list[str]:
    """Words, where a command in backticks is one."""
    return re.findall(r"`[^`\n]{1,70}`\S*|\S+", text)


def _is_command(line: str) -> bool:
    """Whether people copy the line as it is, so that it is not folded. A sentence keeps commands in backticks whole."""
    return line.startswith("pilotage ") or ("`" not in line and "pilotage " in line and " --" in line)


def _least(cells: Sequence[str]) -> int:
    """The longest part of these cells that may not be folded."""
    parts = [
        part for cell in cells for line in cell.split("\n") for part in ([line] if _is_command(line) else _words(line))
    ]
    return max(map(width_of, parts), default=0)


def _row(cells: Sequence[str], columns: Sequence[int], right: Sequence[bool]) -> Iterator[str]:
    folded = [wrapped(cell, column) for cell, column in zip(cells, columns, strict=True)]
    for number in range(max(map(len, folded))):
        parts = [lines[number] if number < len(lines) else "" for lines in folded]
        shown = (filled(part, column, right=side) for part, column, side in zip(parts, columns, right, strict=True))
        yield (" " * _GAP).join(shown).rstrip()


def _block(titles: Sequence[str], row: Sequence[str], width: int) -> Iterator[Line]:
    """What the row is about, and below it each other cell after its title, as many per line as fit."""
    first = 2 if titles[0] == "#" else 1
    head, before = (row[1], f"{row[0]:>2}  ") if first == 2 else (row[0], "")
    yield from (Line(text, bold=True) for text in wrapped(head, width, before, " " * _INDENT))
    space, line = " " * _INDENT, ""
    for title, cell in zip(titles[first:], row[first:], strict=True):
        if cell in ("", "–"):
            continue
        fact = f"{title}: {' '.join(cell.split())}"
        joined = f"{line} · {fact}" if line else fact
        if width_of(space + joined) <= width:
            line = joined
            continue
        if line:
            yield Line(space + line)
        line = fact
        if width_of(space + fact) > width:
            folded = [fact] if _is_command(cell) else wrapped(fact, width - _INDENT, "", "  ")
            yield from (Line(space + text) for text in folded)
            line = ""
    if line:
        yield Line(space + line)
