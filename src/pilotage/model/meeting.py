"""A meeting about a release: a retrospective, a review of a rollback, a webinar, a briefing. Plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MeetingKind(StrEnum):
    RETROSPECTIVE = "retrospective"
    REVIEW = "review"
    WEBINAR = "webinar"
    BRIEFING = "briefing"


class MeetingState(StrEnum):
    PLANNED = "planned"
    """Nobody is invited yet."""
    INVITED = "invited"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Guest:
    """Someone who is invited. name: as in `people` · email: their address · required: or optional."""

    name: str
    email: str
    required: bool = True


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """uid: the same for ever, so a later invitation replaces an earlier one · planned: when the plan wants it, Unix
    seconds; `begins` differs after somebody has moved it · guests: empty where an announcement goes to its audience ·
    organizer: a mail address · sequence: number of the change, from 0."""

    uid: str
    kind: MeetingKind
    service: str
    environment: str
    version: str
    title: str
    text: str
    begins: float
    planned: float
    minutes: int
    location: str
    organizer: str
    guests: tuple[Guest, ...]
    sequence: int = 0
    state: MeetingState = MeetingState.PLANNED
    id: int = 0
    attended: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    record: str = ""
    """The minutes."""

    @property
    def ends(self) -> float:
        return self.begins + self.minutes * 60
