"""Activities and milestones of a scheduled release as people work through them. None of this is part of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pilotage.model.errors import Invalid


class Fact(StrEnum):
    """What Pilotage knows by itself, as a gate of an activity beside the items of the readiness list."""

    RISK_ASSESSED = "risk_assessed"
    ITS_DAY = "its_day"
    ROLLOUT_STARTED = "rollout_started"
    ROLLOUT_COMPLETED = "rollout_completed"
    ANNOUNCED = "announcements_sent"
    REVIEW_INVITED = "review_invited"


FACTS = frozenset(fact.value for fact in Fact)


class ItemState(StrEnum):
    """REFUSED: a decision was made, against the release."""

    OPEN = "open"
    DONE = "done"
    REFUSED = "refused"


class MetBy(StrEnum):
    """What says that an item is done; NOTHING of one that is open."""

    NOTHING = ""
    GATE = "gate"
    MILESTONE = "milestone"
    FILE = "file"
    PERSON = "person"


@dataclass(frozen=True, kw_only=True)
class TrackedItem:
    """An activity or a milestone of a tracked release.

    due: ISO day · owner: role · assignee: a person, or empty · gates: readiness items and facts that decide it, empty
    where a person does · note: why a person says so, or what was seen · actor: who · at: Unix seconds, 0 where nothing
    has happened yet.
    """

    id: str
    title: str
    phase: str
    milestone: bool
    owner: str
    gates: tuple[str, ...]
    due: str
    assignee: str = ""
    state: ItemState = ItemState.OPEN
    met_by: MetBy = MetBy.NOTHING
    note: str = ""
    actor: str = ""
    at: float = 0.0

    @property
    def done(self) -> bool:
        return self.state is ItemState.DONE

    def overdue(self, today: str) -> bool:
        """Whether its day is over and it is not done. What happens on its day by itself is never late. today: ISO
        day."""
        by_itself = self.gates == (Fact.ITS_DAY,) and self.met_by is not MetBy.PERSON
        return not self.done and self.due < today and not by_itself


@dataclass(frozen=True, kw_only=True)
class TrackedPhase:
    """A phase of a tracked release, as its plan has it: open days, and the days of the safe schedule."""

    id: str
    title: str
    shortest: int
    longest: int
    start: date
    end: date


@dataclass(frozen=True, kw_only=True)
class TrackedRelease:
    """A dated release whose phases people work through. emergency: weekends count too, and nothing freezes · zone: of
    its days · completed: all users have it · dropped: why it is not followed any more, or empty."""

    service: str
    environment: str
    version: str
    release_date: date
    zone: str
    emergency: bool
    phases: tuple[TrackedPhase, ...]
    items: tuple[TrackedItem, ...]
    completed: bool = False
    dropped: str = ""

    def item(self, identity: str) -> TrackedItem | None:
        return next((one for one in self.items if one.id == identity), None)

    def late(self, today: str) -> tuple[TrackedItem, ...]:
        """What is overdue, longest first; nothing of a release that has ended but what follows it."""
        last = self.phases[-1].id if self.phases else ""
        if self.dropped:
            return ()
        late = [one for one in self.items if one.overdue(today) and (not self.completed or one.phase == last)]
        return tuple(sorted(late, key=lambda one: one.due))


class NotTracked(Invalid):
    """No phases of this release are tracked."""


class NoPhases(Invalid):
    """A continuous release has no phases (C6), and one without a date no days."""


class UnknownPhaseItem(Invalid):
    """The plan has no activity, milestone or phase of this name."""


class DecidedByGate(Invalid):
    """Evidence decides this item, and nobody's word."""
