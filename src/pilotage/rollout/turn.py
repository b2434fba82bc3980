"""One look at a rollout: the state as it changes and what is told about it; and what a strategy has to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from pilotage.model.events import Completed, Failed, Occurrence, PersonNeeded, RollbackStarted, RolledBack, StepStarted
from pilotage.model.plan import Plan, Step, StepKind
from pilotage.model.progress import NOTHING, Progress
from pilotage.model.rollout import Action, Event, Hold, RolloutState, Seen, Status
from pilotage.model.text import plain
from pilotage.rollout.patience import carried_on

LONGEST_REASON = 2_000
"""Characters of a reason: it may hold the last lines of a log."""

FORWARD = (Status.PROGRESSING, Status.HOLDING, Status.PAUSED)
UNDER_WAY = (*FORWARD, Status.WITHDRAWN)


def switch(plan: Plan, path: str, default: bool) -> bool:
    """A switch of the plan; `default` for plans made before there was such a switch."""
    try:
        return bool(plan.setting(path).value)
    except KeyError:
        return default


@dataclass
class Turn:
    plan: Plan
    state: RolloutState
    seen: Seen
    strategy: Strategy
    began_at: int
    stale: bool = False
    """Whether the verdicts of this look are of evidence that a person has just thrown away."""
    events: list[Event] = field(default_factory=list)
    answered: list[tuple[int, str]] = field(default_factory=list)

    @property
    def step(self) -> Step:
        return self.plan.steps[self.state.step]

    def tell(self, occurrence: Occurrence) -> None:
        self.events.append(occurrence.record())

    def set(self, **changes: Any) -> None:
        """Change the state. Reasons come from people and from logs: they are clean and bounded from here on."""
        self.state = replace(self.state, **{name: _clean(value) for name, value in changes.items()})

    def enter(self, status: Status, **changes: Any) -> None:
        self.set(status=status, in_status=0.0, **changes)


def _clean(value: Any) -> Any:
    if isinstance(value, Hold):
        return replace(value, sentence=plain(value.sentence, LONGEST_REASON))
    return plain(value, LONGEST_REASON) if type(value) is str else value


def _nothing(_: Turn) -> None:
    return None


def _as_it_is(state: RolloutState) -> Progress:
    return state.progress


def _as_it_was(_plan: Plan, state: RolloutState) -> Progress:
    return state.progress


def _always(_plan: Plan, _state: RolloutState) -> bool:
    return True


def _never(_plan: Plan, _state: RolloutState) -> bool:
    return False


def _not_back(_: Turn) -> bool:
    return False


@dataclass(frozen=True)
class Strategy:
    """How one strategy differs from the others; all of it pure.

    desired: everything that should be so now, idempotent, complete, in order: start before shifting, and nothing
    stops that a request may reach (rule 2) · done: whether the step's end has been read back (rule 1) · missing: what
    it still wants, for the sentence of a missed deadline · hold: its own reasons not to go on · go_back: one look at
    the way back · note: keeps the timers that depend on what was seen, before anything is decided · divert: lets stable
    serve the users of a new version of which nothing is healthy, after everything is decided ·
    unwell, stable_unwell: the numbers that say how long too few healthy instances of the new and of the old version
    are waited out · progress: with what it begins · next_progress, turn_back: what it keeps when the next step, and
    when the way back begins ·
    withdraws: whether traffic can leave the new version here while its instances stay · frees_all: whether all of it
    can · returned: whether that was
    read back: no user has the new version · replaces_alone: an ill instance is replaced without withdrawing the rest.
    """

    desired: Callable[[Plan, RolloutState, Seen], tuple[Action, ...]]
    done: Callable[[Turn], bool]
    missing: Callable[[Turn], str]
    hold: Callable[[Turn], Hold | None]
    go_back: Callable[[Turn], None]
    unwell: str
    stable_unwell: str
    note: Callable[[Turn], None] = _nothing
    divert: Callable[[Turn], None] = _nothing
    progress: Progress = NOTHING
    next_progress: Callable[[RolloutState], Progress] = _as_it_is
    turn_back: Callable[[Plan, RolloutState], Progress] = _as_it_was
    withdraws: Callable[[Plan, RolloutState], bool] = _never
    frees_all: Callable[[Plan, RolloutState], bool] = _always
    returned: Callable[[Turn], bool] = _not_back
    replaces_alone: bool = False


_NOT_ITS_FAULT = ("deadline", "instance")
"""Causes of a way back that say nothing against the instances that still answer."""


def roll_back(turn: Turn, reason: str, cause: str, detail: tuple[str, ...] = ()) -> None:
    """Begin the way back; where there is none (rule 10), stop here and call a person. detail: what lies behind the
    reason (routes, statuses, lines of a log), a line each."""
    possible = bool(turn.plan.setting("rollback.possible").value)
    if not possible and cause != "command" and turn.state.reached:
        if turn.state.status is not Status.PAUSED:
            turn.enter(Status.PAUSED, hold=None, reason=f"{reason}; this release cannot be undone by itself")
            turn.tell(PersonNeeded(cause=cause, step=turn.step.id, reason=turn.state.reason))
        return
    progress = turn.strategy.turn_back(turn.plan, turn.state)
    turn.enter(
        Status.ROLLING_BACK, hold=None, troubles=(), reason=reason, out=False, drained=0.0, returned=False,
        attempt=1, excuse="", progress=progress, convicted=turn.state.convicted or cause not in _NOT_ITS_FAULT,
    )  # fmt: skip
    turn.tell(RollbackStarted(cause=cause, step=turn.step.id, reason=reason, detail=detail))


def note_out(turn: Turn, out: bool) -> None:
    """Time to drain runs from the look that saw it, not from the one before, which only asked for it."""
    if not out or not turn.state.out:
        turn.set(out=out, drained=0.0)


def next_step(turn: Turn) -> None:
    done = turn.step
    if turn.state.step + 1 == len(turn.plan.steps):
        how = _how_it_completed(turn.state)
        turn.enter(Status.COMPLETED, reason=how, hold=None, troubles=())
        turn.tell(Completed(step=done.id, version=turn.state.new, how=how))
        return
    turn.set(
        step=turn.state.step + 1,
        watched=0.0,
        waited=0.0,
        in_status=0.0,
        approvals=(),
        attempt=1,
        progress=turn.strategy.next_progress(turn.state),
        troubles=carried_on(turn.state),
    )
    if turn.step.kind is not StepKind.RETIRE:
        # What was drained is what retires; any other step has its own to wait for.
        turn.set(out=False, drained=0.0)
    turn.set(reached=max(turn.state.reached, turn.step.weight))
    turn.tell(StepStarted(step=turn.step.id, done=done.id, weight=turn.step.weight, title=turn.step.title))


def _how_it_completed(state: RolloutState) -> str:
    """What a completed rollout must not keep to itself; empty when everything was watched and passed."""
    if state.worse:
        return f"completed although worse than the past: {state.worse}"
    return f"completed, unwatched: {state.unwatched}" if state.unwatched else ""


def give_up(turn: Turn, left: str) -> None:
    """The way back is not complete in its time: a person is needed, and is told what is left (R21)."""
    turn.enter(Status.FAILED, reason=f"{turn.state.reason}; the rollback is not complete: {left}")
    turn.tell(Failed(version=turn.state.new, reason=turn.state.reason, trouble=turn.seen.trouble))


def rolled_back(turn: Turn, outcome: str, **changes: Any) -> None:
    """The way back is complete. outcome: what was read back."""
    turn.enter(Status.ROLLED_BACK, **changes)
    turn.tell(RolledBack(version=turn.state.new, outcome=outcome, reason=turn.state.reason))


def fail_without_a_way_back(turn: Turn) -> None:
    """The first version of a service has nothing to go back to."""
    turn.enter(Status.FAILED, reason=f"{turn.state.reason}; there is no earlier version to return to")
    turn.tell(Failed(version=turn.state.new, reason=turn.state.reason))


def overdue_back(turn: Turn) -> bool:
    return turn.state.in_status >= turn.plan.rollback.deadline
