"""Figures of the business from where they are kept: a CSV, a database, a Prometheus. Read only, and never invented."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from pilotage.adapters.http import get_json
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import resolve
from pilotage.model.json import find, list_at, text_at

if TYPE_CHECKING:
    from pilotage.config.reporting import BusinessSection

_MOST = 100_000
_POINTS = 500


def values_of(section: BusinessSection, folder: Path, since: float, until: float) -> list[float]:
    """The readings of a time, Unix seconds. Raises AdapterError with what is wrong with the source."""
    if section.csv is not None:
        return [value for at, value in _csv(folder, section.csv) if since <= at < until]
    if section.sql is not None and section.database is not None:
        return [value for at, value in _sql(section.sql, section.database) if since <= at < until]
    return _prometheus(section.prometheus or "", section.query or "", since, until)


def _csv(folder: Path, name: str) -> Iterator[tuple[float, float]]:
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
                yield _reading(row.get("day"), row.get("value"), f"{name}:{number}")
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


def _sql(query: str, database: str) -> Iterator[tuple[float, float]]:
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

    address = resolve(database).reveal()
    try:
        engine = create_engine(address)
    except (ArgumentError, NoSuchModuleError):
        raise AdapterError("its database is not an SQLAlchemy URL") from None
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA query_only = ON")
            elif engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            for number, row in enumerate(connection.execute(text(query)), 1):
                if number > _MOST or len(row) != 2:
                    raise AdapterError(f"the query must return rows of a date and a value, at most {_MOST} rows")
                yield _reading(row[0], row[1], f"row {number}")
    except DBAPIError as error:
        raise AdapterError(f"the query failed: {type(error.orig).__name__}") from None
    except SQLAlchemyError as error:
        raise AdapterError(f"the query failed: {type(error).__name__}") from None
    finally:
        engine.dispose()


def _prometheus(base: str, query: str, since: float, until: float) -> list[float]:
    step = max(60, round((until - since) / _POINTS))
    asked = urlencode({"query": query, "start": since, "end": until, "step": step})
    answer = get_json(f"{base.rstrip('/')}/api/v1/query_range?{asked}", timeout=10.0)
    try:
        if text_at(answer, "status") != "success":
            raise AdapterError(f"{base} rejected the query: {find(answer, 'error')}")
        series = list_at(answer, "data", "result")
        if len(series) > 1:
            raise AdapterError("the query returns several series: sum or average them")
        found = [float(text_at(pair, 1)) for one in series for pair in list_at(one, "values")]
    except ValueError:
        raise AdapterError(f"{base} did not return a range") from None
    return [value for value in found if value == value]
