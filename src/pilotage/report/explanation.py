"""Why a rollout is where it is, in sentences, from what was recorded (rule 13). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.model.event_names import data_today
from pilotage.model.events import (
    AnalysisIncomplete,
    Failed,
    HoldStarted,
    InstanceExited,
    InstanceReplaced,
    InterventionRequired,
    Paused,
    Promoted,
    RegressionAccepted,
    RetryStarted,
    RollbackStarted,
    RolledBack,
    TrafficDiverted,
    TrafficRestored,
    TrafficWithdrawn,
)
from pilotage.model.json import list_at, optional
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.record import Recorded, Rollout
from pilotage.model.rollout import Mode, Status
from pilotage.model.step_title import title_of
from pilotage.model.traffic import WHOLE

_TURNING = (
    RollbackStarted | TrafficRestored | HoldStarted | TrafficDiverted | TrafficWithdrawn | InstanceReplaced
    | RetryStarted | AnalysisIncomplete | RegressionAccepted | Paused | InterventionRequired | InstanceExited | Promoted
    | Failed | RolledBack
)  # fmt: skip
"""Events that made the rollout go another way."""


def explain(rollout: Rollout, events: Sequence[Recorded]) -> list[str]:
    """The answer first, then the numbers, then how it came to be."""
    state, step = rollout.state, rollout.plan.steps[rollout.state.step]
    verdicts = [f"  {v.metric}: {v.kind}: {v.sentence}" for v in rollout.live.verdicts]
    turning = [line for e in events if isinstance(e.what, _TURNING) for line in _told(e)]
    match state.status:
        case Status.QUEUED:
            answer = f"{rollout.version} is queued for {rollout.environment}."
        case Status.PROGRESSING:
            title = title_of(step, state.new, state.mode)
            left = max(0.0, step.duration - state.watched)
            waits = f", {format_duration(round(left))} to go" if step.duration and state.mode is Mode.FULL else ""
            answer = f"{rollout.version} is at step {state.step + 1} of {len(rollout.plan.steps)}: {title}{waits}."
        case Status.HOLDING:
            answer = f"{rollout.version} is holding at {format_share(step.weight / WHOLE)}: {_ended(state.reason)}"
        case Status.PAUSED:
            share = format_share(step.weight / WHOLE)
            answer = (
                f"{rollout.version} is paused at {share}: {_ended(state.reason)} Run `pilotage resume` to continue."
            )
        case Status.WITHDRAWN if state.excuse:
            why = _ended(state.reason)
            answer = f"{rollout.version} is withdrawn from traffic: {why} It may be transient: Pilotage retries once."
        case Status.WITHDRAWN:
            limit = format_duration(rollout.plan.number("hold.decision_timeout"))
            answer = (
                f"{rollout.version} is withdrawn from traffic: {_ended(state.reason)} `pilotage promote` restores its "
                "traffic, `pilotage retry` restores it and judges fresh evidence, `pilotage abort` rolls back. Without "
                f"a decision, Pilotage rolls back {limit} after the withdrawal."
            )
        case Status.ROLLING_BACK:
            answer = f"{rollout.version} is rolling back: {_ended(state.reason)}"
        case Status.ROLLED_BACK:
            answer = f"{rollout.version} was rolled back: {_ended(state.reason)} {rollout.old} serves all requests."
        case Status.CANCELLED:
            answer = f"{rollout.version} never started: {_ended(state.reason)}"
        case Status.FAILED:
            answer = f"Manual intervention needed: {_ended(state.reason)}"
        case Status.COMPLETED:
            answer = f"{rollout.version} serves all requests of {rollout.environment}."
            if state.reason:
                answer += f" It {_ended(state.reason)}"
    numbers = ["", "Last measurements:", *verdicts] if verdicts else []
    if rollout.live.trouble:
        numbers.append(f"  {rollout.live.trouble}")
    return [answer, *numbers, *(["", "What led here:", *turning] if turning else [])]


def _ended(sentence: str) -> str:
    """With the full stop of a sentence, unless it has an end of its own."""
    return sentence if sentence.endswith(("?", "!", ".")) else f"{sentence}."


def _told(event: Recorded) -> list[str]:
    """An event and what lies behind it: the routes and statuses that failed, the last lines of a log."""
    details = optional(list_at, data_today(event.type, event.data), "details") or ()
    return [f"  {event.type_today}: {event.sentence}", *(f"    {line}" for line in details)]
