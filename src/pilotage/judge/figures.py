"""Figures of the past as files hold them: a CSV, or what Prometheus answers to a range query."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from pilotage.judge.replay import Look, Sample, from_counters
from pilotage.model.errors import Invalid
from pilotage.model.json import Json, list_at, number_at, object_at, text_at

COUNTS = ("canary_bad", "canary_total", "stable_bad", "stable_total")
GAUGES = ("canary", "stable")

_LARGEST = 1e15
"""Of a count: well within what a float holds exactly."""


class BadFigures(Invalid):
    """A file of figures has a mistake. The message names the line."""


def looks_of(text: str, *, cumulative: bool) -> list[Look]:
    """Counts of intervals, or counters that grow: a CSV with `time` and COUNTS, or a range of four series. Raises
    BadFigures."""
    if text.lstrip().startswith("{"):
        return list(from_counters(_range(text)))
    rows = list(_table(text, COUNTS))
    for line, _, counts in rows:
        _checked(line, counts)
    if cumulative:
        return list(from_counters((at, *counts) for _, at, counts in rows))
    return [Look(at, *(int(count) for count in counts)) for _, at, counts in rows]


def samples_of(text: str) -> list[Sample]:
    """A gauge on both versions: a CSV with `time` and GAUGES. Raises BadFigures."""
    return [Sample(at, *values) for _, at, values in _table(text, GAUGES)]


def _table(text: str, columns: Sequence[str]) -> Iterator[tuple[int, float, tuple[float, ...]]]:
    """Line, time (Unix seconds, or as in ISO 8601; UTC where it names no zone) and the columns, row by row."""
    try:
        yield from _rows(text, columns)
    except csv.Error as error:
        raise BadFigures(f"not a CSV file: {error}") from None


def _rows(text: str, columns: Sequence[str]) -> Iterator[tuple[int, float, tuple[float, ...]]]:
    rows = csv.DictReader(text.splitlines())
    wanted = ("time", *columns)
    if missing := [name for name in wanted if name not in (rows.fieldnames or ())]:
        raise BadFigures(f"line 1: {_several(missing)} missing; the columns are {', '.join(wanted)}")
    for row in rows:
        at = _moment(rows.line_num, row["time"])
        yield rows.line_num, at, tuple(_number(rows.line_num, name, row[name]) for name in columns)


def _several(names: Sequence[str]) -> str:
    return f"the column {names[0]} is" if len(names) == 1 else f"the columns {', '.join(names)} are"


def _number(line: int, name: str, text: str | None) -> float:
    if text is None or not text.strip():
        raise BadFigures(f"line {line}: {name} is empty")
    try:
        value = float(text)
    except ValueError:
        raise BadFigures(f"line {line}: {name} is {text!r}, not a number") from None
    if not math.isfinite(value):
        raise BadFigures(f"line {line}: {name} is {text!r}, not a finite number")
    return value


def _moment(line: int, text: str | None) -> float:
    try:
        moment = datetime.fromisoformat(text or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except OverflowError:
        raise BadFigures(f"line {line}: time is {text!r}, which is not a valid time") from None
    except ValueError:
        return _number(line, "time", text)


def _checked(line: int, counts: Sequence[float]) -> None:
    """Counts are whole, and of the requests no more are bad than there are."""
    for name, count in zip(COUNTS, counts, strict=True):
        if count < 0 or count > _LARGEST or count != int(count):
            raise BadFigures(f"line {line}: {name} is {count:g}, but a count must be a whole number of at least 0")
    for side, bad, total in (("canary", counts[0], counts[1]), ("stable", counts[2], counts[3])):
        if bad > total:
            raise BadFigures(f"line {line}: {side}_bad is {bad:.0f}, more than the {total:.0f} of {side}_total")


def _range(text: str) -> list[list[float]]:
    """Counters of `/api/v1/query_range`: four series, told apart by the labels `role` (canary, stable) and `count`
    (bad, total). A time that one of them lacks is left out."""
    try:
        series = dict(_series(found) for found in json.loads(text)["data"]["result"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadFigures(f"not a response of Prometheus to a range query: {type(error).__name__}: {error}") from None
    if missing := [name for name in COUNTS if name not in series]:
        raise BadFigures(f"no series with the labels of {', '.join(missing)} (role=canary|stable, count=bad|total)")
    common = set[float].intersection(*(set(series[name]) for name in COUNTS))
    return [[at, *(series[name][at] for name in COUNTS)] for at in sorted(common)]


def _series(found: Json) -> tuple[str, dict[float, float]]:
    labels = object_at(found, "metric")
    values = {float(number_at(pair, 0)): float(text_at(pair, 1)) for pair in list_at(found, "values")}
    # Prometheus writes NaN for what it could not compute: nothing is known of that time.
    known = {at: value for at, value in values.items() if math.isfinite(value)}
    return f"{labels.get('role')}_{labels.get('count')}", known
