"""A way that ends badly: what the stage touched returns to what was there before, then the way is over."""

from __future__ import annotations

from dataclasses import replace

from pilotage.model.way import EnvironmentStage, StageStatus, WayStatus
from pilotage.model.way_events import WayAborted, WayFailed
from pilotage.way.seen import PlaceStatus, RunStatus, StopRun, Undo
from pilotage.way.turn import Turn

PATIENCE = 3600.0
"""Seconds after which a way ends although something could not be undone: a person was called long before."""


def undo(turn: Turn) -> None:
    """Ask for what is to be undone; end the way once it is, or cannot be."""
    _note_late_rollouts(turn)
    late = turn.now - turn.state.failing > PATIENCE
    left, open_ = list[str](), False
    for environment in turn.state.undoing:
        settled, why = _environment(turn, environment)
        if why and (settled or late):
            left.append(why)
        open_ = open_ or not (settled or late)
    for stop in _running(turn):
        turn.ask(stop)
        if late:
            left.append(f"{stop.stage} still runs")
        open_ = open_ or not late
    if not open_:
        _end(turn, tuple(left))


def _note_late_rollouts(turn: Turn) -> None:
    """A rollout that was asked for just before the stage failed is undone, too."""
    for index, (stage, state) in enumerate(zip(turn.way.stages, turn.state.stages, strict=True)):
        if not isinstance(stage, EnvironmentStage):
            continue
        seen = {name: turn.seen.places[name].rollout for name in state.after if name in turn.seen.places}
        new = {name: identity for name, identity in seen.items() if identity and name not in state.rollouts}
        if new:
            turn.put(index, replace(state, rollouts={**state.rollouts, **new}))


def _environment(turn: Turn, name: str) -> tuple[bool, str]:
    """Whether nothing is left to do there, and why it is not as it was, in a sentence."""
    place, rollout = turn.seen.places.get(name), _rollout(turn, name)
    if place is None:
        return False, f"what {name} serves is unknown"
    refused = turn.seen.refused.get(name)
    match place.status:
        case PlaceStatus.NOTHING | PlaceStatus.RETURNED | PlaceStatus.REPLACED:
            return True, ""
        case PlaceStatus.RETURNING:
            return False, f"{name} is still returning"
        case PlaceStatus.STUCK:
            said = place.sentence in turn.state.reason  # as the reason why the stage failed
            return True, f"{name} needs a person" if said else place.sentence
        case PlaceStatus.COMPLETE if not rollout:
            return True, ""  # it served this version before the way came
        case _ if refused is not None and refused.for_good:
            return True, f"{name}: {refused.sentence}"
        case _:
            if rollout:
                turn.ask(Undo(environment=name, rollout=rollout))
            return False, f"{name}: {refused.sentence if refused else 'it has not returned'}"


def _rollout(turn: Turn, name: str) -> str:
    return next((state.rollouts[name] for state in turn.state.stages if name in state.rollouts), "")


def _running(turn: Turn) -> list[StopRun]:
    """Attempts that still run, or left commands behind that may, of whichever stage."""
    return [
        StopRun(stage=stage, attempt=attempt)
        for (stage, attempt), run in turn.seen.runs.items()
        if run.status is RunStatus.RUNNING or run.left
    ]


def _end(turn: Turn, left: tuple[str, ...]) -> None:
    state = turn.state
    stages = tuple(
        replace(one, status=StageStatus.FAILED, ended=turn.now, detail=one.detail or "aborted")
        if one.status in (StageStatus.RUNNING, StageStatus.CUT_OFF)
        else one
        for one in state.stages
    )
    status = WayStatus.ABORTED if state.aborted else WayStatus.FAILED
    turn.state = replace(state, stages=stages, status=status, left=left)
    kind = WayAborted if state.aborted else WayFailed
    turn.tell(kind(version=turn.way.version, reason=state.reason, left=left))
