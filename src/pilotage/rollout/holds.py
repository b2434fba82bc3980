"""Holds: why a rollout waits at its current weight, for how long, and what follows (rule 6: every wait ends).

`patience` keeps the accounts of a hold. A pause that nobody ends times out here, too.
"""

from __future__ import annotations

import math
from dataclasses import replace

from pilotage.model.answers import RiskTolerance
from pilotage.model.events import ApprovalReminded, HoldEnded, HoldStarted, Paused
from pilotage.model.observation import Remedy, VerdictKind
from pilotage.model.plan import StepKind
from pilotage.model.quantity import format_duration
from pilotage.model.rollout import Hold, HoldCause, Mode, RolloutState, Status, Trouble
from pilotage.model.traffic import percent
from pilotage.rollout import patience
from pilotage.rollout.checking import awaits_approval
from pilotage.rollout.harm import hold_for_second_try, second_try_limit, sentence_of
from pilotage.rollout.turn import Tick
from pilotage.rollout.undoing import roll_back
from pilotage.rollout.watching import (
    JUDGED,
    asking,
    go_on_although_worse,
    go_on_unwatched,
    hold_on_evidence,
    hold_on_others_word,
    is_watched,
    lacks_data_alone,
)

_ROLL_BACK, _PAUSE, _CONTINUE = "rollback", "pause", "continue"

_EXPOSING = (StepKind.SET_WEIGHT, StepKind.SWITCH, StepKind.BATCH, StepKind.FLAG_RAMP, StepKind.MAINTENANCE)
"""Steps that bring the release to more users, or close the service: none of them starts in a freeze."""


# ── why ────────────────────────────────────────────────────────────────────────────────────────────────────


def why_hold(turn: Tick) -> Hold | None:
    """The first reason not to continue, or None."""
    state, seen = turn.state, turn.seen
    if turn.step.kind is StepKind.GATE and (awaited := awaits_approval(turn)):
        return Hold(HoldCause.APPROVAL, awaited)
    unread = seen.split is None and (seen.trouble or state.old is not None)
    if unread or seen.instances is None:
        return Hold(HoldCause.ROUTER_UNREACHABLE, seen.trouble or "the router or the fleet does not respond")
    if (second := hold_for_second_try(turn)) is not None:
        return second
    if (own := turn.strategy.hold(turn)) is not None:
        return own
    if turn.step.kind in JUDGED and is_watched(turn.plan, state):
        return hold_on_evidence(turn)
    return None


def why_not_begin_the_next(turn: Tick) -> Hold | None:
    """A freeze that started meanwhile, or another service of the release that is behind: no further users get the
    version until that is over. A rollback stays possible."""
    following = turn.plan.steps[turn.state.step + 1 : turn.state.step + 2]
    if turn.state.mode is Mode.EMERGENCY or not following or following[0].kind not in _EXPOSING:
        return None
    if turn.seen.freeze:
        return Hold(HoldCause.FREEZE, turn.seen.freeze)
    if turn.seen.barrier:
        return Hold(HoldCause.DEPENDENCY, turn.seen.barrier)
    if (heard := hold_on_others_word(turn)) is not None:
        return heard
    return turn.strategy.hold_before_exposing(turn)


# ── how long, and then ─────────────────────────────────────────────────────────────────────────────────────


def keep_holding(turn: Tick, hold: Hold) -> None:
    """One look at a hold: report its start, and end it at its timeout."""
    limit, then = _limit_of(turn, hold.cause)
    account = patience.of(turn.state, hold.cause) or Trouble(cause=hold.cause)
    hold = replace(hold, held=account.spent)
    if turn.state.status is not Status.HOLDING or not account.told:
        _begin(turn, hold, limit, then)
    else:
        _remind(turn, hold, limit)
    turn.set(hold=hold, reason=hold.sentence)
    if account.spent >= limit:
        _come_to(turn, hold, limit, then)


def _remind(turn: Tick, hold: Hold, limit: float) -> None:
    """People hear again of an approval that nobody gives, and once it has waited for long an operator is paged."""
    at_provider = hold.cause is HoldCause.PROVIDER_APPROVAL
    if not (at_provider or hold.cause is HoldCause.APPROVAL) or hold.held >= limit:
        return
    before = turn.state.hold.held if turn.state.hold and turn.state.hold.cause is hold.cause else 0.0
    every, escalates = turn.plan.number("approval.remind_after"), turn.plan.number("approval.escalate_after")
    escalated = before < escalates <= hold.held
    if escalated or hold.held // every > before // every:
        turn.tell(
            ApprovalReminded(
                title=hold.sentence.removeprefix("waiting for ") if at_provider else turn.title,
                approvals=0 if at_provider else len(turn.state.approvals),
                approvals_required=1 if at_provider else int(turn.plan.number("approval.count")),
                waited_seconds=hold.held,
                timeout_seconds=limit, escalated=escalated, at_provider=at_provider,
            )
        )  # fmt: skip


