"""One decision in the making: the state so far, and what was said and asked for on the way to it."""

from __future__ import annotations

from dataclasses import replace

from pilotage.model.events.occurrence import Occurrence
from pilotage.model.rollout import Event
from pilotage.model.way import EnvironmentStage, StageState, StageStatus, Way, WayStage, WayState, WayStatus
from pilotage.model.way_events import StageFailed, StageWaits
from pilotage.way.seen import PlaceStatus, WayAction, WayDecision, WaySeen

ASKING = frozenset(("approval", "promotion", "cut-off", "refused"))
"""Waits that a person has to end, or has to look at."""


class Turn:
    """way, seen, now: what is decided of · state: as far as it is decided."""

    def __init__(self, way: Way, state: WayState, seen: WaySeen, now: float) -> None:
        self.way, self.state, self.seen, self.now = way, state, seen, now
        self._events = list[Event]()
        self._actions = list[WayAction]()
        self._answered = list[tuple[int, str]]()

    def decision(self) -> WayDecision:
        return WayDecision(
            state=self.state, actions=tuple(self._actions), events=tuple(self._events), answered=tuple(self._answered)
        )

    def tell(self, occurrence: Occurrence) -> None:
        self._events.append(occurrence.record())

    def ask(self, action: WayAction) -> None:
        self._actions.append(action)

    def answer(self, command: int, outcome: str) -> None:
        self._answered.append((command, outcome))

    def stage(self, index: int) -> tuple[WayStage, StageState]:
        return self.way.stages[index], self.state.stages[index]

    def put(self, index: int, stage: StageState) -> None:
        self.state = replace(self.state, stages=(*self.state.stages[:index], stage, *self.state.stages[index + 1 :]))

    @property
    def held(self) -> bool:
        return self.state.status is WayStatus.HELD

    def wait(self, index: int, wait: str, reason: str) -> None:
        """The stage waits; said once for each thing that it waits for."""
        stage, state = self.stage(index)
        if state.waiting != wait:
            self.tell(StageWaits(stage=stage.name, wait=wait, reason=reason, asks=wait in ASKING))
        if (state.waiting, state.detail) != (wait, reason):
            self.put(index, replace(state, waiting=wait, detail=reason))

    def go_on(self, index: int) -> None:
        """The stage waits for nothing any more."""
        _, state = self.stage(index)
        if state.waiting:
            self.put(index, replace(state, waiting="", detail=""))

    def fail(self, index: int, reason: str) -> None:
        """The stage failed, and with it the way: from now on, it is undone."""
        stage, state = self.stage(index)
        undoing = touched(self.way, self.state, index, self.seen)
        self.put(index, replace(state, status=StageStatus.FAILED, ended=self.now, detail=reason, waiting=""))
        self.tell(StageFailed(stage=stage.name, reason=reason, undone=undoing))
        self.state = replace(
            self.state, status=WayStatus.FAILING, reason=f"{stage.name} failed: {reason}", failing=self.now,
            undoing=undoing,
        )  # fmt: skip


def touched(way: Way, state: WayState, index: int, seen: WaySeen) -> tuple[str, ...]:
    """The environments that a failed or aborted stage leaves to be undone: the one that it tests, or those of its own
    that are not complete; with `undo: all` every one that it began."""
    stage, at = way.stages[index], state.stages[index]
    if at.began == 0:
        return ()
    if isinstance(stage, EnvironmentStage):
        begun = tuple(name for name in stage.environments if name in at.after)
        return tuple(name for name in begun if stage.undo_all or _is_unfinished(seen, name))
    for before, there in zip(way.stages[:index], state.stages[:index], strict=True):
        if isinstance(before, EnvironmentStage) and stage.tests in before.environments:
            began = tuple(name for name in before.environments if name in there.after)
            return began if before.undo_all else (stage.tests,)
    return ()


def _is_unfinished(seen: WaySeen, environment: str) -> bool:
    place = seen.places.get(environment)
    return place is None or place.status is not PlaceStatus.COMPLETE
