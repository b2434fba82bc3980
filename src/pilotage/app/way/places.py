"""How far a version is in the environments of its way, from the rollouts that the store knows."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.engine.records.store import Store
from pilotage.model.record import RolloutSummary
from pilotage.model.rollout import Status
from pilotage.model.way import EnvironmentStage, StageState, Way, WayState
from pilotage.way.seen import PlaceSeen, PlaceStatus

_RECENT = 100
"""Rollouts of an environment that are looked at, the newest: a way's own is among them, or long over."""

_STATUS = {
    Status.ROLLING_BACK: PlaceStatus.RETURNING,
    Status.ROLLED_BACK: PlaceStatus.RETURNED,
    Status.CANCELLED: PlaceStatus.RETURNED,
    Status.FAILED: PlaceStatus.STUCK,
    Status.COMPLETED: PlaceStatus.COMPLETE,
}


def places_of(store: Store, way: Way, state: WayState) -> dict[str, PlaceSeen]:
    """Of every environment of the way."""
    return {
        name: _place(store, way, name, at)
        for stage, at in zip(way.stages, state.stages, strict=True)
        if isinstance(stage, EnvironmentStage)
        for name in stage.environments
    }


def _place(store: Store, way: Way, name: str, at: StageState) -> PlaceSeen:
    history = store.history(way.service, name, _RECENT)
    newest = history[0].id if history else ""
    if name not in at.after:
        return PlaceSeen(status=PlaceStatus.NOTHING, newest=newest)
    own = own_rollout(history, way.version, at.after[name])
    serves = (store.serving(way.service, name) or ("",))[0] == way.version
    if own is None:
        if serves and all(one.status.final for one in history):
            since = next((one.finished_at for one in history if one.version == way.version and one.finished_at), 0.0)
            return PlaceSeen(status=PlaceStatus.COMPLETE, newest=newest, since=since)
        return PlaceSeen(status=PlaceStatus.NOTHING, newest=newest)
    status, sentence = _how_far(own, history, serves=serves)
    since = own.finished_at or own.created_at
    return PlaceSeen(status=status, rollout=own.id, newest=newest, since=since, sentence=sentence)


def own_rollout(history: Sequence[RolloutSummary], version: str, after: str) -> RolloutSummary | None:
    """The first rollout of the version that was made after another one. history: newest first."""
    found = None
    for one in history:
        if one.id == after:
            break
        found = one if one.version == version else found
    return found


def _how_far(own: RolloutSummary, history: Sequence[RolloutSummary], *, serves: bool) -> tuple[PlaceStatus, str]:
    said = f"{own.environment}: {own.reason}" if own.reason else f"{own.environment}: the rollout is {own.status}"
    status = _STATUS.get(own.status, PlaceStatus.UNDER_WAY)
    if status is not PlaceStatus.COMPLETE:
        return status, said if status is not PlaceStatus.UNDER_WAY else ""
    later = _later(own, history)
    if not serves:
        newest = later[0] if later else own
        back = newest.version == own.old
        words = f"{own.environment} serves {newest.version} again" if back else f"{newest.version} was deployed to it"
        return (PlaceStatus.RETURNED if back else PlaceStatus.REPLACED), words
    if later and later[0].version == own.old:
        if not later[0].status.final:
            return PlaceStatus.RETURNING, f"{own.environment} returns to {own.old}"
        return PlaceStatus.STUCK, f"{own.environment} could not return to {own.old}: {later[0].reason}"
    return PlaceStatus.COMPLETE, ""


def _later(own: RolloutSummary, history: Sequence[RolloutSummary]) -> list[RolloutSummary]:
    """Rollouts that were made after it, newest first."""
    found = list[RolloutSummary]()
    for one in history:
        if one.id == own.id:
            return found
        found.append(one)
    return found
