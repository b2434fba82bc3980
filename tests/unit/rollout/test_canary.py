"""The canary machine by example: what a person would ask of each rule of execution."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from pilotage import Plan
from pilotage.model.action import Apply, Ensure
from pilotage.model.observation import Health, Instance, Verdict, VerdictKind
from pilotage.model.plan import StepKind
from pilotage.model.rollout import Command, CommandKind, Decision, Hold, HoldCause, Mode, Observed, RolloutState, Status
from pilotage.model.traffic import HeaderRoute, Split, baseline_of, split_between
from pilotage.rollout.machine import begin, decide
from tests import plans

GOOD = (Verdict("error rate", VerdictKind.PASS, "fine"),)


a_plan = partial(plans.a_plan, tolerance="medium", instances=2)


def instances(new: int = 2, old: int = 2, *, new_health: Health = Health.HEALTHY) -> tuple[Instance, ...]:
    return tuple(Instance(f"new-{n}", "new", "h", n, new_health) for n in range(new)) + tuple(
        Instance(f"old-{n}", "old", "h", 10 + n, Health.HEALTHY) for n in range(old)
    )


def seen(weight: int = 0, verdicts: tuple[Verdict, ...] = GOOD, at: tuple[Instance, ...] | None = None) -> Observed:
    return Observed(split_between("new", weight, "old"), instances() if at is None else at, verdicts)


def watching(plan: Plan, weight: int) -> RolloutState:
    """The state in the middle of the watch of `weight`."""
    kinds = (StepKind.ANALYSE, StepKind.BAKE)
    step = next(i for i, s in enumerate(plan.steps) if s.kind in kinds and s.weight == weight)
    return replace(begin(plan, "old", Mode.FULL), step=step, reached=weight)


def events(decision: Decision) -> list[str]:
    return [event.type for event in decision.events]


def split_of(decision: Decision) -> Split:
    return next(action.split for action in decision.actions if isinstance(action, Apply))


def test_rule_1_a_weight_is_set_only_when_the_router_shows_it() -> None:
    plan = a_plan()
    state = replace(begin(plan, "old", Mode.FULL), step=1)
    not_yet = decide(plan, state, seen(0), (), 1.0)
    assert not_yet.state.step == 1
    assert split_of(not_yet) == split_between("new", 50, "old")
    assert decide(plan, not_yet.state, seen(50), (), 2.0).state.step == 2


def test_rule_1_a_router_that_lies_ends_in_a_rollback_that_says_what_it_shows() -> None:
    plan = a_plan()
    state = replace(begin(plan, "old", Mode.FULL), step=4, at=1.0, waited=29.0)
    decision = decide(plan, state, seen(50), (), 2.0)
    assert decision.state.status is Status.ROLLING_BACK
    assert "the router sends 5% to new" in decision.state.reason


def test_rule_2_no_traffic_before_the_canary_is_healthy() -> None:
    plan = a_plan()
    state = replace(begin(plan, "old", Mode.FULL), step=1)
    sick = instances(new_health=Health.STARTING)
    assert split_of(decide(plan, state, seen(0, at=sick), (), 1.0)).weight("new") == 0


def test_rule_2_stable_stops_only_after_it_is_drained() -> None:
    plan = a_plan()
    drain = next(i for i, s in enumerate(plan.steps) if s.kind is StepKind.DRAIN)
    state = replace(begin(plan, "old", Mode.FULL), step=drain)
    early = decide(plan, state, seen(1000), (), 1.0)
    assert Ensure("old", 2) in early.actions
    late = decide(plan, replace(state, out=True, drained=10.0), seen(1000), (), 1.0)
    assert late.state.step == drain + 1
    assert Ensure("old", 0) in late.actions


@pytest.mark.parametrize(
    ("tolerance", "critical", "status"),
    [
        ("low", True, Status.ROLLING_BACK),
        ("low", False, Status.ROLLING_BACK),
        ("medium", True, Status.ROLLING_BACK),
        ("medium", False, Status.WITHDRAWN),
        ("high", False, Status.WITHDRAWN),
        ("zero-downtime", False, Status.ROLLING_BACK),
    ],
)
def test_c1_critical_is_undone_at_once_and_the_rest_as_the_tolerance_says(
    tolerance: str, critical: bool, status: Status
) -> None:
    plan = a_plan(tolerance=tolerance)
    failed = (Verdict("error rate", VerdictKind.FAIL, "4.8 % against 0.1 %", critical=critical),)
    decision = decide(plan, watching(plan, 50), seen(50, failed), (), 1.0)
    assert decision.state.status is status
    assert "4.8 % against 0.1 %" in decision.state.reason


def test_c1_harm_that_nobody_answers_is_undone_at_the_deadline_and_not_before() -> None:
    plan = a_plan({"hold.decision_timeout": "10s"}, tolerance="medium")
    failed = (Verdict("error rate", VerdictKind.FAIL, "worse"),)
    state, now = watching(plan, 50), 0.0
    history = []
    for _ in range(12):
        now += 1.0
        decision = decide(plan, state, seen(50, failed), (), now)
        state = decision.state
        history.append(state.status)
    assert history[:10] == [Status.WITHDRAWN] * 10
    assert Status.ROLLING_BACK in history[10:]


def test_rule_5_a_dead_source_holds_first_and_is_never_a_pass() -> None:
    plan = a_plan({"canary.phase_duration": "1s", "hold.timeout": "5s"}, tolerance="low")
    dead = (Verdict("error rate", VerdictKind.SOURCE_ERROR, "connection refused"),)
    first = decide(plan, watching(plan, 50), seen(50, dead), (), 1.0)
    assert first.state.status is Status.HOLDING
    assert first.state.hold is not None
    assert first.state.hold.cause is HoldCause.SOURCE_ERROR
    assert split_of(first).weight("new") == 50
    back = decide(plan, first.state, seen(50), (), 2.0)
    assert back.state.status is Status.HOLDING, "it must stay good for a while"
    assert decide(plan, back.state, seen(50), (), 7.0).state.status is Status.PROGRESSING
    spent = tuple(replace(one, spent=5.0) for one in first.state.troubles)
    later = decide(plan, replace(first.state, troubles=spent), seen(50, dead), (), 1.5)
    assert later.state.status is Status.ROLLING_BACK


def test_a_hold_that_an_earlier_version_began_keeps_what_it_has_used_up() -> None:
    plan = a_plan({"hold.timeout": "5s"}, tolerance="low")
    dead = (Verdict("error rate", VerdictKind.SOURCE_ERROR, "connection refused"),)
    state = replace(
        watching(plan, 50), at=1.0, status=Status.HOLDING, hold=Hold(HoldCause.SOURCE_ERROR, "connection refused", 5.0)
    )
    assert decide(plan, state, seen(50, dead), (), 1.5).state.status is Status.ROLLING_BACK


def test_rule_5_high_tolerance_pauses_for_a_person_instead() -> None:
    plan = a_plan({"canary.phase_duration": "1s", "hold.timeout": "1s"}, tolerance="high")
    nothing = (Verdict("error rate", VerdictKind.INSUFFICIENT_DATA, "3 of 100"),)
    state = replace(watching(plan, 50), watched=1.0)
    state = decide(plan, state, seen(50, nothing), (), 1.0).state
    state = decide(plan, state, seen(50, nothing), (), 2.0).state
    state = decide(plan, state, seen(50, nothing), (), 3.0).state
    assert state.status is Status.PAUSED


def test_no_verdict_at_all_is_not_a_pass() -> None:
    plan = a_plan({"canary.phase_duration": "1s"}, tolerance="low")
    decision = decide(plan, replace(watching(plan, 50), watched=5.0), seen(50, ()), (), 1.0)
    assert decision.state.status is Status.HOLDING


def test_rule_6_limits_stay_live_in_a_pause_and_the_pause_has_an_end() -> None:
    plan = a_plan({"pause.timeout": "10s"}, tolerance="medium")
    state = decide(plan, watching(plan, 50), seen(50), (Command(1, CommandKind.PAUSE, "ada"),), 1.0).state
    assert state.status is Status.PAUSED
    critical = (Verdict("error rate", VerdictKind.FAIL, "limit", critical=True),)
    assert decide(plan, state, seen(50, critical), (), 2.0).state.status is Status.ROLLING_BACK
    assert decide(plan, replace(state, in_status=10.0), seen(50), (), 2.0).state.status is Status.ROLLING_BACK


def test_rule_7_an_abort_works_blind_and_moves_traffic_first() -> None:
    plan = a_plan()
    blind = Observed(None, None, (), trouble="nothing answers")
    decision = decide(plan, watching(plan, 500), blind, (Command(1, CommandKind.ABORT, "ada", "pager"),), 1.0)
    assert decision.state.status is Status.ROLLING_BACK
    assert split_of(decision) == split_between("new", 0, "old")
    assert Ensure("new", 0) not in decision.actions
    assert decision.answered == ((1, "done"),)


def test_rule_7_abort_wins_over_a_promote_given_at_once() -> None:
    plan = a_plan()
    commands = (Command(1, CommandKind.PROMOTE, "bob"), Command(2, CommandKind.ABORT, "ada"))
    decision = decide(plan, watching(plan, 50), seen(50), commands, 1.0)
    assert decision.state.status is Status.ROLLING_BACK
    assert dict(decision.answered)[1].startswith("refused")


def test_abort_twice_and_abort_after_the_end_change_nothing() -> None:
    plan = a_plan()
    once = decide(plan, watching(plan, 50), seen(50), (Command(1, CommandKind.ABORT, "ada"),), 1.0)
    twice = decide(plan, once.state, seen(50), (Command(2, CommandKind.ABORT, "bob"),), 2.0)
    assert "rollback-started" not in events(twice)
    assert dict(twice.answered)[2].startswith("nothing to do")


def test_the_way_back_is_traffic_then_drain_then_stop() -> None:
    plan = a_plan({"canary.drain_duration": "2s"})
    state = decide(plan, watching(plan, 500), seen(500), (Command(1, CommandKind.ABORT, "ada"),), 1.0).state
    told, stopped_at = [], None
    for second in range(2, 8):
        decision = decide(plan, state, seen(0, at=instances(new=0 if stopped_at else 2)), (), float(second))
        state = decision.state
        told += events(decision)
        if Ensure("new", 0) in decision.actions and stopped_at is None:
            stopped_at = second
    assert told == ["traffic-restored", "rolled-back"]
    assert stopped_at is not None
    assert stopped_at >= 4


def test_weight_never_exceeds_capacity_on_the_way_back() -> None:
    plan = a_plan()
    state = decide(plan, watching(plan, 1000), seen(1000), (Command(1, CommandKind.ABORT, "ada"),), 1.0).state
    half = instances(old=1)
    assert split_of(decide(plan, state, seen(1000, at=half), (), 2.0)) == split_between("new", 500, "old")
    assert split_of(decide(plan, state, seen(500), (), 3.0)) == split_between("new", 0, "old")


def test_a_bad_version_keeps_no_user_because_the_health_path_of_stable_fails() -> None:
    """What the judge found worse than stable, or a person aborts, is left for any stable instance that lives. A wait
    that ended says nothing against a healthy canary, whose users stay."""
    plan = a_plan()
    ill = (*instances(old=0), *(replace(i, health=Health.UNHEALTHY) for i in instances(new=0)))
    harm = (Verdict("error rate", VerdictKind.FAIL, "worse than stable"),)
    judged = decide(plan, watching(plan, 500), seen(500, harm, ill), (), 1.0)
    aborted = decide(plan, watching(plan, 500), seen(500, at=ill), (Command(1, CommandKind.ABORT, "ada"),), 1.0)
    for decision in (judged, aborted):
        assert split_of(decide(plan, decision.state, seen(500, at=ill), (), 2.0)) == split_between("new", 0, "old")
    late = replace(watching(plan, 500), status=Status.ROLLING_BACK, reason="it held too long")
    assert split_of(decide(plan, late, seen(500, at=ill), (), 2.0)) == split_between("new", 500, "old")


def test_a_rollback_that_does_not_get_done_calls_a_person_and_goes_on_trying() -> None:
    plan = a_plan()
    state = decide(plan, watching(plan, 500), seen(500), (Command(1, CommandKind.ABORT, "ada"),), 1.0).state
    stuck = decide(plan, replace(state, in_status=120.0), seen(500), (), 2.0)
    assert stuck.state.status is Status.FAILED
    assert "requests may still reach new" in stuck.state.reason
    assert split_of(decide(plan, stuck.state, seen(500), (), 3.0)).weight("new") == 0


def test_a_dead_canary_instance_is_undone_with_its_last_words() -> None:
    plan = a_plan(tolerance="high")
    dead = (*instances(new=1), Instance("new-9", "new", "h", 9, Health.EXITED, detail="KeyError: 'discount'"))
    decision = decide(plan, watching(plan, 50), seen(50, at=dead), (), 1.0)
    assert decision.state.status is Status.ROLLING_BACK
    assert "KeyError: 'discount'" in decision.state.reason


def test_a_dead_stable_instance_holds_and_is_replaced() -> None:
    plan = a_plan()
    decision = decide(plan, watching(plan, 50), seen(50, at=instances(old=1)), (), 1.0)
    assert decision.state.status is Status.HOLDING
    assert decision.state.hold is not None
    assert decision.state.hold.cause is HoldCause.STABLE_UNHEALTHY
    assert Ensure("old", 2) in decision.actions


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_clock_that_jumps_shortens_no_watch(jump: float) -> None:
    plan = a_plan({"canary.phase_duration": "10m"}, tolerance="high")
    decision = decide(plan, replace(watching(plan, 50), at=10_000.0), seen(50), (), 10_000.0 + jump)
    assert decision.state.status is Status.PROGRESSING
    assert 0 <= decision.state.watched <= 5


def test_the_time_before_the_first_look_is_nobodys() -> None:
    plan = a_plan({"canary.health_check_timeout": "1s"})
    starting = instances(new_health=Health.STARTING)
    first = decide(plan, begin(plan, "old", Mode.FULL), seen(0, at=starting), (), 1_000_000.0)
    assert (first.state.waited, first.state.status) == (0.0, Status.PROGRESSING)
    later = decide(plan, first.state, seen(0, at=starting), (), 1_000_001.0)
    assert later.state.status is Status.ROLLING_BACK


def test_a_failed_rollout_without_an_earlier_version_says_so() -> None:
    plan = a_plan()
    dead = (Instance("new-0", "new", "h", 0, Health.EXITED),)
    decision = decide(plan, begin(plan, None, Mode.INITIAL), Observed(None, dead), (), 1.0)
    assert decision.state.status is Status.FAILED
    assert "no earlier version" in decision.state.reason


def test_a_first_deployment_and_a_fast_return_begin_at_full_size() -> None:
    plan = a_plan()
    for mode, old in ((Mode.INITIAL, None), (Mode.FAST_RETURN, "old")):
        state = begin(plan, old, mode)
        assert plan.steps[state.step].kind is StepKind.SCALE
        assert plan.steps[state.step + 1].weight == 1000


def test_promote_goes_on_and_promote_full_leaves_the_analyses_out() -> None:
    plan = a_plan()
    state = watching(plan, 50)
    once = decide(plan, state, seen(50), (Command(1, CommandKind.PROMOTE, "ada"),), 1.0)
    assert once.state.step == state.step + 1
    full = decide(plan, state, seen(50), (Command(1, CommandKind.PROMOTE, "ada", full=True),), 1.0)
    assert full.state.mode is Mode.FAST_RETURN


def test_a_promote_answers_harm_that_is_not_critical_but_never_a_critical_limit() -> None:
    plan = a_plan(tolerance="medium")
    worse = (Verdict("error rate", VerdictKind.FAIL, "worse"),)
    state = decide(plan, watching(plan, 50), seen(50, worse), (Command(1, CommandKind.PROMOTE, "ada"),), 1.0).state
    assert decide(plan, state, seen(50, worse), (), 2.0).state.status is Status.PROGRESSING
    critical = (Verdict("error rate", VerdictKind.FAIL, "limit", critical=True),)
    assert decide(plan, state, seen(50, critical), (), 2.0).state.status is Status.ROLLING_BACK


def test_a_gate_waits_for_approval_and_a_rejection_undoes() -> None:
    plan = a_plan({"canary.require_approval": True})
    state = begin(plan, "old", Mode.FULL)
    waiting = decide(plan, state, seen(0), (), 1.0)
    assert waiting.state.status is Status.HOLDING
    approved = decide(plan, waiting.state, seen(0), (Command(1, CommandKind.APPROVE, "ada"),), 2.0)
    assert plan.steps[approved.state.step].kind is StepKind.SCALE
    rejected = decide(plan, waiting.state, seen(0), (Command(1, CommandKind.REJECT, "ada", "not today"),), 2.0)
    assert "not today" in rejected.state.reason


def test_what_an_earlier_rollout_left_behind_stops_as_soon_as_the_next_one_sees_that_no_request_reaches_it() -> None:
    """A failed rollback, or a version that was kept warm: never three versions run side by side for long."""
    plan = a_plan()
    stray = (*instances(), Instance("older-0", "older", "h", 20, Health.HEALTHY))
    running = decide(plan, watching(plan, 50), seen(50, at=stray), (), 1.0)
    assert Ensure("older", 0) in running.actions
    unseen = Observed(None, stray, GOOD)
    assert Ensure("older", 0) not in decide(plan, watching(plan, 50), unseen, (), 1.0).actions
    over = replace(watching(plan, 1000), status=Status.COMPLETED)
    assert Ensure("older", 0) in decide(plan, over, seen(1000, at=stray), (), 1.0).actions
    reached = Observed(Split((("new", 900), ("older", 100))), stray, GOOD)
    assert Ensure("older", 0) not in decide(plan, over, reached, (), 1.0).actions


def test_a_dead_router_after_the_end_gets_the_new_version_back_even_while_an_instance_is_missing() -> None:
    plan = a_plan()
    over = replace(watching(plan, 1000), status=Status.COMPLETED)
    half = Observed(None, instances(new=1, old=0), (), trouble="the router does not answer")
    assert split_of(decide(plan, over, half, (), 1.0)) == split_between("new", 1000, "old")


def test_testers_reach_the_canary_by_header_from_its_first_weight_until_it_goes() -> None:
    plan = a_plan({"canary.tester_header": "X-Release"})
    route = HeaderRoute("x-release", "canary", "new")
    decision = decide(plan, watching(plan, 50), seen(50), (), 1.0)
    assert split_of(decision) == split_between("new", 50, "old", (route,))
    back = decide(plan, decision.state, seen(50), (Command(1, CommandKind.ABORT, "ada"),), 2.0)
    assert split_of(back).header_routes == ()


def test_a_cohort_has_the_canary_from_its_first_weight_on() -> None:
    plan = a_plan({"canary.cohort": "X-Tenant=acme"})
    decision = decide(plan, watching(plan, 50), seen(50), (), 1.0)
    assert split_of(decision).header_routes == (HeaderRoute("x-tenant", "acme", "new"),)
    with pytest.raises(ValueError, match="a header and its value such as x-tenant=acme"):
        a_plan({"canary.cohort": "acme"})


# ── the baseline ──────────────────────────────────────────────────────────────────────────────────────────────


def fresh(count: int) -> tuple[Instance, ...]:
    return tuple(Instance(f"fresh-{n}", baseline_of("old"), "h", 20 + n, Health.HEALTHY) for n in range(count))


def test_r13_a_baseline_starts_with_the_canary_and_gets_as_many_requests() -> None:
    plan = a_plan({"canary.baseline": True})
    named = baseline_of("old")
    scaling = begin(plan, "old", Mode.FULL)
    waits = decide(plan, scaling, seen(0, at=instances(new=1)), (), 1.0)
    assert Ensure(named, 1) in waits.actions
    assert waits.state.step == scaling.step
    begun = decide(plan, scaling, seen(0, at=(*instances(new=1), *fresh(1))), (), 1.0)
    assert plan.steps[begun.state.step].kind is StepKind.SET_WEIGHT
    assert split_of(begun).weights == (("new", 50), (named, 50), ("old", 900))


def test_r13_a_baseline_that_dies_gives_its_requests_back_to_stable() -> None:
    plan = a_plan({"canary.baseline": True})
    decision = decide(plan, watching(plan, 50), seen(50), (), 1.0)
    assert split_of(decision) == split_between("new", 50, "old")
    assert Ensure(baseline_of("old"), 1) in decision.actions


def test_r13_a_baseline_goes_when_stable_has_no_more_than_the_canary_and_only_drained() -> None:
    plan = a_plan({"canary.baseline": True, "canary.drain_duration": "10s"})
    watch = watching(plan, 500)
    there = (*instances(), *fresh(1))
    still = Observed(Split((("new", 250), (baseline_of("old"), 250), ("old", 500))), there, GOOD)
    for state, looks_like in ((replace(watch, waited=5.0), seen(500, at=there)), (replace(watch, waited=20.0), still)):
        decision = decide(plan, state, looks_like, (), 1.0)
        assert split_of(decision) == split_between("new", 500, "old")
        assert Ensure(baseline_of("old"), 0) not in decision.actions
    gone = decide(plan, replace(watch, waited=20.0), seen(500, at=there), (), 1.0)
    assert Ensure(baseline_of("old"), 0) in gone.actions


def test_r13_a_rollback_takes_the_baselines_requests_back_too() -> None:
    plan = a_plan({"canary.baseline": True})
    there = (*instances(), *fresh(1))
    now = Observed(Split((("new", 50), (baseline_of("old"), 50), ("old", 900))), there, GOOD)
    back = decide(plan, watching(plan, 50), now, (Command(1, CommandKind.ABORT, "ada"),), 2.0)
    assert split_of(back).weights == (("old", 1000),)
    over = replace(back.state, status=Status.ROLLED_BACK)
    assert Ensure(baseline_of("old"), 0) in decide(plan, over, seen(0, at=there), (), 3.0).actions
