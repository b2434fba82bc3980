"""What users say of a version: reports of problems, and answers to forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

BEST = 5
"""The highest rating; the lowest is 1."""
LONGEST = 2000
"""Characters of what one person writes."""


class ReportKind(StrEnum):
    HARM = "harm"
    """Something does not work."""
    FEEDBACK = "feedback"
    """A rating, and words."""
    TEAM = "team"
    """A member of the team about the work."""


class ReportSource(StrEnum):
    """Who sent it."""

    FORM = "form"
    """Anyone, with a browser."""
    SIGNED = "signed"
    """A program that knows the secret."""
    PERSON = "person"
    """An operator, with `pilotage harm report`."""


class ReportState(StrEnum):
    OPEN = "open"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


@dataclass(frozen=True, kw_only=True)
class Report:
    """One entry. version: empty where nobody named one · request: the id of the request it is about · rating: 1 to
    `BEST`, 0 without one · answers: of the team, by question, 1 to `BEST` · at: Unix seconds · sender: equal for two
    entries from one address on one day, empty where each counts."""

    id: int = 0
    service: str
    environment: str
    version: str = ""
    kind: ReportKind = ReportKind.HARM
    source: ReportSource = ReportSource.FORM
    text: str = ""
    request: str = ""
    rating: int = 0
    answers: Mapping[str, int] = field(default_factory=dict)
    at: float = 0.0
    sender: str = ""
    state: ReportState = ReportState.OPEN
    decided_by: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Reported:
    """How many reported problems. named: that named the version · unnamed: that named none, and may mean it · trusted:
    those of `named` whose sender is known: signed, or a person · first: Unix seconds of the first one, 0 without any.
    """

    named: int = 0
    unnamed: int = 0
    trusted: int = 0
    first: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Rated:
    """Ratings of one version: how many, and their sum."""

    count: int = 0
    total: int = 0

    @property
    def mean(self) -> float:
        """1 to `BEST`; 0 without any."""
        return self.total / self.count if self.count else 0.0
