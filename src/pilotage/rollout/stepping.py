"""From one step to the next, and to the end."""

from __future__ import annotations

from pilotage.model.events import CheckSkipped, Completed, StepStarted
from pilotage.model.plan import Plan, StepKind
from pilotage.model.rollout import Mode, RolloutState, Status
from pilotage.model.step_ids import CHECK_CACHES, CHECK_DATA, CHECK_SCHEMA, PREPARE
from pilotage.model.step_title import happens
from pilotage.model.traffic import percent
from pilotage.rollout.patience import carried_on
from pilotage.rollout.turn import Strategy, Tick

_WITH_FIGURES = (PREPARE, CHECK_SCHEMA, CHECK_DATA, CHECK_CACHES)
"""Steps whose figures stay in the rollout's record: digests, replication, migrations, what a cache holds."""


def first_step(strategy: Strategy, plan: Plan, mode: Mode) -> int:
    """Index of the step at which the strategy begins. The plan of a first deployment has no other steps."""
    if plan.first:
        return 0
    return strategy.first_step(plan, mode) if mode in (Mode.INITIAL, Mode.FAST_RETURN) else 0


def next_step(turn: Tick) -> None:
    """The present step is done: the next one begins, or the rollout is complete."""
    done, title, confirmed, detail = turn.step, turn.title, _was_confirmed(turn), _made_ready(turn)
    if turn.state.step + 1 == len(turn.plan.steps):
        how = _how_it_completed(turn.state)
        turn.enter(Status.COMPLETED, reason=how, hold=None, troubles=())
        turn.tell(Completed(step=done.id, version=turn.state.new, caveat=how))
        return
    turn.set(
        step=max(turn.state.step + 1, first_step(turn.strategy, turn.plan, turn.state.mode)),
        watched=0.0,
        waited=0.0,
        in_status=0.0,
        approvals=(),
        attempt=1,
        progress=turn.strategy.next_progress(turn),
        troubles=carried_on(turn.state),
    )
    if turn.step.kind is not StepKind.RETIRE:
        # What was drained is what retires; any other step has its own to wait for.
        turn.set(out=False, drained=0.0)
    turn.set(reached=max(turn.state.reached, turn.step.weight))
    if not happens(turn.step, turn.state.mode):
        return
    sent = [wave for wave in turn.plan.waves if wave.step == done.id]
    turn.tell(
        StepStarted(
            step=turn.step.id, finished_step=done.id, weight_percent=percent(turn.step.weight), title=turn.title,
            kind=turn.step.kind.value, finished_title=title if confirmed else "", finished_detail=detail,
            waves=tuple(wave.name for wave in sent), tenants=sum(len(wave.members) for wave in sent),
            version=turn.state.new if sent else "",
        )
    )  # fmt: skip


def _was_confirmed(turn: Tick) -> bool:
    """Whether the step was a check with something configured."""
    return turn.step.kind is StepKind.CHECK and not any(event.type == CheckSkipped.type for event in turn.events)


def _made_ready(turn: Tick) -> str:
    """What was made ready or measured in this step: the record of the rollout is where figures are looked up."""
    result = turn.seen.check(turn.step.id, turn.state.attempt) if turn.step.id in _WITH_FIGURES else None
    return result.detail if result is not None else ""


def _how_it_completed(state: RolloutState) -> str:
    """What a completed rollout must not keep to itself; empty when everything was watched and passed."""
    if state.worse:
        return f"completed although it is worse than the past: {state.worse}"
    return f"completed without analysis: {state.unwatched}" if state.unwatched else ""
