"""The analysis of a step: how long it lasts, which verdicts stop the rollout from advancing, and what follows if
nothing can be measured.

The analysis is the same for all strategies. `harm` reacts to failed verdicts; here they only block the next step.
"""

from __future__ import annotations

from pilotage.model.events import AnalysisIncomplete, RegressionAccepted, VerdictChanged
from pilotage.model.observation import Remedy, Verdict, VerdictKind
from pilotage.model.plan import Plan, StepKind
from pilotage.model.quantity import format_duration
from pilotage.model.rollout import Hold, HoldCause, Mode, RolloutState, Status
from pilotage.model.timestamp import timestamp
from pilotage.model.traffic import WHOLE
from pilotage.rollout import patience
from pilotage.rollout.harm import sentence_of, worse_than_the_past
from pilotage.rollout.stepping import next_step
from pilotage.rollout.turn import Tick

JUDGED = (StepKind.ANALYSE, StepKind.BAKE, StepKind.KEEP, StepKind.BATCH)
NO_DATA = (HoldCause.INSUFFICIENT_DATA, HoldCause.SOURCE_ERROR)

_TROUBLE = (VerdictKind.FAIL.value, VerdictKind.SOURCE_ERROR.value)
_REMEDY = "add `synthetic:`, or lower analysis.min_requests if there is some traffic"


# ── how long ───────────────────────────────────────────────────────────────────────────────────────────────


def is_watched(plan: Plan, state: RolloutState) -> bool:
    """Whether evidence is waited for here. In an emergency, only where the fewest users are."""
    if state.mode is Mode.EMERGENCY:
        least = min((s.weight for s in plan.steps if 0 < s.weight < WHOLE), default=0)
        return plan.steps[state.step].weight == least
    return state.mode is Mode.FULL


def watch_of(turn: Tick) -> float:
    """Seconds that this step is watched."""
    if turn.state.mode is Mode.EMERGENCY:
        return min(turn.step.duration, turn.plan.number("emergency.phase_duration"))
    return turn.step.duration


def awaits_watch(turn: Tick) -> str:
    """What is left of the step's watch; empty when it is over."""
    if not is_watched(turn.plan, turn.state) or turn.state.watched >= watch_of(turn):
        return ""
    return f"analysed for {format_duration(turn.state.watched)} of {format_duration(watch_of(turn))}"


# ── what the verdicts say ──────────────────────────────────────────────────────────────────────────────────


def note_verdicts(turn: Tick) -> None:
    """Report verdicts that start trouble, and its end once that lasts: a source that fails every other second is one
    event. Changes between pass and inconclusive are none."""
    before, since = dict(turn.state.verdicts), dict(turn.state.recovering)
    known, recovering = [], []
    for verdict in turn.seen.verdicts:
        metric, was, now = verdict.metric, before.get(verdict.metric), verdict.kind.value
        began = since.get(metric, turn.state.at)
        if was in _TROUBLE and now not in _TROUBLE and abs(turn.state.at - began) < patience.LEAST_CALM:
            known.append((metric, was))
            recovering.append((metric, began))
            continue
        known.append((metric, now))
        if turn.state.mode is Mode.INITIAL and verdict.kind is not VerdictKind.FAIL:
            continue  # nothing is analysed, so nothing about it is news
        if was != now and (was in _TROUBLE or now in _TROUBLE):
            dated = timestamp(verdict.since) if verdict.since and verdict.kind is VerdictKind.FAIL else ""
            turn.tell(
                VerdictChanged(metric=metric, verdict=verdict.kind, reason=verdict.sentence, harm_started_at=dated)
            )
    turn.set(verdicts=tuple(known), recovering=tuple(recovering))


def asking(turn: Tick, remedy: Remedy) -> list[Verdict]:
    """Verdicts that ask for this, of a rollout that waits for evidence, as far as no person has answered them."""
    if turn.state.mode is not Mode.FULL:
        return []
    return [v for v in turn.seen.verdicts if v.asks is remedy and v.metric not in turn.state.accepted]


