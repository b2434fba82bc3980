"""Figures of the business from where they are kept: a CSV, a database, a Prometheus. Read only, and never invented."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from pilotage.adapters.http import get_json
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import resolve
from pilotage.adapters.sql_engine import sql_engine
from pilotage.model.json import find, list_at, number_at, text_at

if TYPE_CHECKING:
    from pilotage.config.reporting import AdoptionSection, SourceSection

_MOST = 100_000
_POINTS = 500


def values_of(section: SourceSection, folder: Path, since: float, until: float) -> list[float]:
    """The values of a time, Unix seconds. Raises AdapterError with what is wrong with the source."""
    return [value for _, value in readings_of(section, folder, since, until)]


def readings_of(
    section: SourceSection, folder: Path, since: float, until: float, step: float | None = None
) -> list[tuple[float, float]]:
    """The same with the time of each, Unix seconds. step: seconds between two answers of a Prometheus; a value is then
    that of the step after its time. Raises AdapterError."""
    if section.prometheus is None:
        found = (_reading(row[0], row[1], place) for row, place in _rows(section, folder, ("day", "value")))
        return [one for one in found if since <= one[0] < until]
    return prometheus_range(section.prometheus, section.query or "", since, until, step)


def used_by(section: AdoptionSection, folder: Path, since: float, until: float) -> dict[str, tuple[int, int]]:
    """Of each variant its users in a time, Unix seconds, and how many of them used the feature; days are added up.
    Raises AdapterError."""
    found: dict[str, tuple[int, int]] = {}
    for row, place in _rows(section, folder, ("day", "variant", "users", "used")):
        at, users = _reading(row[0], row[2], place)
        _, used = _reading(row[0], row[3], place)
        if not 0 <= used <= users:
            raise AdapterError(f"{place}: {used:g} of {users:g} users cannot have used it")
        if since <= at < until:
            before = found.get(str(row[1]), (0, 0))
            found[str(row[1])] = (before[0] + round(users), before[1] + round(used))
    return found


def _rows(
    section: SourceSection | AdoptionSection, folder: Path, columns: Sequence[str]
) -> Iterator[tuple[Sequence[object], str]]:
    """Rows of a file or a query, each with its place in words."""
    if section.csv is not None:
        yield from _csv(folder, section.csv, columns)
    elif section.sql is not None and section.database is not None:
        yield from _sql(section.sql, section.database, columns)


def _csv(folder: Path, name: str, columns: Sequence[str]) -> Iterator[tuple[Sequence[object], str]]:
    try:
        path = (folder / name).resolve()
    except (OSError, ValueError, RuntimeError):
        raise AdapterError(f"{name[:100]!r} is not a file path") from None
    if not path.is_relative_to(folder.resolve()):
        raise AdapterError(f"{name} is outside the project")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), 2):
                if number > _MOST:
                    raise AdapterError(f"{name} has more than {_MOST} rows")
                yield [row.get(column) for column in columns], f"{name}:{number}"
    except OSError as error:
        raise AdapterError(f"{name} cannot be read: {error.strerror}") from None
    except (ValueError, csv.Error) as error:
        raise AdapterError(f"{name} is not a CSV file: {error}") from None


def _reading(day: object, value: object, place: str) -> tuple[float, float]:
    try:
        when = day if isinstance(day, date | datetime) else datetime.fromisoformat(str(day))
        moment = when if isinstance(when, datetime) else datetime(when.year, when.month, when.day)
        at, found = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), float(str(value))
    except (ValueError, OverflowError):
        raise AdapterError(f"{place}: {day!r}, {value!r} must be a date and a number") from None
    if not math.isfinite(found):
        raise AdapterError(f"{place}: {value!r} is not a finite number")
    return at, found


def _sql(query: str, database: str, columns: Sequence[str]) -> Iterator[tuple[Sequence[object], str]]:
    from sqlalchemy import text
    from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

    address = resolve(database).reveal()
    try:
        engine = sql_engine(address)
    except (ArgumentError, NoSuchModuleError):
        raise AdapterError("its database is not an SQLAlchemy URL") from None
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA query_only = ON")
            elif engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            for number, row in enumerate(connection.execute(text(query)), 1):
                if number > _MOST or len(row) != len(columns):
                    wanted = "a date and a value" if len(columns) == 2 else ", ".join(columns)
                    raise AdapterError(f"the query must return rows of {wanted}, at most {_MOST} rows")
                yield row, f"row {number}"
    except DBAPIError as error:
        raise AdapterError(f"the query failed: {type(error.orig).__name__}") from None
    except SQLAlchemyError as error:
        raise AdapterError(f"the query failed: {type(error).__name__}") from None
    finally:
        engine.dispose()


def prometheus_range(
    base: str, query: str, since: float, until: float, step: float | None = None
) -> list[tuple[float, float]]:
    """Time and value of each answer. step: seconds; a value tells of the step that ended at its time, and gets
    the time at which that began. Raises AdapterError."""
    apart = step or max(60, round((until - since) / _POINTS))
    first = since + step if step else since
    asked = urlencode({"query": query, "start": first, "end": until, "step": apart})
    answer = get_json(f"{base.rstrip('/')}/api/v1/query_range?{asked}", timeout=10.0)
    try:
        if text_at(answer, "status") != "success":
            raise AdapterError(f"{base} rejected the query: {find(answer, 'error')}")
        series = list_at(answer, "data", "result")
        if len(series) > 1:
            raise AdapterError("the query returns several series: sum or average them")
        pairs = [pair for one in series for pair in list_at(one, "values")]
        found = [(float(number_at(pair, 0)), float(text_at(pair, 1))) for pair in pairs]
    except ValueError:
        raise AdapterError(f"{base} did not return a range") from None
    return [(at - (step or 0.0), value) for at, value in found if math.isfinite(value)]
