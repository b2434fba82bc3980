"""What a team writes down of itself, in a file: answers to a survey, and who has had which training."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pilotage.adapters.ports import AdapterError

_MOST_BYTES = 5_000_000
_BEST = 5


@dataclass(frozen=True, kw_only=True)
class SurveyAnswer:
    """at: Unix seconds, the day's first · value: 1 to 5."""

    at: float
    question: str
    value: int


@dataclass(frozen=True, kw_only=True)
class Training:
    """at: when it was completed, Unix seconds; None while it is still to come."""

    person: str
    topic: str
    at: float | None


def survey_of(folder: Path, name: str) -> tuple[SurveyAnswer, ...]:
    """Rows of `day` and a column for each question, answered with 1 to 5; empty cells are left out. Raises
    AdapterError."""
    return tuple(
        SurveyAnswer(at=_day(row.get("day"), place), question=question, value=_mark(value, place))
        for row, place in _rows(folder, name)
        for question, value in row.items()
        if question not in ("day", "") and value
    )


def training_of(folder: Path, name: str) -> tuple[Training, ...]:
    """Rows of `person`, `training` and `day`, which is empty until it is completed. Raises AdapterError."""
    found = []
    for row, place in _rows(folder, name):
        if not row.get("person"):
            raise AdapterError(f"{place}: person is missing")
        at = _day(row["day"], place) if row.get("day") else None
        found.append(Training(person=row["person"], topic=row.get("training", ""), at=at))
    return tuple(found)


def _rows(folder: Path, name: str) -> Iterator[tuple[Mapping[str, str], str]]:
    """Rows of a CSV or JSON file, each with its place. Raises AdapterError."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise AdapterError(f"{name} is outside the project")
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1).decode("utf-8-sig")
    except OSError as error:
        raise AdapterError(f"{name} cannot be read: {error.strerror}") from None
    except ValueError:
        raise AdapterError(f"{name} is not UTF-8") from None
    if len(text) > _MOST_BYTES:
        raise AdapterError(f"{name} has more than 5 MB")
    if path.suffix == ".json":
        yield from _of_json(text, name)
    else:
        yield from _of_csv(text, name)


def _of_csv(text: str, name: str) -> Iterator[tuple[Mapping[str, str], str]]:
    try:
        for number, row in enumerate(csv.DictReader(io.StringIO(text)), 2):
            yield {str(key): (value or "").strip() for key, value in row.items() if key}, f"{name}:{number}"
    except csv.Error as error:
        raise AdapterError(f"{name} is not a CSV file: {error}") from None


def _of_json(text: str, name: str) -> Iterator[tuple[Mapping[str, str], str]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise AdapterError(f"{name} is not JSON") from None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise AdapterError(f"{name} must be a list of objects")
    for number, one in enumerate(found, 1):
        yield {str(key): "" if value is None else str(value) for key, value in one.items()}, f"{name}, entry {number}"


def _day(text: str | None, place: str) -> float:
    try:
        found = datetime.fromisoformat(text or "")
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise AdapterError(f"{place}: {text!r} is not a day such as 2026-11-26") from None


def _mark(text: str, place: str) -> int:
    if text not in {str(mark) for mark in range(1, _BEST + 1)}:
        raise AdapterError(f"{place}: {text!r} must be 1 to {_BEST}")
    return int(text)