def hold_on_alerts(turn: Tick) -> Hold | None:
    """A critical alert of the service: nobody else gets the release until it is over, wherever its cause is."""
    firing = asking(turn, Remedy.HOLD)
    if not firing:
        return None
    why = "; ".join(v.sentence for v in firing)
    return Hold(HoldCause.ALERT, f"{why} (silence it, or run `pilotage resume` to continue anyway)")


def hold_on_complaints(turn: Tick) -> Hold | None:
    """More users than usual report problems: nobody else gets the release until an operator has read them."""
    found = asking(turn, Remedy.DECIDE)
    if not found:
        return None
    what = "read `pilotage harm list`, and confirm or dismiss; `pilotage resume` continues anyway"
    return Hold(HoldCause.COMPLAINTS, f"{'; '.join(v.sentence for v in found)} ({what})")


def hold_on_others_word(turn: Tick) -> Hold | None:
    """What is heard from others: alerts, and users."""
    return hold_on_alerts(turn) or hold_on_complaints(turn)


def hold_on_evidence(turn: Tick) -> Hold | None:
    """What speaks against continuing from a step that is watched."""
    if (heard := hold_on_others_word(turn)) is not None:
        return heard
    open_verdicts = [v for v in turn.seen.verdicts if v.metric not in turn.state.accepted and v.asks is None]
    by_kind = {kind: [v for v in open_verdicts if v.kind is kind] for kind in VerdictKind}
    if sure := [v for v in by_kind[VerdictKind.FAIL] if not v.past]:
        return _because(HoldCause.DEGRADED, sure)
    if worse := worse_than_the_past(turn, sure=True):
        return _because(HoldCause.REGRESSION, worse)
    if by_kind[VerdictKind.SOURCE_ERROR]:
        return _because(HoldCause.SOURCE_ERROR, by_kind[VerdictKind.SOURCE_ERROR])
    # A step of a ramp is too short for a pass, and left while nothing speaks against it.
    if turn.state.watched < watch_of(turn) or turn.step.kind is StepKind.KEEP or turn.step.ramp:
        return None
    if not turn.seen.verdicts:
        return Hold(HoldCause.INSUFFICIENT_DATA, f"no verdict yet ({_REMEDY})")
    if by_kind[VerdictKind.INSUFFICIENT_DATA]:
        return _because(HoldCause.INSUFFICIENT_DATA, by_kind[VerdictKind.INSUFFICIENT_DATA])
    if worse := worse_than_the_past(turn, sure=False):
        return _because(HoldCause.REGRESSION, worse)
    if by_kind[VerdictKind.INCONCLUSIVE]:
        return _because(HoldCause.INCONCLUSIVE, by_kind[VerdictKind.INCONCLUSIVE])
    return None


def _because(cause: HoldCause, verdicts: list[Verdict]) -> Hold:
    remedy = f" ({_REMEDY})" if cause is HoldCause.INSUFFICIENT_DATA else ""
    return Hold(cause, sentence_of(verdicts) + remedy)


# ── when nothing can be measured, or nobody decides ────────────────────────────────────────────────────────


def lacks_data_alone(turn: Tick, cause: HoldCause | None) -> bool:
    """Whether the want of data is all that is held against a release of which everything else passed."""
    return cause in NO_DATA and turn.strategy.proven(turn)


def go_on_unwatched(turn: Tick, why: str) -> None:
    """Everything measured passed, and what could not be measured rolls nothing back."""
    turn.enter(Status.PROGRESSING, hold=None, troubles=(), reason="", unwatched=turn.state.unwatched or why)
    turn.tell(AnalysisIncomplete(step=turn.step.id, title=turn.title, reason=why))
    next_step(turn)


def go_on_although_worse(turn: Tick) -> None:
    """Nobody decided, and the past is not a control: the release continues, and says so."""
    sure, unclear = worse_than_the_past(turn, sure=True), worse_than_the_past(turn, sure=False)
    worse = sentence_of([*sure, *unclear]) or turn.state.worse
    accepted = tuple(dict.fromkeys((*turn.state.accepted, *(v.metric for v in (*sure, *unclear)))))
    turn.enter(Status.PROGRESSING, hold=None, troubles=(), reason="", worse=worse, accepted=accepted)
    turn.tell(RegressionAccepted(regressions=worse))
