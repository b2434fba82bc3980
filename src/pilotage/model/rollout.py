"""The state of a rollout, its commands, actions and events, all as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypedDict

from pilotage.model.action import Action
from pilotage.model.flag import Ramp, Refusal
from pilotage.model.hold import RENAMED_CAUSES as RENAMED_CAUSES
from pilotage.model.hold import Hold as Hold
from pilotage.model.hold import HoldCause as HoldCause
from pilotage.model.json import JsonObject
from pilotage.model.observation import CheckResult, Instance, Verdict
from pilotage.model.progress import NOTHING, BlueGreenProgress, CanaryProgress, Progress, ToggleProgress
from pilotage.model.status import Mode as Mode
from pilotage.model.status import Status as Status
from pilotage.model.traffic import Split


class CommandKind(StrEnum):
    PROMOTE = "promote"
    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    ROLLBACK = "rollback"
    RETRY = "retry"
    APPROVE = "approve"
    REJECT = "reject"
    CONFIRM = "confirm"
    """A problem that users reported is real: roll back."""


@dataclass(frozen=True)
class Command:
    """A command of `actor` to a running rollout. `full` (promote): skip the remaining analyses.

    roles: which roles the actor has, by the configuration; None where it names no people, so that anybody has every
    role.
    """

    id: int
    kind: CommandKind
    actor: str
    reason: str = ""
    full: bool = False
    roles: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What one cause of holds has cost so far; see `pilotage.rollout.patience`."""

    cause: HoldCause
    spent: float = 0.0
    """Seconds of it, less what good time has paid back."""
    calm: float = 0.0
    """Seconds without it since it was there last."""
    here: bool = True
    """Whether the last look saw it."""
    told: bool = False
    """Whether the current hold is about it, too."""


@dataclass(frozen=True, kw_only=True)
class Diversion:
    """Stable serves users of the new version, of whose instances none was healthy."""

    share: int
    """Per mille of users that had the new version."""
    well: bool = False
    """Whether all its instances were healthy at the last look."""
    calm: float = 0.0
    """Seconds for which that has been so."""


class Details(TypedDict, total=False):
    """What may change of a state next to its status: its fields, by their names."""

    new: str
    old: str | None
    mode: Mode
    step: int
    at: float
    watched: float
    waited: float
    out: bool
    drained: float
    returned: bool
    author: str
    approvals: tuple[str, ...]
    signed: tuple[str, ...]
    attempt: int
    reached: int
    progress: Progress
    tries: int
    excuse: str
    replaced: str
    harmed: tuple[str, ...]
    paused: bool
    convicted: bool
    unwatched: str
    worse: str
    hold: Hold | None
    troubles: tuple[Trouble, ...]
    diverted: Diversion | None
    reason: str
    accepted: tuple[str, ...]
    verdicts: tuple[tuple[str, str], ...]
    recovering: tuple[tuple[str, float], ...]
    harm_since: float


class Changes(Details, total=False):
    """The same with the status."""

    status: Status
    in_status: float


