"""An announcement as a line of a list, and as JSON."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from pilotage.model.announcement import Announced
from pilotage.model.output.records import AnnouncementOutput
from pilotage.model.schedule import After
from pilotage.model.timestamp import timestamp


def state_of(one: Announced, now: float, zone: ZoneInfo) -> str:
    """What it is, and what it waits for."""
    late = one.not_before is not None and one.not_before > now
    at = f"{datetime.fromtimestamp(one.not_before or 0, zone):%Y-%m-%d %H:%M}" if late else ""
    match one.state.value:
        case _ if one.overdue(now):
            return "overdue"
        case "waiting" if one.happened_at is None:
            return f"waits for {_MOMENTS[one.after]}" + (f", not before {at}" if at else "")
        case "waiting" | "scheduled":
            return f"scheduled for {at}" if at else "going out"
        case "withdrawn" | "skipped":
            return f"{one.state}: {one.reason}"
        case state:
            return state


_MOMENTS = {After.NOTHING: "", After.START: "the start", After.COMPLETED: "completion", After.ROLLED_BACK: "a rollback"}


def output_of(one: Announced, now: float) -> AnnouncementOutput:
    """As `--json` prints it."""
    return AnnouncementOutput(
        item=one.item,
        title=one.title,
        audience=one.audience,
        owner=one.owner,
        state=one.state.value,
        due_at=timestamp(one.due),
        overdue=one.overdue(now),
        text=one.text,
        actor=one.actor,
        reason=one.reason,
        after=one.after.value,
        not_before=timestamp(one.not_before),
        sent_to=one.told,
    )
