"""What a reader is shown: titles, sentences, tables, lists and figures, before any form of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """Which of the two versions of a rollout a value is of: each has its colour on every page."""

    NEW = "new"
    STABLE = "stable"


@dataclass(frozen=True)
class Bar:
    """One value of a figure with its interval, if it has one: shares, 0…1. text: how the value is written · side: of a
    version's own value."""

    label: str
    value: float
    text: str
    low: float | None = None
    high: float | None = None
    side: Side | None = None


@dataclass(frozen=True)
class Figure:
    """Bars side by side, from zero. marked: a line across all of them, such as a target, a share · mark: what it is."""

    title: str
    bars: tuple[Bar, ...]
    marked: float | None = None
    mark: str = ""

    @property
    def caption(self) -> str:
        """What the bars are, and what the line is."""
        return f"{self.title}; dashed line: {self.mark}" if self.mark else self.title


@dataclass(frozen=True)
class KeyFigure:
    """One number that a reader takes away. note: of what, or since when."""

    title: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """id: its anchor and its name on the command line · numbers: columns set flush right · links: for rows, the anchor
    or address that the first cell leads to, empty for none."""

    id: str
    title: str
    sentences: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    bullets: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    figure: Figure | None = None
    links: tuple[str, ...] = ()


@dataclass(frozen=True)
class Document:
    """lead: what must be read if nothing else is · figures: at most four, which a page shows at its head."""

    title: str
    lead: tuple[str, ...]
    sections: tuple[Section, ...]
    figures: tuple[KeyFigure, ...] = ()
