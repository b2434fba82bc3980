"""Rollouts of one stage to several environments: how many at once, which never together, and what is between them."""

from __future__ import annotations

from dataclasses import replace

from pilotage.model.quantity import format_duration
from pilotage.model.way import EnvironmentStage
from pilotage.model.way_events import RolloutRequested
from pilotage.way.seen import PlaceSeen, PlaceStatus, StartRollout
from pilotage.way.turn import Turn

_BAD = (PlaceStatus.RETURNING, PlaceStatus.RETURNED, PlaceStatus.STUCK, PlaceStatus.REPLACED)


def progress(turn: Turn, index: int, stage: EnvironmentStage) -> bool:
    """Take the stage one step further. True once every environment is complete."""
    _note_rollouts(turn, index)
    state = turn.state.stages[index]
    places = {
        name: turn.seen.places[name] for name in stage.environments if name in state.after and name in turn.seen.places
    }
    if why := _gone_wrong(turn, places):
        turn.fail(index, why)
        return False
    done = {name for name, place in places.items() if place.status is PlaceStatus.COMPLETE}
    if len(done) == len(stage.environments):
        return True
    _begin_more(turn, index, stage, places, done)
    _ask_for_rollouts(turn, index, stage)
    return False


def _note_rollouts(turn: Turn, index: int) -> None:
    """Keep the ids of rollouts that have been seen, so that they can be undone whatever happens later."""
    _, state = turn.stage(index)
    seen = {name: turn.seen.places[name].rollout for name in state.after if name in turn.seen.places}
    new = {name: identity for name, identity in seen.items() if identity and name not in state.rollouts}
    if new:
        turn.put(index, replace(state, rollouts={**state.rollouts, **new}))


def _gone_wrong(turn: Turn, places: dict[str, PlaceSeen]) -> str:
    """Why the stage has failed; empty where it has not."""
    for name, place in places.items():
        if place.status in _BAD:
            return place.sentence or f"{name}: the rollout is {place.status}"
    for name, place in places.items():
        refused = turn.seen.refused.get(name)
        if place.status is PlaceStatus.NOTHING and refused is not None and refused.for_good:
            return f"{name}: {refused.sentence}"
    return ""


def _begin_more(turn: Turn, index: int, stage: EnvironmentStage, places: dict[str, PlaceSeen], done: set[str]) -> None:
    """Begin the next environments, in order: none overtakes one that has to wait."""
    state = turn.state.stages[index]
    for name in stage.environments:
        if name in state.after:
            continue
        why = _not_yet(turn, stage, name, places, done, frozenset(state.after) - done)
        if why is not None:
            wait, reason = why
            if reason:
                turn.wait(index, wait, reason)
            return
        turn.go_on(index)
        state = turn.state.stages[index]
        state = replace(state, after={**state.after, name: turn.seen.places[name].newest})
        turn.put(index, state)
        turn.tell(RolloutRequested(stage=stage.name, environment=name))


def _not_yet(
    turn: Turn, stage: EnvironmentStage, name: str, places: dict[str, PlaceSeen], done: set[str],
    under_way: frozenset[str],
) -> tuple[str, str] | None:  # fmt: skip
    """Why an environment cannot begin, as a wait and a reason to show; None where it can."""
    if turn.held or len(under_way) >= stage.at_most:
        return "", ""
    if any(name in group and under_way.intersection(group) for group in stage.apart):
        return "", ""
    if name not in turn.seen.places:
        return "unknown", f"what {name} serves is unknown"
    for freeze in ("", name):
        if why := turn.seen.frozen.get(freeze, ""):
            return "freeze", f"{name}: {why}"
    last = max((places[one].since for one in done), default=None)
    if last is not None and turn.now - last < stage.bake:
        return "bake", f"{format_duration(stage.bake)} between two environments; next is {name}"
    return None


def _ask_for_rollouts(turn: Turn, index: int, stage: EnvironmentStage) -> None:
    """What was begun and is not there yet is asked for until it is, or until it is refused for good."""
    _, state = turn.stage(index)
    refused = ""
    for name in stage.environments:
        if name not in state.after:
            continue
        place = turn.seen.places.get(name)
        if place is None or place.status is not PlaceStatus.NOTHING or state.rollouts.get(name):
            continue
        turn.ask(StartRollout(stage=stage.name, environment=name, approved=state.approved))
        if (why := turn.seen.refused.get(name)) is not None:
            refused = refused or f"{name}: {why.sentence}"
    if refused:
        turn.wait(index, "refused", refused)
    elif state.waiting == "refused":
        turn.go_on(index)