@dataclass(frozen=True)
class RolloutState:
    """All that `decide` needs to know of the past. Seconds are counted only while the rollout was attended:
    a clock that jumps or a controller that sleeps shortens no watch.

    What is here, several strategies share; what one strategy alone keeps is in `progress`.
    """

    new: str
    old: str | None
    mode: Mode = Mode.FULL
    status: Status = Status.PROGRESSING
    step: int = 0
    at: float = 0.0
    """Unix seconds of the last decision; 0 before the first."""
    watched: float = 0.0
    """Seconds of analysis in this step."""
    waited: float = 0.0
    """Seconds in this step."""
    in_status: float = 0.0
    """Seconds in this status."""
    out: bool = False
    """No request can reach what is on its way out, as was read back."""
    drained: float = 0.0
    """Seconds for which that has been so."""
    returned: bool = False
    """No user has the new version any more, as was read back: withdrawn, or on the way back."""
    author: str = ""
    """Who requested the rollout."""
    approvals: tuple[str, ...] = ()
    """Persons who approved the step that waits."""
    signed: tuple[str, ...] = ()
    """Persons who approved this plan for production before the rollout started."""
    attempt: int = 1
    """Number of attempts of the step's checks."""
    reached: int = 0
    """The highest weight that was ever set, per mille."""
    progress: Progress = NOTHING
    tries: int = 0
    """Fresh starts of the evidence after harm; the judge starts again when it changes."""
    excuse: str = ""
    """Why the harm may not be the release's fault (an `Excuse`); `replaced` once the failing instance is gone."""
    replaced: str = ""
    """`host:port` of that instance."""
    harmed: tuple[str, ...] = ()
    """Metrics whose failure withdrew the traffic."""
    paused: bool = False
    """The rollout was paused by a person when its traffic was withdrawn."""
    convicted: bool = False
    """It goes back for its own harm, or a person's wish: its users are better off on any running stable instance."""
    unwatched: str = ""
    """What could not be analysed, although everything else passed."""
    worse: str = ""
    """In what the version looked worse than the past when it continued all the same."""
    hold: Hold | None = None
    troubles: tuple[Trouble, ...] = ()
    diverted: Diversion | None = None
    reason: str = ""
    accepted: tuple[str, ...] = ()
    """Metrics whose failure a person has accepted."""
    verdicts: tuple[tuple[str, str], ...] = ()
    """By metric: its last reported verdict."""
    recovering: tuple[tuple[str, float], ...] = ()
    """Metrics whose trouble seems to be over, each since when, Unix seconds. Told once that has lasted."""
    harm_since: float = 0.0
    """Since when users of the new version have met harm, as far as the last verdicts know; Unix seconds, 0 for none."""

    def changed(self, changes: Mapping[str, object]) -> RolloutState:
        """As `dataclasses.replace`, for a state that is copied several times at every look of every rollout."""
        values = vars(self)
        if unknown := changes.keys() - values.keys():
            raise TypeError(f"a state has no {', '.join(sorted(unknown))}")
        if all(values[name] == value for name, value in changes.items()):
            return self
        new = object.__new__(RolloutState)
        vars(new).update(values)
        vars(new).update(changes)
        return new

    @property
    def kept(self) -> int:
        """Per mille of users who have the version although it is withdrawn, from other waves than the one that
        failed."""
        withdrawn = self.status is Status.WITHDRAWN
        return self.progress.kept if withdrawn and isinstance(self.progress, CanaryProgress) else 0

    @property
    def preserved(self) -> bool:
        """Whether the failed version still runs, for study."""
        return isinstance(self.progress, BlueGreenProgress) and self.progress.preserved

    @property
    def dark(self) -> bool:
        """Whether it was rolled back by its flag: its code stays where it is."""
        return isinstance(self.progress, ToggleProgress) and self.progress.dark


@dataclass(frozen=True)
class Observed:
    """What was read back just before a decision. None means unreadable; `trouble` says why.

    endpoints: host and port of each instance that the router sends requests to, by version · hooks: steps with checks ·
    checks: the started ones · in words: freeze (active), barrier (the service of the release that this one must not
    overtake), outside (of maintenance windows), lacking (on the machine) · flag: its ramp · refusal: why its provider
    did not take the last one · at: Unix seconds, of a look at a finished rollout.
    """

    split: Split | None
    instances: tuple[Instance, ...] | None
    verdicts: tuple[Verdict, ...] = ()
    trouble: str = ""
    endpoints: Mapping[str, frozenset[tuple[str, int]]] | None = None
    hooks: frozenset[str] = frozenset()
    checks: tuple[CheckResult, ...] = ()
    freeze: str = ""
    barrier: str = ""
    outside: str = ""
    flag: Ramp | None = None
    refusal: Refusal | None = None
    lacking: str = ""
    at: float = 0.0

    def check(self, name: str, attempt: int) -> CheckResult | None:
        return next((c for c in self.checks if c.name == name and c.attempt == attempt), None)


@dataclass(frozen=True)
class Event:
    """Something that happened, with a sentence for people and data for machines."""

    type: str
    sentence: str
    data: JsonObject = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    state: RolloutState
    actions: tuple[Action, ...]
    events: tuple[Event, ...]
    answered: tuple[tuple[int, str], ...] = ()
    """Handled commands, by id, each with its outcome."""
