"""The SQL statements that read and write rollouts; `rows` interprets the answers."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TypeAlias

from sqlalchemy import Select, select

from pilotage.engine.records.rows import OWN
from pilotage.engine.records.tables import judge_states, live_views, plans, rollouts, snapshots
from pilotage.model.json import JsonObject
from pilotage.model.plan import Plan
from pilotage.model.record import RolloutSummary
from pilotage.model.rollout import RolloutState
from pilotage.model.snapshot import FORMAT, Snapshot
from pilotage.model.stored_state import to_data

Listed: TypeAlias = "Select[*tuple[object, ...]]"
"""A query whose columns are listed when the program runs."""

# ── read ───────────────────────────────────────────────────────────────────────────────────────────────────

_SUMMARY = tuple(
    rollouts.c.part if name == "membership" else rollouts.c[name] for name in RolloutSummary.__dataclass_fields__
)


def summaries() -> Listed:
    """The columns that a RolloutSummary is made of, and nothing that is large."""
    return select(*_SUMMARY)


def wholes() -> Listed:
    """All that a Rollout is made of; bodies as they were written."""
    return (
        select(
            *(rollouts.c[name] for name in OWN), rollouts.c.state,
            plans.c.body.label("plan"), snapshots.c.body.label("target"),
            judge_states.c.body.label("judge"), live_views.c.body.label("live"),
        )
        .outerjoin(plans, plans.c.hash == rollouts.c.plan_hash)
        .outerjoin(snapshots, snapshots.c.hash == rollouts.c.snapshot)
        .outerjoin(judge_states, judge_states.c.rollout == rollouts.c.id)
        .outerjoin(live_views, live_views.c.rollout == rollouts.c.id)
    )  # fmt: skip


# ── written ────────────────────────────────────────────────────────────────────────────────────────────────


def plan_row(plan: Plan) -> JsonObject:
    return {"hash": plan.hash, "format": plan.format, "body": plan.to_json()}


def snapshot_row(snapshot: Snapshot) -> JsonObject:
    body = encoded(snapshot.to_dict())
    return {"hash": hashlib.sha256(body.encode()).hexdigest(), "format": FORMAT, "body": body}


def state_columns(plan: Plan, state: RolloutState) -> JsonObject:
    """The parts of a state that have their own columns, and the state itself."""
    step = plan.steps[state.step]
    return {
        "status": state.status.value, "mode": state.mode.value, "old": state.old, "step": step.id,
        "weight": step.weight, "reached": state.reached, "reason": state.reason, "dark": int(state.dark),
        "preserved": int(state.preserved), "state": encoded(to_data(state)),
    }  # fmt: skip


def encoded(value: object) -> str:
    """JSON of one text for one value. NaN and infinities are no JSON: PostgreSQL would refuse them, so a file does too.
    Raises ValueError."""
    return json.dumps(value, allow_nan=False, sort_keys=True, separators=(",", ":"))


def clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
