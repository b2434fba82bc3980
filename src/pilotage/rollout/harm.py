"""What harm does to a rollout (C1): a rollback, or a withdrawal until an operator decides; and one retry if the cause
may be transient.

There are three kinds of failure. Critical: an absolute limit, rolled back at every tolerance. Sure: compared with a
stable version next to it; the users return to stable in the same look. Past: compared with the past alone; it holds and
pages, but never rolls back (see `machine`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from pilotage.model.action import Action, Replace
from pilotage.model.events import InstanceReplaced, RetryStarted, TrafficRestored, TrafficWithdrawn
from pilotage.model.observation import Excuse, Health, Remedy, Verdict, VerdictKind
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration
from pilotage.model.rollout import Hold, HoldCause, Observed, RolloutState, Status
from pilotage.model.wave import names_within
from pilotage.rollout.sight import alive, healthy
from pilotage.rollout.turn import Comparison, Tick, switch
from pilotage.rollout.undoing import roll_back
from pilotage.rollout.waves import kept, may_be_of_one_wave

STRONG_EVIDENCE = math.log(20)
"""Natural logarithm of an e-value that chance alone reaches once in 20 releases: suspected harm, which is reported. The
ramp of `canary.weights: auto` waits from there on."""
REPLACED = "replaced"
"""`RolloutState.excuse` once the failing instance is gone and its successor is starting."""
REPLACED_AFTER = 10.0
"""Seconds for which the router may fail to show that a failing instance gets no requests."""


def sentence_of(verdicts: list[Verdict]) -> str:
    return "; ".join(f"{v.metric}: {v.sentence}" for v in verdicts)


def note_harm(turn: Tick) -> None:
    """Remember when harm to users started, as far as these verdicts know. A look without a judge changes nothing."""
    if turn.seen.verdicts and not turn.stale:
        found = [v.since or turn.state.at for v in turn.seen.verdicts if _is_harm(v)]
        turn.set(harm_since=min(found, default=0.0))


def _is_harm(verdict: Verdict) -> bool:
    if verdict.asks in (Remedy.HOLD, Remedy.DECIDE, Remedy.NOTHING):
        return False  # nobody says that it is the release's
    return verdict.kind is VerdictKind.FAIL or (verdict.evidence >= STRONG_EVIDENCE and verdict.since is not None)


def guard_against_harm(turn: Tick) -> None:
    """React to what failed in this look, in any status."""
    if turn.stale or (kept(turn.state) and not turn.state.returned):
        # While a wave is on its way back, what its users meet says nothing of those who keep the version.
        return
    failed = [v for v in (*turn.seen.verdicts, *turn.strategy.verdicts(turn)) if v.kind is VerdictKind.FAIL]
    critical = [v for v in failed if v.critical]
    if critical and turn.strategy.keeps(turn) and may_be_of_one_wave(critical):
        withdraw(turn, critical, keeps=turn.strategy.keeps(turn))
        return
    sure = [v for v in failed if is_sure(v) and v.metric not in turn.state.accepted]
    if critical:
        roll_back(turn, sentence_of(critical[:1]), critical[0].metric, critical[0].detail)
        return
    guilty = [v for v in sure if not _excused(turn, v)]
    if guilty:
        _act_on_sure_harm(turn, guilty)
    elif sure and not turn.state.excuse and turn.state.status is not Status.WITHDRAWN:
        _begin_second_try(turn, sure)


def is_sure(verdict: Verdict) -> bool:
    """Whether a failure takes the users back by the release's risk tolerance: neither a critical limit, nor compared
    with the past alone, nor one that asks for something else."""
    return not verdict.critical and not verdict.past and verdict.asks is None


def _excused(turn: Tick, verdict: Verdict) -> bool:
    """Bad luck has one second try, and only the statistics' harm has it: never a critical limit."""
    return verdict.excuse is not None and turn.state.tries == 0 and switch(turn.plan, "analysis.retry_once", True)


def _act_on_sure_harm(turn: Tick, guilty: list[Verdict]) -> None:
    stranded = turn.strategy.withdraws(turn) and not turn.strategy.frees_all(turn)
    if may_be_of_one_wave(guilty) and (keeps := turn.strategy.keeps(turn)):
        withdraw(turn, guilty, keeps=keeps)
    elif kept(turn.state):
        roll_back(turn, sentence_of(guilty[:1]), guilty[0].metric, guilty[0].detail)
    elif turn.plan.setting("rollback_auto").value or stranded:
        # Users who cannot be taken off the version are not left on it while a decision is pending.
        roll_back(turn, sentence_of(guilty[:1]), guilty[0].metric, guilty[0].detail)
    elif turn.state.status is not Status.WITHDRAWN:
        withdraw(turn, guilty)
    elif turn.state.excuse:
        # What looked like bad luck is harm: nothing is tried again by itself.
        turn.set(excuse="", in_status=0.0, reason=sentence_of(guilty), harmed=_metrics(guilty))
        turn.tell(_withdrawn(turn, guilty))


