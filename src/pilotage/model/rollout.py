"""The state of a rollout, what may be asked of it, what it wants done and what happened: all data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pilotage.model.observation import Instance, Verdict
from pilotage.model.traffic import Split


class Status(StrEnum):
    PROGRESSING = "progressing"
    HOLDING = "holding"
    PAUSED = "paused"
    ROLLING_BACK = "rolling-back"
    COMPLETED = "completed"
    ROLLED_BACK = "rolled-back"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        return self in (Status.COMPLETED, Status.ROLLED_BACK, Status.FAILED)


class HoldCause(StrEnum):
    """Why a rollout waits by itself at its present weight."""

    SOURCE_ERROR = "source-error"
    INSUFFICIENT_DATA = "insufficient-data"
    INCONCLUSIVE = "inconclusive"
    DEGRADED = "degraded"
    CANARY_UNHEALTHY = "canary-unhealthy"
    STABLE_UNHEALTHY = "stable-unhealthy"
    ROUTER_UNREACHABLE = "router-unreachable"
    GATE = "gate"


class Pace(StrEnum):
    """full: every step · first: nothing is there to compare with · fast: to a version already proven."""

    FULL = "full"
    FIRST = "first"
    FAST = "fast"


class CommandKind(StrEnum):
    PROMOTE = "promote"
    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    ROLLBACK = "rollback"
    RETRY = "retry"
    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True)
class Command:
    """What `actor` asks of a running rollout. `full` (promote): leave out the analyses that are left."""

    id: int
    kind: CommandKind
    actor: str
    reason: str = ""
    full: bool = False


@dataclass(frozen=True)
class Hold:
    """cause, the sentence for people, and for how many seconds it has been so."""

    cause: HoldCause
    sentence: str
    held: float = 0.0


@dataclass(frozen=True)
class RolloutState:
    """All that `decide` needs to know of the past. Seconds are counted only while the rollout was attended:
    a clock that jumps or a controller that sleeps shortens no watch.

    at: Unix seconds of the last decision, 0 before the first · watched: seconds of analysis in this step ·
    waited: seconds in this step · in_status: seconds in this status · drained: seconds since no request
    could reach the version on its way out · accepted: metrics whose failure a person has answered.
    """

    new: str
    old: str | None
    pace: Pace = Pace.FULL
    status: Status = Status.PROGRESSING
    step: int = 0
    at: float = 0.0
    watched: float = 0.0
    waited: float = 0.0
    in_status: float = 0.0
    drained: float = 0.0
    returned: bool = False
    approved: bool = False
    hold: Hold | None = None
    reason: str = ""
    accepted: tuple[str, ...] = ()
    verdicts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Seen:
    """What was read back just before a decision. None means it could not be read; `trouble` says why."""

    split: Split | None
    instances: tuple[Instance, ...] | None
    verdicts: tuple[Verdict, ...] = ()
    trouble: str = ""


@dataclass(frozen=True)
class Ensure:
    """So many instances of a version should run; 0 retires it."""

    version: str
    count: int


@dataclass(frozen=True)
class Apply:
    """The router should split like this."""

    split: Split


Action = Ensure | Apply


@dataclass(frozen=True)
class Event:
    """Something that happened, with the sentence a person reads and the data a machine reads."""

    type: str
    sentence: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    state: RolloutState
    actions: tuple[Action, ...]
    events: tuple[Event, ...]
    answered: tuple[tuple[int, str], ...] = ()
    """Commands taken up, by id, each with its outcome."""
