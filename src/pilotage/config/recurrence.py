"""Rules by which freezes recur: RRULE of RFC 5545 (section 3.3.10), by the wall clock of one zone."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from datetime import MAXYEAR, UTC, datetime, time, timedelta
from itertools import islice
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
"""Smallest and largest value of a part; days and weeks count from the end, too."""
_FROM_THE_END = {"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"}

_DAY = re.compile(r"((?:[-+]?[0-9]{1,6})?)(?:MO|TU|WE|TH|FR|SA|SU)")
_WEEKS = {"MONTHLY": 5, "YEARLY": 53}
"""How often a weekday can come in the period of a rule."""

_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z)?)?")
MOST, _SPAN = 8_000, timedelta(days=5 * 366)
"""Recurrences of one rule in that time; more is a mistake."""


class TooOften(ValueError):
    """A rule recurs more than MOST times in five years."""


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
        return f"its rrule says {_short(strange[0])}, which is not part of an RRULE or not supported"
    if wrong := next((name for name, text in parts.items() if not _in_range(name, text)), ""):
        least, most = _MOST[wrong]
        return f"{wrong}={_short(parts[wrong])} is not within {least} to {most}"
    if wrong := _wrong_day(parts):
        return wrong
    if "UNTIL" in parts and not _is_time(parts["UNTIL"]):
        return f"UNTIL={_short(parts['UNTIL'])} is no date such as 20271231, 20271231T170000 or 20271231T160000Z"
    if "UNTIL" in parts and "COUNT" in parts:
        return "its rrule says both UNTIL and COUNT; RFC 5545 allows one of them"
    if not has_start and (hidden := _hidden_start(parts)):
        return hidden
    try:
        _rule(parts, datetime(2020, 1, 1))
    except (ValueError, TypeError, IndexError, KeyError) as error:
        return f"{_short(rule)!r} is not an RRULE: {_short(str(error))}"
    return ""


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"


def _wrong_day(parts: Mapping[str, str]) -> str:
    """Why BYDAY cannot be used: `2TU` is the second Tuesday of a month or year, and of nothing else."""
    for said in parts["BYDAY"].split(",") if "BYDAY" in parts else ():
        if not (found := _DAY.fullmatch(said.strip())):
            return f"BYDAY={_short(said)} is no day such as MO, 2TU or -1FR"
        if not found[1]:
            continue
        if parts["FREQ"] not in _WEEKS or "BYWEEKNO" in parts:
            return f"BYDAY={said}: a number needs FREQ=MONTHLY or YEARLY, without BYWEEKNO"
        most = _WEEKS["MONTHLY" if "BYMONTH" in parts else parts["FREQ"]]
        if not 1 <= abs(int(found[1])) <= most:
            return f"BYDAY={said}: the number is not within 1 to {most}, or -1 to -{most}"
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
    """`FREQ=WEEKLY;BYDAY=FR` as names and values, in capitals. What is no pair is under its own text."""
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
    Raises TooOften.
    """
    parts = parts_of(rule)
    until = min(_until(parts["UNTIL"], zone), last) if "UNTIL" in parts else last
    # The library follows a rule that never recurs, such as on 30 February, to its last year, ignoring UNTIL.
    begin = _begin(parts, starts, first)
    if begin > until:
        return
    later = (MAXYEAR - until.year) // 400 * _FOUR_CENTURIES
    bounded = _rule(parts, begin + later).replace(until=until + later, count=None)
    recent = deque[datetime](maxlen=MOST)
    # It takes either UNTIL or COUNT, as RFC 5545 does.
    for found in islice(bounded, int(parts["COUNT"]) if "COUNT" in parts else None):
        moment = found - later
        if len(recent) == MOST and moment - recent[0] <= _SPAN:
            raise TooOften(f"{_short(rule)!r} recurs more than {MOST} times in five years")
        recent.append(moment)
        if moment >= first:
            yield moment


_FOUR_CENTURIES = timedelta(days=146_097)
"""Days after which the Gregorian calendar repeats; they are whole weeks."""


def _begin(parts: Mapping[str, str], starts: datetime | None, first: datetime) -> datetime:
    """Where the rule is followed from: its start, or shortly before `first` where the start decides no more than the
    time of the day."""
    near = datetime((first - timedelta(days=14)).year, 1, 1)
    if starts is None:
        return near
    return starts if _hidden_start(parts) or starts > near else datetime.combine(near, starts.time())


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
