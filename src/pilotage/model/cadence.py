"""How often follow-up actions are looked at (R26), and which period a day belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class Cadence(StrEnum):
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"


@dataclass(frozen=True, kw_only=True)
class Span:
    """A period with its name, such as 2026-W48, 2026-11, 2026-Q4 or 2026; both days are in it."""

    name: str
    first: date
    last: date

    @property
    def before(self) -> Span:
        """The period just before, of the same kind; its name is not used."""
        last = self.first - timedelta(days=1)
        return Span(name="", first=last - (self.last - self.first), last=last)


def current(cadence: Cadence, day: date) -> Span:
    """The period that `day` is in."""
    match cadence:
        case Cadence.WEEKLY:
            year, week, _ = day.isocalendar()
            first = day - timedelta(days=day.weekday())
            return Span(name=f"{year}-W{week:02d}", first=first, last=first + timedelta(days=6))
        case Cadence.MONTHLY:
            first = day.replace(day=1)
            return Span(name=f"{day:%Y-%m}", first=first, last=_before_month(first, 1))
        case Cadence.QUARTERLY:
            first = date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
            return Span(name=f"{day.year}-Q{(day.month + 2) // 3}", first=first, last=_before_month(first, 3))
        case Cadence.YEARLY:
            return Span(name=str(day.year), first=date(day.year, 1, 1), last=date(day.year, 12, 31))


def completed(cadence: Cadence, day: date) -> Span:
    """The last period that was over before the one that `day` is in."""
    return current(cadence, current(cadence, day).first - timedelta(days=1))


def _before_month(first: date, months: int) -> date:
    """The day before the month that begins `months` after `first`."""
    month = first.month - 1 + months
    return date(first.year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
