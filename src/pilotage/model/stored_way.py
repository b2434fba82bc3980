"""A way as JSON: each stage says its kind, because a reader of data cannot see it."""

from __future__ import annotations

import msgspec

from pilotage.model.converting import convert
from pilotage.model.json import Json, JsonObject, list_at, read_as, text_at
from pilotage.model.way import AwaitStage, EnvironmentStage, RunStage, Way, WayStage, WayState

_KINDS: dict[str, type[WayStage]] = {"run": RunStage, "await": AwaitStage, "environment": EnvironmentStage}


def kind_of(stage: WayStage) -> str:
    """As it is called in `pilotage.yaml`."""
    match stage:
        case RunStage():
            return "run"
        case AwaitStage():
            return "await"
        case EnvironmentStage():
            return "environment"


def way_to_data(way: Way) -> JsonObject:
    """Plain JSON."""
    data = msgspec.to_builtins(way)
    stages = [{"kind": kind_of(stage), **one} for stage, one in zip(way.stages, data["stages"], strict=True)]
    return {**data, "stages": stages}


def way_from_data(data: JsonObject) -> Way:
    """Raises ValueError for data of another version that this one cannot read."""
    stages = [_stage(one) for one in list_at(data, "stages")]
    return Way(
        id=text_at(data, "id"), service=text_at(data, "service"), version=text_at(data, "version"),
        commit=text_at(data, "commit"), author=text_at(data, "author"), stages=tuple(stages),
        left_out=read_as(tuple[tuple[str, str], ...], data, "left_out"), tree=text_at(data, "tree"),
    )  # fmt: skip


def _stage(data: Json) -> WayStage:
    kind = text_at(data, "kind")
    if kind not in _KINDS:
        raise ValueError(f"no stage of a way has the kind {kind!r}")
    return convert(data, _KINDS[kind])


def state_to_data(state: WayState) -> JsonObject:
    data: JsonObject = msgspec.to_builtins(state)
    return data


def state_from_data(data: JsonObject) -> WayState:
    """Raises ValueError."""
    return convert(data, WayState)
