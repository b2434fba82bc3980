"""A span of a trace as data: what OpenTelemetry's exporter gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

Attributes: TypeAlias = Mapping[str, str | bool | int | float]


class Outcome(StrEnum):
    """What became of it, by OpenTelemetry's status."""

    UNSET = "unset"
    OK = "ok"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Happening:
    """Something at a moment within a span. at: Unix seconds."""

    at: float
    name: str
    attributes: Attributes


@dataclass(frozen=True, kw_only=True)
class Span:
    """trace, id, parent: hexadecimal; parent empty for the first of a trace · start, end: Unix seconds · ended_by: the
    number of the event that ended it: it can be exported from then on · reason: why it failed."""

    trace: str
    id: str
    parent: str
    name: str
    start: float
    end: float
    ended_by: int
    outcome: Outcome
    attributes: Attributes
    reason: str = ""
    entry: bool = False
    """Whether it is the pipeline's run itself, and not a part of it."""
    happenings: tuple[Happening, ...] = field(default=())