def _metrics(verdicts: list[Verdict]) -> tuple[str, ...]:
    return tuple(v.metric for v in verdicts)


def withdraw(turn: Tick, guilty: list[Verdict], excuse: str = "", keeps: int = 0) -> None:
    """The users go back to stable in this look, the new instances stay. Where there is nothing to go back to, the
    strategy's next step is held instead; a release that cannot be rolled back stops and pages an operator. keeps: per
    mille of users who keep the version, of other waves; their evidence starts again."""
    reason = sentence_of(guilty)
    if not turn.strategy.withdraws(turn):
        turn.set(excuse="")
        return
    if not turn.plan.setting("rollback.enabled").value and turn.state.reached:
        roll_back(turn, reason, guilty[0].metric, guilty[0].detail)
        return
    paused = turn.state.status is Status.PAUSED
    turn.enter(
        Status.WITHDRAWN, hold=None, troubles=(), reason=reason, harmed=_metrics(guilty), excuse=excuse, paused=paused,
        convicted=True, returned=False, out=False, drained=0.0, progress=turn.strategy.withdrawn(turn.state, keeps),
        tries=turn.state.tries + bool(keeps),
    )  # fmt: skip
    turn.tell(_withdrawn(turn, guilty))


def _withdrawn(turn: Tick, guilty: list[Verdict]) -> TrafficWithdrawn:
    excuse, keep = turn.state.excuse, kept(turn.state)
    now = turn.seen.split.weight(turn.state.new) if turn.seen.split else turn.step.weight
    return TrafficWithdrawn(
        cause=guilty[0].metric,
        step=turn.step.id,
        version=turn.state.new,
        reason=turn.state.reason,
        timeout_seconds=second_try_limit(turn.plan) if excuse else turn.plan.number("hold.decision_timeout"),
        retry_reason=excuse,
        retry_after=_what_is_awaited(turn) if excuse else "",
        details=guilty[0].detail,
        harm_started_at=turn.harm_started_at,
        flag=turn.strategy.comparison(turn.plan, turn.state) is Comparison.VARIANTS,
        waves=names_within(turn.plan.waves, keep, now) if keep else (),
        kept_waves=names_within(turn.plan.waves, 0, keep),
    )


# ── the second try ─────────────────────────────────────────────────────────────────────────────────────────


def _begin_second_try(turn: Tick, sure: list[Verdict]) -> None:
    ill = next((v for v in sure if v.excuse is Excuse.INSTANCE and v.instance), None)
    excuse = Excuse.INSTANCE if ill else Excuse.WARM_UP
    # In a walk only the failing instance leaves: the driver sends it nothing while it is replaced.
    if turn.strategy.withdraws(turn) and not (ill and turn.strategy.replaces_alone):
        withdraw(turn, sure, excuse.value)
    else:
        turn.set(excuse=excuse.value, harmed=_metrics(sure))
    if ill and turn.state.excuse:
        turn.set(replaced=ill.instance)
        turn.tell(InstanceReplaced(instance=ill.instance, reason=ill.sentence))


def _what_is_awaited(turn: Tick) -> str:
    if turn.state.excuse == Excuse.WARM_UP:
        warm = format_duration(turn.plan.number("analysis.warmup_duration"))
        return f"{warm} of warm-up"
    return "the failing instance is replaced"


def being_replaced(state: RolloutState) -> str:
    """`host:port` of the instance that is to leave; empty without one, and once it was seen to have left."""
    return state.replaced if state.excuse == Excuse.INSTANCE and not state.status.final else ""


def replacing(state: RolloutState, seen: Observed) -> Iterator[Action]:
    """The failing instance leaves once no request can reach it (rule 2), or when the router does not show that in
    time."""
    ill = being_replaced(state)
    if ill and (_is_out(state.new, ill, seen) or state.in_status >= REPLACED_AFTER):
        yield Replace(state.new, ill)


def _is_out(version: str, instance: str, seen: Observed) -> bool:
    if seen.split is None or not seen.split.reaches(version):
        return seen.split is not None
    sent = None if seen.endpoints is None else seen.endpoints.get(version, frozenset())
    return sent is not None and instance not in {f"{host}:{port}" for host, port in sent}


def left_on_purpose(state: RolloutState, host: str, port: int) -> bool:
    """Whether an instance that exited is the one that was stopped."""
    return bool(state.excuse) and state.replaced == f"{host}:{port}"