def _begin(turn: Tick, hold: Hold, limit: float, then: str) -> None:
    turn.enter(Status.HOLDING, hold=hold, reason=hold.sentence, troubles=patience.told(turn.state, hold.cause))
    turn.tell(
        HoldStarted(
            cause=hold.cause,
            weight_percent=percent(turn.step.weight),
            reason=hold.sentence,
            on_timeout=then,
            timeout_seconds=limit if math.isfinite(limit) else None,
            details=_behind(turn, hold),
            harm_started_at=turn.harm_started_at,
            audience=turn.step.audience,
        )
    )


def _come_to(turn: Tick, hold: Hold, limit: float, then: str) -> None:
    if then == _PAUSE:
        # The cause stays: it says what happens when the pause times out.
        turn.enter(Status.PAUSED, reason=f"held for {format_duration(limit)}: {hold.sentence}")
        turn.tell(Paused(cause=hold.cause, reason=hold.sentence))
    elif then == _CONTINUE:
        if turn.strategy.did_its_part(turn):
            go_on_unwatched(turn, hold.sentence)
    else:
        why = f"held for {format_duration(limit)} without improvement: {hold.sentence}"
        roll_back(turn, why, "timeout", _behind(turn, hold))


def _behind(turn: Tick, hold: Hold) -> tuple[str, ...]:
    """Routes, statuses and lines of a log behind the verdicts that a hold is about."""
    about = [v for v in turn.seen.verdicts if v.kind is not VerdictKind.PASS and v.sentence in hold.sentence]
    return tuple(line for v in about for line in v.detail)


def _limit_of(turn: Tick, cause: HoldCause) -> tuple[float, str]:
    """How long a hold may last in seconds, and what ends it; a freeze is its own end."""
    plan, strategy = turn.plan, turn.strategy
    if turn.state.excuse:
        return second_try_limit(plan), _ROLL_BACK
    if lacks_data_alone(turn, cause):
        asks = plan.answers.risk_tolerance in (RiskTolerance.LOW, RiskTolerance.ZERO_DOWNTIME)
        return plan.number("hold.timeout"), _PAUSE if asks else _CONTINUE
    match cause:
        case HoldCause.APPROVAL:
            return turn.step.timeout, _ROLL_BACK
        case HoldCause.PROVIDER_APPROVAL:
            return plan.number("approval.timeout"), _ROLL_BACK
        case HoldCause.FREEZE | HoldCause.DEPENDENCY | HoldCause.WAVE_DAY:
            # What it waits for has timeouts of its own.
            return math.inf, "none"
        case HoldCause.REGRESSION:
            return plan.number("hold.timeout"), _PAUSE
        case HoldCause.COMPLAINTS:
            # A usual rate is a past: what it says alone undoes nothing.
            return plan.number("hold.decision_timeout"), _PAUSE
        case HoldCause.DEGRADED:
            return plan.number("hold.decision_timeout"), _ROLL_BACK
        case HoldCause.CANARY_UNHEALTHY:
            return plan.number(strategy.unwell_setting), _ROLL_BACK
        case HoldCause.STABLE_UNHEALTHY:
            return plan.number(strategy.stable_unwell_setting), _ROLL_BACK
        case _:
            return plan.number("hold.timeout"), str(plan.setting("hold.on_timeout").value)


# ── its end ────────────────────────────────────────────────────────────────────────────────────────────────


def end_hold(turn: Tick) -> None:
    """The reason is gone, and has stayed away for long enough."""
    if turn.state.status is Status.HOLDING:
        cause = turn.state.hold.cause if turn.state.hold else None
        earlier = tuple(one.cause for one in turn.state.troubles if one.told and one.cause is not cause)
        turn.tell(HoldEnded(cause=cause, earlier_causes=earlier))
        turn.enter(Status.PROGRESSING, hold=None, reason="", troubles=patience.closed(turn.state))


def good_for_now(state: RolloutState) -> str:
    """What a hold says while its reason is gone, and may come back."""
    was = state.hold.sentence if state.hold else state.reason
    return f"{was}; recovered, waiting until it stays stable"


def pause_on_verdict(turn: Tick) -> None:
    """What is too bad to go on with, and not bad enough to take back, is for a person to decide."""
    found = asking(turn, Remedy.PAUSE)
    if found and turn.state.status in (Status.PROGRESSING, Status.HOLDING):
        hold = Hold(HoldCause.LOW_SUCCESS_RATE, sentence_of(found))
        # The cause stays: who resumes the rollout has answered it.
        turn.enter(Status.PAUSED, hold=hold, troubles=(), reason=hold.sentence)
        turn.tell(Paused(cause=hold.cause, reason=hold.sentence))


def mind_the_pause(turn: Tick) -> None:
    """A pause that timed out: roll back, or continue if that is the default answer."""
    if turn.state.in_status < turn.plan.number("pause.timeout"):
        return
    cause = turn.state.hold.cause if turn.state.hold else None
    if cause is HoldCause.REGRESSION:
        go_on_although_worse(turn)
    elif lacks_data_alone(turn, cause):
        if turn.strategy.did_its_part(turn):
            go_on_unwatched(turn, turn.state.reason)
    else:
        roll_back(turn, f"nobody decided before the pause timed out: {turn.state.reason}", "timeout")
