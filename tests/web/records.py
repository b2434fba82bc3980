"""What a store holds when pages are looked at: rollouts that ended, one after the other."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from pilotage import Service
from pilotage.model.live import LiveView
from pilotage.model.record import Rollout
from pilotage.model.rollout import Decision, Event, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.plans import a_plan


def ended(
    store: Any, service: str, environment: str, version: str, *, old: str = "2.3.0", reason: str = "",
    status: Status = Status.COMPLETED, at: float | None = None,
) -> Rollout:  # fmt: skip
    """A rollout that has ended. at: Unix seconds of its creation, now where none is given."""
    plan = a_plan(version=version, service=Service(name=service, environment=environment))
    made: Rollout = store.create(plan, begin(plan, old, Mode.FULL), Snapshot(), "dora", at or time.time())
    over = made.created_at + 600 if at else time.time()
    state = replace(made.state, status=status, reason=reason, at=over)
    decision = Decision(state, (), (Event(status.value, "it ended"),))
    recorded: Rollout = store.record(made, decision, None, LiveView(at=over))
    return recorded
