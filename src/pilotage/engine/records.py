"""What the store knows of a rollout: the whole of it, or what its columns alone tell, for lists."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import msgspec
from sqlalchemy import RowMapping, Select, select

from pilotage.engine.tables import judge_states, live_views, plans, rollouts, snapshots
from pilotage.model.live import read_judge, read_live
from pilotage.model.plan import Plan
from pilotage.model.plan_formats import read_plan
from pilotage.model.record import Rollout, RolloutSummary, Unreadable
from pilotage.model.rollout import Pace, RolloutState, Status
from pilotage.model.snapshot import FORMAT, Membership, Snapshot, read_snapshot
from pilotage.model.stored_state import from_data, to_data

FINAL = tuple(status.value for status in Status if status.final)
ACTIVE = tuple(status.value for status in Status if not status.final and status is not Status.QUEUED)
"""Listed, because an index finds what is in a list, and not what is not in one."""


# ── read ───────────────────────────────────────────────────────────────────────────────────────────────────

_SUMMARY = tuple(
    rollouts.c.part if name == "membership" else rollouts.c[name] for name in RolloutSummary.__dataclass_fields__
)
_OWN = (
    "id", "service", "environment", "version", "old", "actor", "created_at", "finished_at", "plan_hash", "head",
    "events", "revision", "release", "sequence", "started_at", "paged",
)  # fmt: skip


def summaries() -> Select[Any]:
    """The columns that a RolloutSummary is made of, and nothing that is large."""
    return select(*_SUMMARY)


def summary(row: RowMapping) -> RolloutSummary:
    given = dict(row)
    given["membership"] = _membership(given.pop("part"))
    given |= {"status": Status(row["status"]), "pace": Pace(row["pace"])}
    given |= {"dark": bool(row["dark"]), "preserved": bool(row["preserved"])}
    return RolloutSummary(**given)


def _membership(part: Any) -> Membership | None:
    try:
        return None if part is None else msgspec.convert(part, Membership)
    except msgspec.ValidationError:
        return Membership()


def wholes() -> Select[Any]:
    """All that a Rollout is made of; bodies as they were written."""
    return (
        select(
            *(rollouts.c[name] for name in _OWN), rollouts.c.state,
            plans.c.body.label("plan"), snapshots.c.body.label("target"),
            judge_states.c.body.label("judge"), live_views.c.body.label("live"),
        )
        .outerjoin(plans, plans.c.hash == rollouts.c.plan_hash)
        .outerjoin(snapshots, snapshots.c.hash == rollouts.c.snapshot)
        .outerjoin(judge_states, judge_states.c.rollout == rollouts.c.id)
        .outerjoin(live_views, live_views.c.rollout == rollouts.c.id)
    )  # fmt: skip


def whole(row: RowMapping) -> Rollout:
    """The rollout of a row of `wholes`. Raises Unreadable."""
    own = {name: row[name] for name in _OWN}
    try:
        plan = read_plan(row["plan"] or "")
        return Rollout(
            **{**own, "paged": None if row["paged"] is None else bool(row["paged"])},
            plan=plan,
            snapshot=read_snapshot(parsed(row["target"])),
            state=from_data(readable(row["state"]), plan.answers.deployment_strategy),
            judge=read_judge(parsed(row["judge"])),
            live=read_live(parsed(row["live"])),
        )
    except (ValueError, TypeError) as error:
        raise Unreadable(
            f"the record of {row['version']} in {row['environment']} ({row['id']}) cannot be read by this version of "
            f"Pilotage: {error}",
            dict(row),
        ) from error


def parsed(body: str | None) -> dict[str, Any] | None:
    """A JSON object as it was kept; None where it is missing or none."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any]) if body else None
    except ValueError:
        return None


def readable(body: str | None) -> dict[str, Any]:
    """The same, an empty one in place of None."""
    return parsed(body) or {}


# ── written ────────────────────────────────────────────────────────────────────────────────────────────────


def plan_row(plan: Plan) -> dict[str, Any]:
    return {"hash": plan.hash, "format": plan.format, "body": plan.to_json()}


def snapshot_row(snapshot: Snapshot) -> dict[str, Any]:
    body = encoded(snapshot.to_dict())
    return {"hash": hashlib.sha256(body.encode()).hexdigest(), "format": FORMAT, "body": body}


def state_columns(plan: Plan, state: RolloutState) -> dict[str, Any]:
    """What of a state has columns of its own, and the state itself."""
    step = plan.steps[state.step]
    return {
        "status": state.status.value, "pace": state.pace.value, "old": state.old, "step": step.id,
        "weight": step.weight, "reached": state.reached, "reason": state.reason, "dark": int(state.dark),
        "preserved": int(state.preserved), "state": encoded(to_data(state)),
    }  # fmt: skip


def encoded(value: object) -> str:
    """JSON of one text for one value. NaN and infinities are no JSON: PostgreSQL would refuse them, so a file does too.
    Raises ValueError."""
    return json.dumps(value, allow_nan=False, sort_keys=True, separators=(",", ":"))


def clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
