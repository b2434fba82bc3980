"""What a release of a type is: its scope, its impact, and its weeks (R4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Impact(StrEnum):
    """How much a release can change for its users (R4)."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
    VARIABLE = "variable"


@dataclass(frozen=True)
class Facts:
    """What a release of this type is (R4). level: its impact in a word, raised by a change that breaks callers; empty
    in older plans · planning_from, planning_by: days between which planning begins."""

    scope: str
    impact: str
    planning: str
    execution: str
    level: str = ""
    planning_from: date | None = None
    planning_by: date | None = None
