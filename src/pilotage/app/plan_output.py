"""Differences of plans as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.app.plan import Retargeted
from pilotage.model.output.records import ChangeOutput, ChangesOutput, RenotifyOutput, RetargetOutput
from pilotage.model.plan_change import PlanChange


def changes_output(changes: Sequence[PlanChange]) -> ChangesOutput:
    return ChangesOutput(changes=_outputs(changes))


def retarget_output(moved: Retargeted) -> RetargetOutput:
    again = tuple(RenotifyOutput(audience=r.audience, channels=r.told_by, owner=r.owner) for r in moved.again)
    return RetargetOutput(changes=_outputs(moved.changes), notify_again=again)


def _outputs(changes: Sequence[PlanChange]) -> tuple[ChangeOutput, ...]:
    return tuple(
        ChangeOutput(section=c.part, name=c.what, before=c.before, after=c.after, affects=c.whom, reason=c.reason)
        for c in changes
    )
