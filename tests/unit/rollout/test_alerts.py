"""R13's fourth criterion and R20's actions: a critical alert holds, a low success rate pauses, and canaries of which
too few are ready lose their users in the same look."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import hypothesis.strategies as st
from hypothesis import given

from pilotage import Plan
from pilotage.model.action import Apply
from pilotage.model.observation import Health, Instance, Remedy, Verdict, VerdictKind
from pilotage.model.plan import StepKind
from pilotage.model.rollout import (
    Command,
    CommandKind,
    Decision,
    HoldCause,
    Mode,
    Observed,
    RolloutState,
    Status,
)
from pilotage.model.traffic import WHOLE, instances_for, split_between
from pilotage.rollout.canaries import METRIC
from pilotage.rollout.machine import begin, decide
from tests import plans

WELL = Verdict("error rate", VerdictKind.PASS, "fine")
ALERT = Verdict("alert DiskFull", VerdictKind.FAIL, "critical alert DiskFull fires", asks=Remedy.HOLD)
UNKNOWN = Verdict("alerts", VerdictKind.SOURCE_ERROR, "nobody knows whether a critical alert fires")
LOW = Verdict("success_rate", VerdictKind.FAIL, "98.50% of 400 requests succeeded", asks=Remedy.PAUSE)
UNLOADED = Verdict("alert rules", VerdictKind.SOURCE_ERROR, "not loaded", asks=Remedy.NOTHING)
FULL = 8

a_plan = partial(plans.a_plan, tolerance="medium", instances=FULL)


def at(plan: Plan, step: int, **more: object) -> RolloutState:
    reached = max(s.weight for s in plan.steps[: step + 1])
    return replace(begin(plan, "old", Mode.FULL), step=step, reached=reached, at=1.0, **more)  # type: ignore[arg-type]


def watch(plan: Plan) -> int:
    return next(i for i, s in enumerate(plan.steps) if s.kind is StepKind.ANALYSE)


def seen(plan: Plan, step: int, *verdicts: Verdict, ready: int = FULL, unready: int = 0) -> Observed:
    healths = [Health.HEALTHY] * ready + [Health.UNHEALTHY] * unready
    instances = [Instance(f"new-{n}", "new", "h", n, health) for n, health in enumerate(healths)]
    instances += [Instance(f"old-{n}", "old", "h", 100 + n, Health.HEALTHY) for n in range(FULL)]
    return Observed(split_between("new", plan.steps[step].weight, "old"), tuple(instances), verdicts)


def looks(plan: Plan, state: RolloutState, what: Observed, times: int) -> Decision:
    """So many looks, five seconds apart."""
    for n in range(times):
        decision = decide(plan, state, what, (), state.at + 5.0)
        state = decision.state
        if n == times - 1:
            return decision
    raise ValueError("no look")


def said(state: RolloutState, what: Observed, plan: Plan, kind: CommandKind) -> RolloutState:
    return decide(plan, state, what, (Command(1, kind, "ada"),), state.at + 1.0).state


def weight_of(decision: Decision) -> int:
    return next(a.split.weight("new") for a in decision.actions if isinstance(a, Apply))


# ── a critical alert of the service ────────────────────────────────────────────────────────────────────────


def test_a_critical_alert_holds_until_it_is_over_and_then_the_release_goes_on() -> None:
    plan = a_plan({"canary.phase_duration": "10s"})
    step = watch(plan)
    held = looks(plan, at(plan, step), seen(plan, step, WELL, ALERT), 5).state
    assert held.status is Status.HOLDING
    assert held.hold is not None
    assert held.hold.cause is HoldCause.ALERT
    assert held.step == step, "however long it was watched"
    on = looks(plan, held, seen(plan, step, WELL), 3).state
    assert on.step > step


def test_an_alert_that_stays_is_waited_for_only_so_long() -> None:
    plan = a_plan({"hold.timeout": "20s", "hold.on_timeout": "rollback"})
    step = watch(plan)
    assert looks(plan, at(plan, step), seen(plan, step, WELL, ALERT), 8).state.status is Status.ROLLING_BACK
    assert looks(plan, at(plan, step), seen(plan, step, WELL, UNKNOWN), 8).state.status is Status.ROLLING_BACK


def test_a_person_goes_on_in_spite_of_an_alert_and_another_one_holds_again() -> None:
    plan = a_plan({"canary.phase_duration": "10s"})
    step = watch(plan)
    held = looks(plan, at(plan, step), seen(plan, step, WELL, ALERT), 2).state
    on = said(held, seen(plan, step, WELL, ALERT), plan, CommandKind.RESUME)
    assert (on.status, on.step) == (Status.PROGRESSING, step), "the watch is not cut short"
    on = looks(plan, on, seen(plan, step, WELL, ALERT), 2).state
    assert on.step > step
    other = replace(ALERT, metric="alert Fire", sentence="critical alert Fire fires")
    following = on.step + [s.kind for s in plan.steps[on.step :]].index(StepKind.ANALYSE)
    on = replace(on, step=following)
    assert looks(plan, on, seen(plan, following, WELL, ALERT), 1).state.status is Status.PROGRESSING
    assert looks(plan, on, seen(plan, following, WELL, ALERT, other), 1).state.status is Status.HOLDING


@given(step=st.integers(0, 40), mode=st.sampled_from([Mode.FULL, Mode.EMERGENCY]))
def test_an_alert_alone_takes_nobody_back_and_an_emergency_does_not_wait_for_it(step: int, mode: Mode) -> None:
    plan = a_plan()
    step %= len(plan.steps)
    decision = decide(plan, at(plan, step, mode=mode), seen(plan, step, WELL, ALERT), (), 2.0)
    assert decision.state.status not in (Status.WITHDRAWN, Status.ROLLING_BACK)
    assert not decision.state.harm_since
    if mode is Mode.EMERGENCY:
        assert decision.state.hold is None or decision.state.hold.cause is not HoldCause.ALERT
    if plan.steps[step].kind is StepKind.ANALYSE and mode is Mode.FULL:
        assert decision.state.hold is not None
        assert decision.state.hold.cause is HoldCause.ALERT


@given(step=st.integers(0, 40), ready=st.integers(1, FULL - 1))
def test_r14_a_return_within_the_window_is_not_withdrawn_because_its_instances_are_starting(
    step: int, ready: int
) -> None:
    """It skips the analysed steps, so nobody is a canary while the instances of all users start."""
    plan = a_plan()
    step %= len(plan.steps)
    what = seen(plan, step, ready=ready, unready=FULL - ready)
    what = replace(what, split=split_between("new", 0, "old"))
    after = looks(plan, at(plan, step, mode=Mode.FAST_RETURN), what, 1)
    assert METRIC not in after.state.reason
    assert after.state.status not in (Status.WITHDRAWN, Status.ROLLING_BACK)


def test_rules_that_are_not_loaded_are_told_and_hold_nothing() -> None:
    plan = a_plan({"canary.phase_duration": "10s"})
    step = watch(plan)
    first = decide(plan, at(plan, step), seen(plan, step, WELL, UNLOADED), (), 2.0)
    assert [e.type for e in first.events] == ["verdict-changed"]
    assert looks(plan, first.state, seen(plan, step, WELL, UNLOADED), 4).state.step > step


# ── a low success rate ─────────────────────────────────────────────────────────────────────────────────────


@given(step=st.integers(0, 40))
def test_a_low_success_rate_pauses_at_every_step_and_takes_nobody_back(step: int) -> None:
    plan = a_plan()
    step %= len(plan.steps)
    decision = decide(plan, at(plan, step), seen(plan, step, WELL, LOW), (), 2.0)
    assert decision.state.status is Status.PAUSED
    assert decision.state.hold is not None
    assert decision.state.hold.cause is HoldCause.LOW_SUCCESS_RATE
    assert "98.50%" in decision.state.reason
    assert decision.state.step == step
    assert [e.type for e in decision.events if e.type != "verdict-changed"] == ["paused"]


def test_who_resumes_has_answered_and_nobody_is_asked_again() -> None:
    plan = a_plan()
    step = watch(plan)
    paused = looks(plan, at(plan, step), seen(plan, step, WELL, LOW), 1).state
    on = said(paused, seen(plan, step, WELL, LOW), plan, CommandKind.RESUME)
    assert looks(plan, on, seen(plan, step, WELL, LOW), 3).state.status is Status.PROGRESSING


def test_a_pause_that_nobody_ends_is_rolled_back() -> None:
    plan = a_plan({"pause.timeout": "20s"})
    step = watch(plan)
    assert looks(plan, at(plan, step), seen(plan, step, WELL, LOW), 7).state.status is Status.ROLLING_BACK


# ── canaries that are not ready ────────────────────────────────────────────────────────────────────────────


@given(
    weight=st.sampled_from(["50%", "75%", "90%"]), unready=st.integers(0, FULL), tolerance=st.sampled_from(
        ["low", "medium", "high"]
    ), tries=st.integers(0, 1),
)  # fmt: skip
def test_with_too_few_canaries_ready_no_user_is_on_them_after_that_look(
    weight: str, unready: int, tolerance: str, tries: int
) -> None:
    plan = a_plan({"canary.weights": [weight, "100%"]}, tolerance=tolerance)
    step = watch(plan)
    wanted = instances_for(plan.steps[step].weight, FULL)
    unready = min(unready, wanted)
    what = seen(plan, step, WELL, ready=wanted - unready, unready=unready)
    decision = decide(plan, at(plan, step, tries=tries), what, (), 2.0)
    if (wanted - unready) / wanted < 0.9:
        assert weight_of(decision) == 0
        assert decision.state.status is not Status.PROGRESSING
    else:
        assert weight_of(decision) == plan.steps[step].weight
    if 0 < unready < wanted and unready / wanted > 0.1:
        assert METRIC in decision.state.harmed or decision.state.status is Status.ROLLING_BACK


def test_an_instance_that_is_not_ready_is_replaced_once_and_then_a_person_decides() -> None:
    plan = a_plan({"canary.weights": ["50%", "100%"], "analysis.warmup_duration": "0s"})
    step = watch(plan)
    first = decide(plan, at(plan, step), seen(plan, step, WELL, ready=3, unready=1), (), 2.0).state
    assert (first.status, first.replaced) == (Status.WITHDRAWN, "h:3")
    gone, come = (replace(seen(plan, step, WELL, ready=n), split=split_between("new", 0, "old")) for n in (3, 4))
    back = looks(plan, looks(plan, first, gone, 1).state, come, 1).state
    assert (back.status, back.tries) == (Status.PROGRESSING, 1)
    again = looks(plan, back, seen(plan, step, WELL, ready=3, unready=1), 1).state
    assert (again.status, again.excuse) == (Status.WITHDRAWN, "")


def test_canaries_that_start_for_the_next_weight_are_not_missed() -> None:
    plan = a_plan({"canary.weights": ["50%", "100%"]})
    step = next(i for i, s in enumerate(plan.steps) if s.kind is StepKind.SCALE and 0 < s.weight < WHOLE)
    starting = decide(plan, at(plan, step), seen(plan, step, WELL, ready=4, unready=4), (), 2.0)
    assert starting.state.status is Status.PROGRESSING
