"""Figures of the past as files hold them: a CSV, or what Prometheus answers to a range query."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from pilotage.judge.replay import Look, Sample, from_counters
from pilotage.model.errors import Invalid
from pilotage.model.json import Json, list_at, number_at, object_at, text_at

COUNTS = ("canary_bad", "canary_total", "stable_bad", "stable_total")
GAUGES = ("canary", "stable")

_LARGEST = 1e15
"""Largest count: well within what a float represents exactly."""


_MILLISECONDS = 1e11
_FEW = 8
"""Number of steps after which a counter is recognised by its course."""


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


def grow_like_counters(looks: Sequence[Look]) -> bool:
    """Whether counts of intervals only grow, all four of them, as counters do and traffic does not."""
    rows = [(one.canary_bad, one.canary_total, one.stable_bad, one.stable_total) for one in looks]
    steps = [tuple(b - a for a, b in zip(one, other, strict=True)) for one, other in pairwise(rows)]
    return len(steps) >= _FEW and all(min(step) >= 0 and step[1] > 0 and step[3] > 0 for step in steps)


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
    # Excel writes `sep=;` in a line of its own, and exports of scripts start with comments.
    every = text.splitlines()
    skipped = next((at for at, line in enumerate(every) if not line.startswith(("#", "sep="))), len(every))
    lines = every[skipped:]
    rows = csv.DictReader(lines, delimiter=_delimiter(lines[0] if lines else ""), skipinitialspace=True)
    # Spreadsheets and dashboards write `Time`, and a space after each comma.
    there = [name.strip().lower() for name in rows.fieldnames or ()]
    rows.fieldnames = there
    wanted = ("time", *columns)
    if missing := [name for name in wanted if name not in there]:
        found = f"found {', '.join(there)[:200]}" if there else "found none"
        raise BadFigures(f"line {skipped + 1}: {_several(missing)} missing; needs {', '.join(wanted)}; {found}")
    for row in rows:
        line = rows.line_num + skipped
        yield line, _moment(line, row["time"]), tuple(_number(line, name, row[name]) for name in columns)


def _delimiter(header: str) -> str:
    """The separator of the column names."""
    return max(",;\t", key=header.count)


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
        return _seconds(_number(line, "time", text))


def _seconds(moment: float) -> float:
    """Unix seconds, also of milliseconds, micro- and nanoseconds, as Grafana, ClickHouse and InfluxDB write them: as
    seconds they would be after the year 5000."""
    for unit in (1e9, 1e6, 1e3):
        if moment / unit >= _MILLISECONDS / 1000:
            return moment / unit
    return moment


def _checked(line: int, counts: Sequence[float]) -> None:
    """Counts are whole, and of the requests no more are bad than there are."""
    for name, count in zip(COUNTS, counts, strict=True):
        if count < 0 or count > _LARGEST or count != int(count):
            raise BadFigures(f"line {line}: {name} is {count:g}, but a count must be a whole number of at least 0")
    for side, bad, total in (("canary", counts[0], counts[1]), ("stable", counts[2], counts[3])):
        if bad > total:
            raise BadFigures(f"line {line}: {side}_bad is {bad:.0f}, more than the {total:.0f} of {side}_total")


def _range(text: str) -> list[list[float]]:
    """Counters of `/api/v1/query_range`: four counters, identified by the labels `role` (canary, stable) and `count`
    (bad, total). Several series with the same labels, such as one per instance, are added. A time that one of them
    lacks is left out."""
    try:
        answer = json.loads(text)
        if answer.get("status") == "error" and answer.get("error"):
            raise BadFigures(f"Prometheus answered with an error: {str(answer['error'])[:200]}")
        data = answer.get("data", answer)
        if (kind := str(data.get("resultType") or "matrix")) != "matrix":
            raise BadFigures(f"the result of Prometheus is a {kind}: ask /api/v1/query_range, not /api/v1/query")
        parts = [_series(found) for found in data["result"]]
    except BadFigures:
        raise
    except KeyError as error:
        raise BadFigures(f"not a response of Prometheus to a range query: {error.args[0]} is missing") from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadFigures(f"not a response of Prometheus to a range query: {error}") from None
    series = {name: _added([values for named, values in parts if named == name]) for name, _ in parts}
    if missing := [name for name in COUNTS if name not in series]:
        there = ", ".join(sorted(series)) or "none"
        asked = "(role=canary|stable, count=bad|total)"
        raise BadFigures(f"no series with the labels of {', '.join(missing)} {asked}; it has {there[:200]}")
    common = set[float].intersection(*(set(series[name]) for name in COUNTS))
    if not common:
        raise BadFigures("no time is in all four series: query them with the same start and step")
    found = [[at, *(series[name][at] for name in COUNTS)] for at in sorted(common)]
    _are_counters([row[2] for row in found], [row[4] for row in found])
    return found


def _series(found: Json) -> tuple[str, dict[float, float]]:
    labels = object_at(found, "metric")
    if "values" not in object_at(found):
        raise BadFigures("a series has no values: of a native histogram, ask for histogram_count()")
    values = {_seconds(float(number_at(pair, 0))): float(text_at(pair, 1)) for pair in list_at(found, "values")}
    # Prometheus writes NaN for what it could not compute: nothing is known of that time.
    known = {at: value for at, value in values.items() if math.isfinite(value)}
    return f"{labels.get('role')}_{labels.get('count')}", known


def _added(parts: list[dict[float, float]]) -> dict[float, float]:
    """Several series as one, at the times that all of them have: one that is missing would look like a restart."""
    common = set[float].intersection(*(set(part) for part in parts))
    return {at: sum(part[at] for part in parts) for at in common}


def _are_counters(*totals: list[float]) -> None:
    """A counter falls when it restarts, which is seldom. Raises BadFigures for what falls often, or never moves."""
    for values in totals:
        steps = list(pairwise(values))
        falls = sum(later < earlier for earlier, later in steps)
        if len(steps) >= _FEW and (falls > len(steps) / 4 or len(set(values)) == 1):
            raise BadFigures(
                "the totals do not grow, so these are rates: query the counters, without rate() or irate()"
            )
