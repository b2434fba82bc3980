"""A rollout's state as JSON: as this version writes it, and as any version wrote it.

Earlier versions had the progress of all strategies in three fields, `moves`, `preserved` and `dark`. They are still
written, for a worker of such a version that takes a rollout over; `progress` is what this version reads. For such a
worker, modes and causes of holds also keep the names that it knows.
"""

from __future__ import annotations

import msgspec

from pilotage.model.answers import DeploymentStrategy
from pilotage.model.converting import convert
from pilotage.model.json import JsonObject, optional, whole_at
from pilotage.model.progress import (
    BigBangProgress,
    BlueGreenProgress,
    CanaryProgress,
    Progress,
    RollingProgress,
    ToggleProgress,
    WayBack,
)
from pilotage.model.rollout import RENAMED_CAUSES, RolloutState, Status
from pilotage.model.status import RENAMED_MODES

_FORWARD = (Status.QUEUED, Status.PROGRESSING, Status.HOLDING, Status.PAUSED, Status.WITHDRAWN)
_EARLIER_CAUSES = {today: earlier for earlier, today in RENAMED_CAUSES.items()}
_EARLIER_MODES = {today: earlier for earlier, today in RENAMED_MODES.items()}


def to_data(state: RolloutState) -> JsonObject:
    """Plain JSON."""
    data = msgspec.to_builtins(state)
    for one in (data["hold"], *data["troubles"]):
        if one:
            one["cause"] = _EARLIER_CAUSES.get(one["cause"], one["cause"])
    pace = _EARLIER_MODES.get(state.mode, state.mode.value)
    return {**data, "pace": pace, "moves": _moves(state), "preserved": state.preserved, "dark": state.dark}


def from_data(data: JsonObject, strategy: DeploymentStrategy) -> RolloutState:
    """The state. strategy: the plan's. Raises msgspec.ValidationError for invalid data."""
    data = named_today(data)
    if "progress" not in data:
        data = {**data, "progress": msgspec.to_builtins(_from_the_fields_of_all(data, strategy))}
    return convert(data, RolloutState)


def named_today(data: JsonObject) -> JsonObject:
    """The same with today's names of fields."""
    return {**data, "mode": data["pace"]} if "mode" not in data and "pace" in data else data


def _moves(state: RolloutState) -> int:
    forward = state.status in _FORWARD
    match state.progress:
        case RollingProgress(restored=restored, undone=undone):
            return int(restored) if forward else undone
        case ToggleProgress(parts=parts, undone=undone):
            return parts if forward else undone
        case BigBangProgress(came_to=came_to):
            return int(came_to)
        case _:
            return 0


def _from_the_fields_of_all(data: JsonObject, strategy: DeploymentStrategy) -> Progress:
    moves, forward = optional(whole_at, data, "moves") or 0, data.get("status", Status.PROGRESSING) in _FORWARD
    match strategy:
        case DeploymentStrategy.BLUE_GREEN:
            return BlueGreenProgress(preserved=bool(data.get("preserved")))
        case DeploymentStrategy.ROLLING:
            return RollingProgress(restored=moves > 0) if forward else RollingProgress(undone=moves)
        case DeploymentStrategy.BIG_BANG:
            return BigBangProgress(came_to=convert(moves, WayBack))
        case DeploymentStrategy.FEATURE_TOGGLE:
            dark = bool(data.get("dark"))
            return ToggleProgress(parts=moves) if forward else ToggleProgress(undone=moves, dark=dark)
        case _:
            return CanaryProgress()
