"""Stored counts of what was seen of services: each second once, whoever counts it and however often they die."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.engine.records.tables_seen import seen_days
from pilotage.model.seen_day import SeenDay, Sight


def count(engine: Engine, place: tuple[str, str], sight: Sight, since: float, until: float) -> None:
    """The service was seen so from `since` to `until`, Unix seconds. What is counted already is not counted again: two
    who look at one service count it once. place: service and environment."""
    for day, begins, ends in _days(since, until):
        # Another counter has just made this day's row: the next minute is counted, this one was by the other.
        with suppress(IntegrityError), engine.begin() as connection:
            _add(connection, place, day, sight, begins, ends)


def _add(connection: Connection, place: tuple[str, str], day: date, sight: Sight, begins: float, ends: float) -> None:
    key = {"service": place[0], "environment": place[1], "day": day.isoformat()}
    mine = [seen_days.c[name] == value for name, value in key.items()]
    counted = connection.scalar(select(seen_days.c.until).where(*mine))
    if counted is None:
        connection.execute(insert(seen_days).values(**key, **{sight.value: ends - begins}, until=ends))
    elif ends > counted:
        more = seen_days.c[sight.value] + (ends - max(begins, counted))
        same = seen_days.c.until == counted
        connection.execute(update(seen_days).where(*mine, same).values(**{sight.value: more}, until=ends))


def _days(since: float, until: float) -> Iterator[tuple[date, float, float]]:
    """The parts of a stretch in each day of UTC."""
    while since < until:
        day = datetime.fromtimestamp(since, UTC).date()
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
        ends = min(until, midnight.timestamp())
        yield day, since, ends
        since = ends


def counted(engine: Engine, places: Mapping[str, str], first: date) -> dict[str, dict[date, SeenDay]]:
    """By service, from the day `first` on. places: service → environment."""
    query = select(seen_days).where(seen_days.c.day >= first.isoformat(), seen_days.c.service.in_(places))
    found: dict[str, dict[date, SeenDay]] = {}
    with engine.connect() as connection:
        for row in connection.execute(query).mappings():
            if places[row["service"]] == row["environment"]:
                seen = SeenDay(**{sight.value: row[sight.value] for sight in Sight})
                found.setdefault(row["service"], {})[date.fromisoformat(row["day"])] = seen
    return found
