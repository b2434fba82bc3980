"""What a rollout does now, in one short sentence, and below it why, until when, and what follows. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pilotage.model.awaited import Awaited
from pilotage.model.events import HoldStarted, RolledBack
from pilotage.model.hold import HoldCause
from pilotage.model.quantity import spoken_share
from pilotage.model.record import Recorded, Rollout
from pilotage.model.rollout import Status
from pilotage.model.step_title import title_of
from pilotage.model.text import sentence
from pilotage.model.traffic import WHOLE


@dataclass(frozen=True, kw_only=True)
class Standing:
    """headline: what holds, and until when · details: a sentence each."""

    headline: str
    details: tuple[str, ...] = ()


_HOLDS: Mapping[HoldCause, str] = {
    HoldCause.SOURCE_ERROR: "its metrics cannot be read",
    HoldCause.INSUFFICIENT_DATA: "too few requests to decide",
    HoldCause.INCONCLUSIVE: "the comparison has no clear result yet",
    HoldCause.DEGRADED: "it is worse than stable",
    HoldCause.REGRESSION: "it is worse than usual",
    HoldCause.HARM_SUSPECTED: "it may be worse than stable",
    HoldCause.CANARY_UNHEALTHY: "too few of its instances are healthy",
    HoldCause.STABLE_UNHEALTHY: "stable is not healthy",
    HoldCause.ROUTER_UNREACHABLE: "the router or the instances do not respond",
    HoldCause.FLAGS_UNREACHABLE: "the flag's provider does not respond",
    HoldCause.APPROVAL: "it waits for approval",
    HoldCause.PROVIDER_APPROVAL: "the flag's provider waits for an approval",
    HoldCause.FREEZE: "a freeze is in force",
    HoldCause.ALERT: "a critical alert fires",
    HoldCause.LOW_SUCCESS_RATE: "too few requests succeed",
    HoldCause.COMPLAINTS: "more users than usual report problems",
    HoldCause.DEPENDENCY: "another service of the release is behind",
    HoldCause.WAVE_DAY: "the next wave has a later day",
}

_THEN: Mapping[str, str] = {
    "rollback": "it rolls back", "pause": "it pauses and waits for a decision", "continue": "it continues",
}  # fmt: skip
"""What ends a hold, by the word of its event."""


def standing(
    rollout: Rollout, events: Sequence[Recorded], clock: Callable[[float], str], due: Awaited | None
) -> Standing:
    """events: the last ones, oldest first · clock: a moment in Unix seconds, as the reader's clock has it · due: the
    decision that it waits for."""
    state = rollout.state
    if state.status is Status.HOLDING:
        return _holding(rollout, events, clock, due)
    until = f" until {clock(due.until)}" if due else ""
    return Standing(
        headline=_headline(rollout, until),
        details=tuple(_details(rollout, events, f"Without a decision by then, {due.then}." if due else "")),
    )


def _headline(rollout: Rollout, until: str) -> str:
    state, version, place = rollout.state, rollout.version, rollout.environment
    match state.status:
        case Status.QUEUED:
            return f"{version} waits for its turn in {place}."
        case Status.PROGRESSING:
            step = rollout.plan.steps[state.step]
            title = title_of(step, state.new, state.mode)
            return f"{version} is at step {state.step + 1} of {len(rollout.plan.steps)}: {title}."
        case Status.PAUSED:
            return f"{version} is paused at {_share(rollout)}{until}."
        case Status.WITHDRAWN if state.excuse:
            return f"{version} is withdrawn. Pilotage tries it once more."
        case Status.WITHDRAWN:
            return f"{version} is withdrawn and waits for a decision{until}."
        case Status.ROLLING_BACK:
            return f"{version} is rolling back" + (f" to {rollout.old}." if rollout.old else ".")
        case Status.ROLLED_BACK:
            return f"{version} was rolled back" + (f" to {rollout.old}." if rollout.old else ".")
        case Status.CANCELLED:
            return f"{version} never started."
        case Status.FAILED:
            return f"{version} needs manual intervention."
        case _:
            return f"{version} completed its rollout to {place}."


def _details(rollout: Rollout, events: Sequence[Recorded], otherwise: str) -> Iterator[str]:
    """otherwise: what follows without a decision."""
    state = rollout.state
    if state.status is Status.COMPLETED:
        yield "All requests were sent to it."
        if state.reason:
            yield sentence(f"It {state.reason}")
    elif state.status is Status.PROGRESSING:
        return
    elif state.reason:
        yield sentence(state.reason)
    outcomes = [event.what.outcome for event in events if isinstance(event.what, RolledBack)]
    if state.status is Status.ROLLED_BACK and outcomes and outcomes[-1]:
        yield sentence(f"at its end, {outcomes[-1]}")
    if otherwise:
        yield otherwise


def _holding(
    rollout: Rollout, events: Sequence[Recorded], clock: Callable[[float], str], due: Awaited | None
) -> Standing:
    state, hold = rollout.state, rollout.state.hold
    why = f": {_HOLDS[hold.cause]}" if hold else ""
    end = (due.until, due.then) if due else _end(rollout, events)
    until = f" until {clock(end[0])}" if end else ""
    details = [sentence(state.reason)] if state.reason else []
    if due:
        details.append(f"Without a decision by then, {due.then}.")
    elif end:
        details.append(f"If this lasts until then, {end[1]}.")
    return Standing(
        headline=f"{rollout.version} holds at {_share(rollout)}{until}{why}.", details=tuple(details)
    )  # fmt: skip


def _end(rollout: Rollout, events: Sequence[Recorded]) -> tuple[float, str] | None:
    """When the patience of a hold ends, and what follows; None where something else ends it, such as a freeze."""
    state, hold = rollout.state, rollout.state.hold
    begun = [event.what for event in events if isinstance(event.what, HoldStarted)]
    last = next((one for one in reversed(begun) if hold and one.cause == hold.cause), None)
    if hold is None or last is None or last.timeout_seconds is None or last.on_timeout not in _THEN:
        return None
    return state.at + max(0.0, last.timeout_seconds - hold.held), _THEN[last.on_timeout]


def _share(rollout: Rollout) -> str:
    step = rollout.plan.steps[rollout.state.step]
    return step.audience or spoken_share(step.weight / WHOLE)
