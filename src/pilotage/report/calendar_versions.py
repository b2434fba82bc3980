"""Calendar versions (calver.org): a year, a month and a counter, in the shape of the version before."""

from __future__ import annotations

import re
from datetime import date

_VERSION = re.compile(r"(?P<year>(?:20)?\d\d)\.(?P<month>0?[1-9]|1[0-2])(?:\.(?P<count>\d{1,6}))?(?!\d)")


def is_calendar(number: str) -> bool:
    """Whether a version without its prefix begins with a year and a month: `2026.3.1`, `26.03`, `26.3.0rc1`."""
    return bool(_VERSION.match(number))


def following_day(number: str, day: date) -> str:
    """The version of a release on a day, after `number`: the counter grows within a month and starts again with
    the next one, at 0, or without one where the version before has none."""
    found = _VERSION.match(number)
    if found is None:
        raise ValueError(f"{number!r} does not begin with a year and a month")
    year, month = found["year"], found["month"]
    if (int(year) % 100, int(month)) >= (day.year % 100, day.month):  # of this month, or announced for a later one
        return f"{year}.{month}.{int(found['count'] or 0) + 1}"
    new_year = str(day.year) if len(year) == 4 else f"{day.year % 100:02}"
    new_month = f"{day.month:02}" if month[0] == "0" else str(day.month)
    return f"{new_year}.{new_month}" + (".0" if found["count"] is not None else "")
