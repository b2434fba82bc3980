"""Decides what happens next to a way: a pure function of the way, its state, what was observed, and what people ask.

A stage begins only when all before it are good and its entry conditions hold. What is unknown counts as nothing. Every
action sets a desired state and is decided again until it holds, so a decision may be lost after it was recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pilotage.model.quantity import format_duration
from pilotage.model.rollout import Event
from pilotage.model.way import (
    AwaitStage,
    EnvironmentStage,
    RunStage,
    StageState,
    StageStatus,
    Way,
    WayState,
    WayStatus,
)
from pilotage.model.way_command import WayCommand
from pilotage.model.way_events import (
    StageCutOff,
    StagePassed,
    StageRetried,
    StageStarted,
    WayCompleted,
    WayStarted,
)
from pilotage.way.commands import first_to_end, take
from pilotage.way.entry import first_unmet
from pilotage.way.fingerprint import fingerprint_of
from pilotage.way.seen import EnsureRun, RunSeen, RunStatus, StopRun, WayDecision, WaySeen, WordStatus
from pilotage.way.turn import Turn
from pilotage.way.undoing import undo
from pilotage.way.waves import progress

_LATE = 300.0
"""Seconds after its timeout when an attempt without a result is given up: whoever runs it has stopped it long since."""

_MOST_CUT_OFFS = 3
"""Times that a repeatable stage runs again after it was cut off; a stage that takes the machine down is left alone."""


def begin(way: Way) -> tuple[WayState, tuple[Event, ...]]:
    """The state of a way that has done nothing yet, and its first event."""
    told = WayStarted(
        version=way.version, actor=way.author, commit=way.commit, stages=tuple(one.name for one in way.stages)
    )
    return WayState(stages=tuple(StageState() for _ in way.stages)), (told.record(),)


def decide(way: Way, state: WayState, seen: WaySeen, commands: Sequence[WayCommand], now: float) -> WayDecision:
    """What follows from all this. Total: it never raises for whatever was observed, and asks the same again where
    nothing has changed. now: Unix seconds."""
    turn = Turn(way, state, seen, now)
    for command in sorted(commands, key=first_to_end):
        take(turn, command)
    while _advance(turn):
        pass
    if turn.state.status is WayStatus.FAILING:
        undo(turn)
    elif not turn.state.status.final:
        _end_leftovers(turn)
    return turn.decision()


def _advance(turn: Turn) -> bool:
    """Take the current stage as far as it goes. True if the one after it has its turn."""
    if turn.state.status not in (WayStatus.UNDER_WAY, WayStatus.HELD):
        return False
    index = turn.state.current
    if index is None:
        _complete(turn)
        return False
    if turn.state.stages[index].status is StageStatus.WAITING and not _enter(turn, index):
        return turn.state.stages[index].status.good
    stage, state = turn.stage(index)
    if state.status is not StageStatus.RUNNING:
        return False
    match stage:
        case RunStage():
            return _run(turn, index, stage)
        case AwaitStage():
            return _await(turn, index, stage)
        case EnvironmentStage():
            return progress(turn, index, stage) and _pass(turn, index)


def _complete(turn: Turn) -> None:
    began = min((one.entered for one in turn.state.stages if one.entered), default=turn.now)
    turn.state = replace(turn.state, status=WayStatus.COMPLETED, reason="")
    turn.tell(WayCompleted(version=turn.way.version, seconds=turn.now - began))


# ── a stage begins ─────────────────────────────────────────────────────────────────────────────────────────


def _enter(turn: Turn, index: int) -> bool:
    """Begin the stage if it may. True once it runs."""
    stage, state = turn.stage(index)
    if not state.entered:
        state = replace(state, entered=turn.now, fingerprint=fingerprint_of(turn.way, stage, turn.state.artifacts))
        turn.put(index, state)
    if turn.held:
        return False
    if _carry(turn, index):
        return False
    unmet = first_unmet(turn.way, index, state, turn.seen, turn.now)
    if unmet is not None:
        limit = stage.entry.timeout
        if unmet.lost:
            turn.fail(index, unmet.reason)
        elif limit and turn.now - state.entered >= limit:
            turn.fail(index, f"it could not begin within {format_duration(limit)}: {unmet.reason}")
        else:
            turn.wait(index, unmet.wait, unmet.reason)
        return False
    turn.put(index, replace(state, status=StageStatus.RUNNING, began=turn.now, tried=turn.now, waiting="", detail=""))
    turn.tell(StageStarted(stage=stage.name))
    return True


def _carry(turn: Turn, index: int) -> bool:
    """Whether the stage has passed in an earlier way, with the same definition and the same files."""
    stage, state = turn.stage(index)
    found = turn.seen.carried.get(state.fingerprint) if state.fingerprint else None
    if found is None or turn.seen.before:
        return False
    turn.put(
        index,
        replace(
            state, status=StageStatus.CARRIED, began=turn.now, ended=turn.now, carried_from=found.way,
            evidence=found.evidence, waiting="", detail="",
        ),
    )  # fmt: skip
    turn.state = replace(turn.state, artifacts=turn.state.artifacts or found.artifacts)
    turn.tell(StagePassed(stage=stage.name, carried_from=found.way))
    return True


# ── a stage runs ───────────────────────────────────────────────────────────────────────────────────────────


def _run(turn: Turn, index: int, stage: RunStage) -> bool:
    _, state = turn.stage(index)
    run = turn.seen.runs.get((stage.name, state.attempt))
    unfinished = run is None or run.status in (RunStatus.ABSENT, RunStatus.RUNNING)
    if unfinished and turn.now - state.tried >= stage.timeout + _LATE:
        turn.fail(index, f"no result within {format_duration(stage.timeout + _LATE)}")
        return False
    if run is None:
        return False
    match run.status:
        case RunStatus.RUNNING:
            pass
        case RunStatus.ABSENT:
            turn.ask(EnsureRun(stage=stage.name, attempt=state.attempt))
        case RunStatus.PASSED:
            turn.put(index, replace(state, evidence=(*state.evidence, *run.evidence)))
            if run.artifacts and not turn.state.artifacts:
                turn.state = replace(turn.state, artifacts=run.artifacts)
            return _pass(turn, index, tuple(one.digest for one in run.artifacts))
        case RunStatus.FAILED:
            _failed(turn, index, stage, run)
        case RunStatus.CUT_OFF:
            _cut_off(turn, index, stage, run)
    return False


def _failed(turn: Turn, index: int, stage: RunStage, run: RunSeen) -> None:
    _, state = turn.stage(index)
    if state.failures >= stage.retries:
        turn.put(index, replace(state, evidence=(*state.evidence, *run.evidence)))
        turn.fail(index, run.detail or "a command failed")
    elif not turn.held:
        _again(turn, index, replace(state, failures=state.failures + 1), run.detail or "a command failed")


def _cut_off(turn: Turn, index: int, stage: RunStage, run: RunSeen) -> None:
    _, state = turn.stage(index)
    if stage.repeatable and state.cut_offs < _MOST_CUT_OFFS:
        if not turn.held:
            _again(turn, index, replace(state, cut_offs=state.cut_offs + 1), "it was cut off")
        return
    found = (*state.evidence, *run.evidence)
    turn.put(
        index, replace(state, status=StageStatus.CUT_OFF, waiting="cut-off", detail=run.detail, evidence=found)
    )  # fmt: skip
    turn.tell(StageCutOff(stage=stage.name, attempt=state.attempt, reason=run.detail))


def _end_leftovers(turn: Turn) -> None:
    """What a killed runner left behind has no timeout any more, and nobody would hear how it ends."""
    for (stage, attempt), run in turn.seen.runs.items():
        if run.left:
            turn.ask(StopRun(stage=stage, attempt=attempt))


def _again(turn: Turn, index: int, state: StageState, reason: str) -> None:
    """The next attempt; it is asked for at once."""
    stage = turn.way.stages[index]
    turn.put(index, replace(state, attempt=state.attempt + 1, tried=turn.now))
    turn.tell(StageRetried(stage=stage.name, attempt=state.attempt + 1, reason=reason))
    turn.ask(EnsureRun(stage=stage.name, attempt=state.attempt + 1))


def _await(turn: Turn, index: int, stage: AwaitStage) -> bool:
    _, state = turn.stage(index)
    word = turn.seen.words.get(stage.name)
    if word is not None and word.status is WordStatus.PASSED:
        turn.put(index, replace(state, evidence=word.evidence))
        return _pass(turn, index)
    if word is not None and word.status is WordStatus.FAILED:
        turn.put(index, replace(state, evidence=word.evidence))
        turn.fail(index, word.detail or "the other system says that it failed")
    elif turn.now - state.began >= stage.timeout:
        said = word.detail if word is not None else "it could not be asked"
        turn.fail(index, f"no word within {format_duration(stage.timeout)}{f': {said}' if said else ''}")
    elif word is not None and word.detail != state.detail:
        turn.put(index, replace(state, detail=word.detail))
    return False


def _pass(turn: Turn, index: int, artifacts: tuple[str, ...] = ()) -> bool:
    stage, state = turn.stage(index)
    turn.put(index, replace(state, status=StageStatus.PASSED, ended=turn.now, waiting="", detail=""))
    turn.tell(StagePassed(stage=stage.name, seconds=turn.now - state.began, artifacts=artifacts))
    return True
