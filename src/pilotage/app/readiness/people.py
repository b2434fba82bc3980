"""Lists of people with dates, such as who was trained and when: YAML, JSON or CSV."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from io import StringIO

from pilotage.config.yaml_reader import ConfigError, read
from pilotage.model.json import Json
from pilotage.model.readiness import BadEvidence
from pilotage.readiness.evidence import text_of


@dataclass(frozen=True, kw_only=True)
class Trained:
    """day: None where the list names none."""

    name: str
    day: date | None


def people_in(content: bytes, name: str) -> tuple[Trained, ...]:
    """In their order. Raises BadEvidence for a list that is empty, of another form, or names someone twice."""
    pairs = _of_csv(text_of(content, name), name) if name.endswith(".csv") else _of_yaml(content, name)
    found = tuple(Trained(name=who, day=_day(who, day, name)) for who, day in pairs)
    if not found:
        raise BadEvidence(f"{name} names nobody")
    names = [one.name for one in found]
    if twice := [who for who in names if names.count(who) > 1]:
        raise BadEvidence(f"{name} names {twice[0]} twice")
    return found


def _of_csv(text: str, name: str) -> list[tuple[str, str]]:
    try:
        rows = list(csv.DictReader(StringIO(text.removeprefix("\ufeff")), strict=True))
    except csv.Error as error:
        raise BadEvidence(f"{name} is not CSV: {error}") from None
    if rows and not (rows[0].keys() & {"name"}):
        raise BadEvidence(f"{name} has no column `name` in its first line")
    return [(_word(row.get("name"), name), row.get("date") or "") for row in rows]


def _of_yaml(content: bytes, name: str) -> list[tuple[str, str]]:
    try:
        document = read(content, name)
    except ConfigError as error:
        raise BadEvidence(str(error)) from None
    if document.problems:
        raise BadEvidence(f"{name}: {document.problems[0].message}")
    plain: Json = document.data
    if isinstance(plain, dict):
        return [(who, "" if day is None else str(day)) for who, day in plain.items()]
    if isinstance(plain, list):
        return [(_word(who, name), "") for who in plain]
    raise BadEvidence(f"{name} must list people as `name: YYYY-MM-DD`")


def _word(found: object, name: str) -> str:
    if not isinstance(found, str) or not found.strip():
        raise BadEvidence(f"{name} has an entry without a name")
    return found.strip()


def _day(who: str, text: str, name: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise BadEvidence(f"{name}: {who} has {text[:40]!r}, not a date such as 2026-05-01") from None
