"""A recorded rollout, complete or as its columns, and its events: the data of lists, views and reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pilotage.model.errors import Unavailable
from pilotage.model.json import JsonObject

if TYPE_CHECKING:
    from pilotage.model.events import Occurrence
    from pilotage.model.live import JudgeState, LiveView
    from pilotage.model.plan import Plan
    from pilotage.model.rollout import RolloutState
    from pilotage.model.snapshot import Membership, Snapshot
    from pilotage.model.status import Mode, Status


class Unreadable(Unavailable):
    """This version of Pilotage cannot read a rollout's record. Other rollouts are not affected.

    Its columns can still be read: enough to say which it is, and to bring its users back to `old`.
    """

    def __init__(self, sentence: str, row: Mapping[str, object]) -> None:
        """row: its columns id, service, environment, version and old."""
        super().__init__(sentence)
        self.id, self.service, self.environment = str(row["id"]), str(row["service"]), str(row["environment"])
        self.version, self.old = str(row["version"]), None if row["old"] is None else str(row["old"])


@dataclass(frozen=True, kw_only=True)
class RolloutSummary:
    """One rollout as its columns tell it: what lists show. Its plan and snapshot may be unreadable.

    sequence: its place in the order in which rollouts of the environment started, from 1; None until it starts ·
    step: id of the step it is at, empty where its plan cannot be read · weight: of that step, per mille · reached: the
    highest weight ever set · kind, strategy: answers of its plan · membership: its place in a release of several
    services · created_at, started_at, finished_at: Unix seconds.
    """

    id: str
    service: str
    environment: str
    sequence: int | None
    version: str
    old: str | None
    status: Status
    mode: Mode
    actor: str
    created_at: float
    started_at: float | None
    finished_at: float | None
    step: str
    weight: int
    reached: int
    reason: str
    dark: bool
    preserved: bool
    kind: str
    strategy: str
    plan_hash: str
    group_id: str | None
    membership: Membership | None
    head: str
    events: int
    revision: int

    @property
    def took(self) -> float | None:
        """Seconds from its start to its end; None where either is missing. Clocks that were put back make it no less
        than 0."""
        return _took(self.started_at, self.finished_at)


@dataclass(frozen=True)
class Rollout:
    """One recorded rollout. `live` is the last look, for people.

    sequence, started_at: as in RolloutSummary · paged: whether an incident of it is open; None if only its events know.
    """

    id: str
    service: str
    environment: str
    version: str
    old: str | None
    actor: str
    created_at: float
    finished_at: float | None
    plan: Plan
    plan_hash: str
    snapshot: Snapshot
    state: RolloutState
    judge: JudgeState | None
    live: LiveView
    head: str
    events: int
    revision: int
    group_id: str | None = None
    sequence: int | None = None
    started_at: float | None = None
    paged: bool | None = None

    @property
    def status(self) -> Status:
        return self.state.status

    @property
    def reason(self) -> str:
        return self.state.reason

    @property
    def mode(self) -> Mode:
        return self.state.mode

    @property
    def preserved(self) -> bool:
        return self.state.preserved

    @property
    def took(self) -> float | None:
        """As of RolloutSummary."""
        return _took(self.started_at, self.finished_at)


def _took(began: float | None, ended: float | None) -> float | None:
    return None if began is None or ended is None else max(0.0, ended - began)


@dataclass(frozen=True)
class Recorded:
    """An event as it was recorded, `type` and `data` under the names of the version that wrote it. `hash` covers
    everything else, and `before`, the hash of the one before."""

    rollout: str
    number: int
    at: float
    type: str
    sentence: str
    data: JsonObject
    before: str
    hash: str

    @property
    def type_today(self) -> str:
        """What its type is called in this version."""
        from pilotage.model.event_names import type_today

        return type_today(self.type)

    @cached_property
    def what(self) -> Occurrence:
        """The event as its class; reports ask for it again and again."""
        from pilotage.model.events import parse

        return parse(self.type, self.data)
