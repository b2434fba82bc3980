"""Recurrence rules: held against a walk over every minute that needs no library."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from pilotage.config.recurrence import TooOften, parts_of, recurrences, trouble_with
from tests.fuzz.reader import Reader, Sample

_FIRST, _LAST = datetime(2025, 11, 1), datetime(2028, 2, 1)
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_SIMPLE = {"FREQ", "BYMONTH", "BYMONTHDAY", "BYDAY", "BYHOUR", "BYMINUTE", "WKST"}


def _check(sample: Sample) -> Iterator[str]:
    for rule in (sample.text, sample.text.strip()):
        for starts in (None, datetime(2024, 2, 29, 9, 30)):
            trouble = trouble_with(rule, starts is not None)
            if trouble:
                if len(trouble) > len(rule) + 300:
                    yield f"an endless sentence: {trouble[:200]}"
                continue
            try:
                found = list(recurrences(rule, starts, "Europe/Berlin", _FIRST, _LAST))
            except TooOften:
                continue
            if found != sorted(found) or any(not _FIRST <= moment <= _LAST for moment in found):
                yield f"times out of order or out of bounds: {found[:3]}"
            if starts is None and (plain := _plain(parts_of(rule))) is not None and plain != found:
                differs = sorted({*plain} ^ {*found})[:3]
                yield f"other times than a plain walk finds: {differs}, {len(found)} and {len(plain)}"


def _plain(parts: dict[str, str]) -> list[datetime] | None:
    """By the table of RFC 5545, section 3.3.10, for rules that limit or expand day by day."""
    if not {*parts} <= _SIMPLE:
        return None
    hours, minutes = (sorted({int(one) for one in parts.get(name, "0").split(",")}) for name in ("BYHOUR", "BYMINUTE"))
    if len(hours) * len(minutes) > 4:
        return None
    days = (_FIRST.date() + timedelta(days=number) for number in range((_LAST - _FIRST).days + 1))
    found = [datetime(day.year, day.month, day.day, hour, minute)
             for day in days if _fits(day, parts) for hour in hours for minute in minutes]  # fmt: skip
    return [moment for moment in found if _FIRST <= moment <= _LAST]


def _fits(day: date, parts: dict[str, str]) -> bool:
    if "BYMONTH" in parts and day.month not in map(int, parts["BYMONTH"].split(",")):
        return False
    if "BYMONTHDAY" in parts:
        length = monthrange(day.year, day.month)[1]
        if not {day.day, day.day - length - 1} & {*map(int, parts["BYMONTHDAY"].split(","))}:
            return False
    return "BYDAY" not in parts or any(_is_day(day, one, parts) for one in parts["BYDAY"].split(","))


def _is_day(day: date, said: str, parts: dict[str, str]) -> bool:
    said = said.strip()
    if day.weekday() != _DAYS.index(said[-2:]):
        return False
    number = int(said[:-2] or 0)
    if not number or parts["FREQ"] in ("DAILY", "WEEKLY"):
        return True
    if parts["FREQ"] == "MONTHLY" or "BYMONTH" in parts:
        first, length = day.day, monthrange(day.year, day.month)[1]
    else:
        first, length = day.timetuple().tm_yday, 366 if monthrange(day.year, 2)[1] == 29 else 365
    return number in ((first - 1) // 7 + 1, -((length - first) // 7 + 1))


_RULE = re.compile(rb"(?:RRULE:)?FREQ=[A-Z]+(?:;[A-Z]+=[^;'\"\s\\<`)]+)*")


def _samples(path: str, content: bytes) -> Iterator[Sample]:
    for found in _RULE.finditer(content):
        yield Sample(path, found[0])


_SEEDS = (
    "FREQ=WEEKLY;BYDAY=FR;BYHOUR=17;BYMINUTE=0", "FREQ=MONTHLY;BYMONTHDAY=-1",
    "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24,25,26",
    "FREQ=MONTHLY;BYDAY=2TU", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO",
    "FREQ=DAILY;UNTIL=20261224T120000Z",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "FREQ=YEARLY;BYYEARDAY=1,-1", "FREQ=DAILY;COUNT=10;INTERVAL=3",
    "FREQ=MONTHLY;COUNT=3;BYMONTH=2;BYMONTHDAY=30", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "FREQ=YEARLY;BYDAY=20MO",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
)  # fmt: skip

READER = Reader(
    name="rrule",
    check=_check,
    seeds=tuple(Sample("rrule", rule.encode()) for rule in _SEEDS),
    takes=lambda path: path.suffix in (".py", ".ts", ".rst", ".ics", ".md") and "rule" in str(path).lower(),
    samples=_samples,
    words=(
        ";COUNT=5", ";UNTIL=20270101", ";UNTIL=20270101T000000Z", ";INTERVAL=2", ";INTERVAL=9999", ";BYDAY=MO",
        ";BYDAY=5FR",
        ";BYMONTHDAY=31", ";BYMONTH=2", ";BYSETPOS=-1", ";WKST=SU", ";BYWEEKNO=53", ";BYYEARDAY=366",
        ";BYHOUR=0,1,2,3,4,5",
        "FREQ=SECONDLY", "FREQ=YEARLY", "FREQ=DAILY", "FREQ=MONTHLY", "RRULE:", "DTSTART:20200101",
        ";BYMINUTE=0,1,2,3,4,5,6,7",
        ";BYEASTER=0", ";BYSECOND=1", ";COUNT=9999", "-53", "+1",
    ),
    seconds=(2.0, 100.0),
)  # fmt: skip
