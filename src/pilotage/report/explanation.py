"""Why a rollout is where it is, in sentences, from what was recorded (rule 13). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.model.events import (
    Failed,
    HoldStarted,
    InstanceDied,
    InstanceReplaced,
    Paused,
    PersonNeeded,
    Promoted,
    RollbackStarted,
    RolledBack,
    SecondTry,
    TrafficDiverted,
    TrafficReturned,
    TrafficWithdrawn,
    Unwatched,
    WorseThanThePast,
)
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.record import Recorded, Rollout
from pilotage.model.rollout import Status
from pilotage.model.traffic import WHOLE

_TURNING = (
    RollbackStarted | TrafficReturned | HoldStarted | TrafficDiverted | TrafficWithdrawn | InstanceReplaced | SecondTry
    | Unwatched | WorseThanThePast | Paused | PersonNeeded | InstanceDied | Promoted | Failed | RolledBack
)  # fmt: skip
"""Events that made the rollout go another way."""


def explain(rollout: Rollout, events: Sequence[Recorded]) -> list[str]:
    """The answer first, then the numbers, then how it came to be."""
    state, step = rollout.state, rollout.plan.steps[rollout.state.step]
    verdicts = [f"  {v.metric}: {v.kind}: {v.sentence}" for v in rollout.live.verdicts]
    turning = [line for e in events if isinstance(e.what, _TURNING) for line in _told(e)]
    match state.status:
        case Status.QUEUED:
            answer = f"{rollout.version} waits for its turn in {rollout.environment}."
        case Status.PROGRESSING:
            left = max(0.0, step.duration - state.watched)
            waits = f", {format_duration(round(left))} to go" if step.duration else ""
            answer = f"{rollout.version} is at step {state.step + 1} of {len(rollout.plan.steps)}: {step.title}{waits}."
        case Status.HOLDING:
            answer = f"{rollout.version} holds at {format_share(step.weight / WHOLE)} because {state.reason}."
        case Status.PAUSED:
            share = format_share(step.weight / WHOLE)
            answer = f"{rollout.version} stands at {share}: {_ended(state.reason)} `pilotage resume` goes on."
        case Status.WITHDRAWN if state.excuse:
            answer = f"{rollout.version} lost its traffic: {state.reason}. It may be bad luck and is tried once more."
        case Status.WITHDRAWN:
            limit = format_duration(rollout.plan.number("hold.answer_deadline"))
            answer = (
                f"{rollout.version} lost its traffic: {state.reason}. `pilotage promote` gives it back, `pilotage "
                f"retry` tries once more, `pilotage abort` ends the release. It is rolled back {limit} after the harm."
            )
        case Status.ROLLING_BACK:
            answer = f"{rollout.version} is being undone because {state.reason}."
        case Status.ROLLED_BACK:
            answer = f"{rollout.version} was undone because {state.reason}. {rollout.old} serves all requests."
        case Status.CANCELLED:
            answer = f"{rollout.version} never started: {state.reason}."
        case Status.FAILED:
            answer = f"A person is needed: {state.reason}."
        case Status.COMPLETED:
            answer = f"{rollout.version} serves all requests of {rollout.environment}."
            if state.reason:
                answer += f" It {state.reason}."
    numbers = ["", "What was measured last:", *verdicts] if verdicts else []
    if rollout.live.trouble:
        numbers.append(f"  {rollout.live.trouble}")
    return [answer, *numbers, *(["", "How it came to be:", *turning] if turning else [])]


def _ended(sentence: str) -> str:
    """With the full stop of a sentence, unless it has an end of its own."""
    return sentence if sentence.endswith(("?", "!", ".")) else f"{sentence}."


def _told(event: Recorded) -> list[str]:
    """An event and what lies behind it: the routes and statuses that failed, the last lines of a log."""
    return [f"  {event.type}: {event.sentence}", *(f"    {line}" for line in event.data.get("detail", ()))]
