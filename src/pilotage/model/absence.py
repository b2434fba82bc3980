"""When somebody is away, by the calendar of the project."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True)
class Absence:
    """person: as in `people` · names: all by which the person may be known, in small letters, mail addresses among
    them · first, last: days, both included."""

    person: str
    names: frozenset[str]
    first: date
    last: date

    def on(self, day: date) -> bool:
        return self.first <= day <= self.last
