"""What was observed of a way, and what its decisions ask for: plain frozen data.

What could not be observed is left out, and is never taken for passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pilotage.model.rollout import Event
from pilotage.model.way import Artifact, Evidence, WayState

# ── observed ───────────────────────────────────────────────────────────────────────────────────────────────


class RunStatus(StrEnum):
    ABSENT = "absent"
    """Nothing of this attempt was ever started."""
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    CUT_OFF = "cut-off"
    """It ended without a result, so nobody knows how far it came."""


@dataclass(frozen=True, kw_only=True)
class RunSeen:
    """Of one attempt. detail: a sentence · left: whether it was cut off, and its commands may still run."""

    status: RunStatus
    detail: str = ""
    artifacts: tuple[Artifact, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    left: bool = False


class WordStatus(StrEnum):
    PENDING = "pending"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class WordSeen:
    """The word of another system."""

    status: WordStatus
    detail: str = ""
    evidence: tuple[Evidence, ...] = ()


class PlaceStatus(StrEnum):
    """How far the version is in an environment."""

    NOTHING = "nothing"
    """No rollout of this way is there, and another version serves."""
    UNDER_WAY = "under way"
    COMPLETE = "complete"
    RETURNING = "returning"
    """It goes back to what was there before."""
    RETURNED = "returned"
    STUCK = "stuck"
    """A rollout failed in a way that only a person can mend."""
    REPLACED = "replaced"
    """It was complete, and somebody has deployed another version since."""


@dataclass(frozen=True, kw_only=True)
class PlaceSeen:
    """rollout: of this way, empty for none · newest: the rollout of the environment that was made last, empty for
    none · since: Unix seconds of what `status` says · sentence: why, where it did not go well."""

    status: PlaceStatus
    rollout: str = ""
    newest: str = ""
    since: float = 0.0
    sentence: str = ""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Why a rollout could not be started, or an environment not be undone. for_good: trying again leads nowhere."""

    sentence: str
    for_good: bool = False


@dataclass(frozen=True, kw_only=True)
class Carried:
    """A stage that passed in an earlier way."""

    way: str
    artifacts: tuple[Artifact, ...] = ()
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WaySeen:
    """runs: by stage and attempt · words: by stage · places, refused: by environment · unready: by environment, why its
    readiness gates are shut, empty where they are open · closed: why no release window is open, empty where one is,
    None where that is unknown · frozen: by environment, the freeze that holds there, in words; that of the calendar
    under an empty name · carried: stages of earlier ways, by fingerprint · before: the version of another way of the
    service that has to end first."""

    runs: Mapping[tuple[str, int], RunSeen] = field(default_factory=dict)
    words: Mapping[str, WordSeen] = field(default_factory=dict)
    places: Mapping[str, PlaceSeen] = field(default_factory=dict)
    refused: Mapping[str, Refused] = field(default_factory=dict)
    unready: Mapping[str, str] = field(default_factory=dict)
    closed: str | None = None
    frozen: Mapping[str, str] = field(default_factory=dict)
    carried: Mapping[str, Carried] = field(default_factory=dict)
    before: str = ""


# ── decided ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class EnsureRun:
    """This attempt is to run, or to have run: started once, whatever happens."""

    stage: str
    attempt: int


@dataclass(frozen=True, kw_only=True)
class StopRun:
    stage: str
    attempt: int


@dataclass(frozen=True, kw_only=True)
class StartRollout:
    """The version is to roll out to the environment."""

    stage: str
    environment: str
    approved: tuple[str, ...] = ()
    """Who approved the stage: they need not approve the rollout again."""


@dataclass(frozen=True, kw_only=True)
class Undo:
    """The environment is to return to what it served before this rollout."""

    environment: str
    rollout: str


WayAction = EnsureRun | StopRun | StartRollout | Undo


@dataclass(frozen=True, kw_only=True)
class WayDecision:
    """state, events and answered are recorded together, then the actions are done: each sets a desired state, and is
    decided again at the next look until it holds. answered: commands, each with its outcome."""

    state: WayState
    actions: tuple[WayAction, ...] = ()
    events: tuple[Event, ...] = ()
    answered: tuple[tuple[int, str], ...] = ()