def note_replaced(turn: Tick) -> None:
    """Its successor may listen at the same address, so an instance that is gone is not stopped again."""
    state, instances = turn.state, turn.seen.instances
    if state.excuse != Excuse.INSTANCE or instances is None:
        return
    serving = (Health.HEALTHY, Health.UNHEALTHY)
    there = any(
        f"{i.host}:{i.port}" == state.replaced and i.version == state.new and i.health in serving for i in instances
    )
    if not there:
        turn.set(excuse=REPLACED)


def hold_for_second_try(turn: Tick) -> Hold | None:
    """Whether the traffic stays, because only one instance fails or nothing else could serve."""
    if not turn.state.excuse:
        return None
    awaited = _what_is_awaited(turn)
    return Hold(
        HoldCause.CANARY_UNHEALTHY,
        f"{', '.join(turn.state.harmed)} failed, possibly transient: one retry after {awaited}",
    )


def second_try_limit(plan: Plan) -> float:
    """Seconds for which a second try may be prepared."""
    return plan.number("analysis.warmup_duration") + plan.number("hold.decision_timeout")


def second_try_is_ready(turn: Tick, wanted: int) -> bool:
    """wanted: instances of the new version that should run."""
    state, seen = turn.state, turn.seen
    if seen.instances is None or seen.split is None or state.excuse == Excuse.INSTANCE:
        return False
    if seen.freeze or seen.barrier:
        return False  # no users come back by themselves in a freeze
    if state.excuse == Excuse.WARM_UP and state.in_status < turn.plan.number("analysis.warmup_duration"):
        return False
    if any(i.health is Health.EXITED and left_on_purpose(state, i.host, i.port) for i in seen.instances):
        return False  # once the try runs, its end would look like a crash
    well = healthy(seen, state.new)
    return well >= wanted and well == len(alive(seen, state.new))


def begin_again(turn: Tick) -> None:
    """The step's traffic comes back, and its watch and evidence start again."""
    state = turn.state
    was = ", ".join(state.harmed)
    if state.status is Status.WITHDRAWN:
        status = Status.PAUSED if state.paused else Status.PROGRESSING
        turn.enter(status, reason="paused before the traffic was withdrawn" if state.paused else "")
    elif state.status is Status.HOLDING:
        turn.enter(Status.PROGRESSING, reason="")
    turn.set(
        hold=None, troubles=(), tries=state.tries + 1, watched=0.0, waited=0.0, attempt=state.attempt + 1, excuse="",
        harmed=(), paused=False, convicted=False, returned=False,
    )  # fmt: skip
    turn.stale = True
    turn.tell(RetryStarted(restarts=state.tries + 1, step=turn.step.id, title=turn.title, failed_metrics=was))


# ── while it is withdrawn ──────────────────────────────────────────────────────────────────────────────────


def mind_the_withdrawal(turn: Tick, wanted: int) -> None:
    """Once the traffic is read back, the one retry starts, or the wait for a decision."""
    state = turn.state
    if not state.returned and turn.strategy.returned(turn):
        turn.set(returned=True, tries=state.tries + bool(kept(state)))
        turn.tell(TrafficRestored(outcome=turn.strategy.confirmed(turn), partly=kept(state) > 0))
    elif not state.returned and kept(state) and state.in_status >= turn.plan.number("canary.switch_timeout"):
        # Who keeps the version is not judged until then.
        roll_back(turn, f"{state.reason}; the router does not confirm that the wave is back on stable", "timeout")
        return
    if state.excuse and second_try_is_ready(turn, wanted):
        begin_again(turn)
        return
    limit = second_try_limit(turn.plan) if state.excuse else turn.plan.number("hold.decision_timeout")
    if turn.state.in_status >= limit:
        left = "it did not recover" if state.excuse else "nobody decided"
        roll_back(turn, f"{left} within {format_duration(limit)} of the withdrawal: {state.reason}", "timeout")


def accept(turn: Tick) -> None:
    """A person has accepted what withdrew the traffic, what fails now, and what looks worse than the past."""
    verdicts = [v for v in (*turn.seen.verdicts, *turn.strategy.verdicts(turn)) if not v.critical]
    failing = [v.metric for v in verdicts if v.kind is VerdictKind.FAIL or _worse_than_the_past(v)]
    known = (*turn.state.accepted, *turn.state.harmed, *failing)
    turn.set(accepted=tuple(dict.fromkeys(known)), harmed=(), convicted=False, excuse="")


def _worse_than_the_past(verdict: Verdict) -> bool:
    return verdict.past and verdict.kind in (VerdictKind.FAIL, VerdictKind.INCONCLUSIVE)


def worse_than_the_past(turn: Tick, *, sure: bool) -> list[Verdict]:
    """sure: the failing ones; otherwise those without a result."""
    kind = VerdictKind.FAIL if sure else VerdictKind.INCONCLUSIVE
    return [
        v for v in turn.seen.verdicts
        if v.past and v.kind is kind and not v.critical and v.metric not in turn.state.accepted
    ]  # fmt: skip
