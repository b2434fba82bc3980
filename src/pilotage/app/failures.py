"""Rollouts that failed lately. One that a person aborted before anything was wrong with it is none."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.app.roles import Eyes
from pilotage.engine.records import overview
from pilotage.engine.records.events_of_many import events_of_many
from pilotage.engine.records.store import Store
from pilotage.model.events import InstanceExited, RollbackStarted, TrafficWithdrawn, VerdictChanged
from pilotage.model.record import Recorded, RolloutSummary
from pilotage.model.status import Status
from pilotage.report.harm import tells_of_harm

_TELLING = (RollbackStarted, TrafficWithdrawn, VerdictChanged, InstanceExited)
_MOST = 20
"""Rollouts that are looked at."""


def failed_lately(store: Store, eyes: Eyes, services: Sequence[str] | None) -> tuple[RolloutSummary, ...]:
    """Newest first. services: only of these; None for all."""
    found = overview.ended_lately(store.engine, (Status.ROLLED_BACK, Status.FAILED), _MOST, services)
    seen = [one for one in found if eyes.sees(one.service, one.environment)]
    undone = [one.id for one in seen if one.status is Status.ROLLED_BACK]
    told = events_of_many(store.engine, undone, [event.type for event in _TELLING])
    return tuple(one for one in seen if not _on_purpose(told.get(one.id, ())))


def _on_purpose(events: Sequence[Recorded]) -> bool:
    """Whether a person ended it, and nothing had told of harm."""
    by_hand = any(isinstance(one.what, RollbackStarted) and one.what.cause == "command" for one in events)
    return by_hand and not any(tells_of_harm(one.what) for one in events)
