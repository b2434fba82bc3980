"""Days and times as arguments, in ISO 8601."""

from __future__ import annotations

from datetime import date, datetime, time

import click

FIRST, LAST = date(1970, 1, 1), date(2199, 12, 31)
"""Outside of them, a calendar cannot count days on and back."""


class Day(click.ParamType[datetime]):
    """A day, such as 2026-12-01; it becomes the midnight at which the day starts, without a zone."""

    name = "YYYY-MM-DD"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            found = date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a day: write it as 2026-12-01", param, ctx)
        if not FIRST <= found <= LAST:
            self.fail(f"{value!r} is not between {FIRST} and {LAST}", param, ctx)
        return datetime.combine(found, time())


_FIRST, _LAST = 1970, 2199
"""Beyond them no calendar is known, and the arithmetic of dates ends."""


class DayOrTime(click.ParamType[datetime]):
    """A day, or a time of a day, without a zone."""

    name = "YYYY-MM-DD[THH:MM]"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            found = None
        if found is None or found.tzinfo is not None:
            self.fail(f"{value!r} is not a time: write it as 2026-12-01T14:30", param, ctx)
        if not _FIRST <= found.year <= _LAST:
            self.fail(f"{value!r} is not in the years {_FIRST} to {_LAST}", param, ctx)
        return found
