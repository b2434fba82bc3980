"""Rules by which freezes recur: RRULE of RFC 5545 (section 3.3.10), by the wall clock of one zone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from dateutil.rrule import rrule

_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_PARTS = {
    "FREQ", "UNTIL", "COUNT", "INTERVAL", "BYMINUTE", "BYHOUR", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO",
    "BYMONTH", "BYSETPOS", "WKST",
}  # fmt: skip
_SAYS_WHEN = {
    "DAILY": ({"FREQ"},),
    "WEEKLY": ({"BYDAY"},),
    "MONTHLY": ({"BYDAY"}, {"BYMONTHDAY"}),
    "YEARLY": ({"BYDAY"}, {"BYYEARDAY"}, {"BYMONTHDAY"}, {"BYWEEKNO", "BYDAY"}),
}
"""Parts of which one set must be there, or the day of the rule's start would decide (RFC 5545, section 3.3.10)."""

_MOST = {"BYHOUR": (0, 23), "BYMINUTE": (0, 59), "BYMONTH": (1, 12), "BYMONTHDAY": (1, 31), "BYYEARDAY": (1, 366),
         "BYWEEKNO": (1, 53), "INTERVAL": (1, 9999), "COUNT": (1, 9999)}  # fmt: skip
"""Least and most of what a part may say; days and weeks count from the end, too."""
_FROM_THE_END = {"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"}

_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z)?)?")
_EARLIEST = datetime(2020, 1, 1)
"""Where a rule begins for which that decides nothing."""


def trouble_with(rule: str, has_start: bool) -> str:
    """Why the rule cannot be used, in a sentence; empty where it can. has_start: whether `start` is given."""
    if re.match(r"\s*(DTSTART|EXDATE|RDATE|EXRULE)", rule, re.I) or "\n" in rule.strip():
        return "rrule must be a single RRULE; give DTSTART as `start`"
    parts = parts_of(rule)
    if parts.get("FREQ") not in _FREQUENCIES:
        return "its rrule needs FREQ=DAILY, WEEKLY, MONTHLY or YEARLY"
    if twice := next((name for name, times in Counter(_names(rule)).items() if times > 1), ""):
        return f"its rrule says {twice} twice"
    if strange := sorted(set(parts) - _PARTS):
        return f"its rrule says {strange[0]}, which is not part of an RRULE or not supported"
    if wrong := next((name for name, text in parts.items() if not _in_range(name, text)), ""):
        least, most = _MOST[wrong]
        return f"{wrong}={parts[wrong]} is not within {least} to {most}"
    if "UNTIL" in parts and not _is_time(parts["UNTIL"]):
        return f"UNTIL={parts['UNTIL']} is no date such as 20271231, 20271231T170000 or 20271231T160000Z"
    if "UNTIL" in parts and "COUNT" in parts:
        return "its rrule says both UNTIL and COUNT; RFC 5545 allows one of them"
    if not has_start and (hidden := _hidden_start(parts)):
        return hidden
    try:
        _rule(parts, _EARLIEST)
    except (ValueError, TypeError, IndexError, KeyError) as error:
        return f"{rule!r} is not an RRULE: {error}"
    return ""


def _in_range(name: str, text: str) -> bool:
    if name not in _MOST:
        return True
    least, most = _MOST[name]
    numbers = [number.lstrip("+-" if name in _FROM_THE_END else "+") for number in text.split(",")]
    return all(number.isdecimal() and least <= int(number[:6]) <= most for number in numbers)


def _hidden_start(parts: Mapping[str, str]) -> str:
    if "COUNT" in parts:
        return f"COUNT={parts['COUNT']} counts from the rule's first time: add `start`, such as 2027-01-31 09:00"
    if parts.get("INTERVAL", "1") != "1":
        return f"INTERVAL={parts['INTERVAL']} counts from the rule's first time: add `start`, such as 2027-01-31 09:00"
    if not any(wanted <= {*parts} for wanted in _SAYS_WHEN[parts["FREQ"]]):
        given = {"WEEKLY": "BYDAY=FR", "MONTHLY": "BYMONTHDAY=-1", "YEARLY": "BYMONTH=12;BYMONTHDAY=31"}
        return f"its rrule does not say on which day: add {given[parts['FREQ']]}, or `start`"
    return ""


def parts_of(rule: str) -> dict[str, str]:
    """`FREQ=WEEKLY;BYDAY=FR` as names and values, in capitals. What is no pair stands under its own text."""
    return {name.strip(): value.strip() for name, _, value in _pairs(rule)}


def _names(rule: str) -> list[str]:
    return [name.strip() for name, _, _ in _pairs(rule)]


def _pairs(rule: str) -> list[tuple[str, str, str]]:
    text = re.sub(r"^\s*RRULE:", "", rule.strip(), flags=re.I)
    return [part.partition("=") for part in text.upper().split(";") if part.strip()]


def _is_time(text: str) -> bool:
    try:
        _until(text, "UTC")
    except ValueError:
        return False
    return True


def recurrences(rule: str, starts: datetime | None, zone: str, first: datetime, last: datetime) -> Iterator[datetime]:
    """Naive times by the clock of `zone` at which the rule recurs, first … last. The rule is one without trouble.

    UNTIL may be given in UTC, by the zone's clock, or as a day, which is then included, though the rule has times.
    """
    parts = parts_of(rule)
    until = min(_until(parts["UNTIL"], zone), last) if "UNTIL" in parts else last
    found = _rule(parts, starts or _EARLIEST)
    # A rule that never recurs, such as 30 February, would be followed to the year 9999.
    bounded = found if "COUNT" in parts else found.replace(until=until)
    for moment in bounded.xafter(first, inc=True):
        if moment > until:
            return
        yield moment


def _rule(parts: Mapping[str, str], starts: datetime) -> rrule:
    from dateutil.rrule import rrule, rrulestr

    found = rrulestr(";".join(f"{name}={value}" for name, value in parts.items() if name != "UNTIL"), dtstart=starts)
    assert isinstance(found, rrule)
    return found


def _until(text: str, zone: str) -> datetime:
    found = _UNTIL.fullmatch(text)
    if found is None:
        raise ValueError(f"{text} is no date or time")
    day = datetime.strptime(found[1], "%Y%m%d")
    if not found[2]:
        return datetime.combine(day, time.max)
    moment = datetime.strptime(found[1] + found[2], "%Y%m%d%H%M%S")
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) if found[3] else moment
