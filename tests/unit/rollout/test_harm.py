"""C1 by example: sure harm takes the traffic back at once, bad luck has one second try, and doubt undoes nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from pilotage import Plan
from pilotage.model.action import Apply, Ensure, Replace, SetFlag
from pilotage.model.flag import OFF, Ramp
from pilotage.model.observation import Excuse, Health, Instance, Verdict, VerdictKind
from pilotage.model.plan import StepKind
from pilotage.model.progress import RollingProgress, ToggleProgress
from pilotage.model.rollout import (
    Command,
    CommandKind,
    Decision,
    Event,
    HoldCause,
    Mode,
    Observed,
    RolloutState,
    Status,
)
from pilotage.model.traffic import WHOLE, HeaderRoute, share_of, split_between
from pilotage.rollout.machine import begin, decide
from tests import plans

WELL = (Verdict("error rate", VerdictKind.PASS, "fine"),)
WORSE = (Verdict("error rate", VerdictKind.FAIL, "18.9 % against 0 %"),)
FEW = (Verdict("error rate", VerdictKind.INSUFFICIENT_DATA, "1 of 100"),)
YOUNG = (Verdict("error rate", VerdictKind.FAIL, "of young instances", excuse=Excuse.WARM_UP),)
ILL = (Verdict("error rate", VerdictKind.FAIL, "of one", excuse=Excuse.INSTANCE, instance="h:0"),)
PAST = (Verdict("slow requests", VerdictKind.FAIL, "twice the past's", past=True),)
WATCHES = (StepKind.ANALYSE, StepKind.BAKE, StepKind.BATCH)


a_plan = partial(plans.a_plan, tolerance="medium", instances=4)


def at(plan: Plan, *, last: bool = False) -> RolloutState:
    """In the first watch of the plan, or in the last."""
    steps = [i for i, s in enumerate(plan.steps) if s.kind in WATCHES]
    step = steps[-1] if last else steps[0]
    return replace(begin(plan, "old", Mode.FULL), step=step, reached=plan.steps[step].weight, at=1.0)


def seen(weight: int, verdicts: tuple[Verdict, ...], new: int = 4, old: int = 4, **more: object) -> Observed:
    instances = [Instance(f"new-{n}", "new", "h", n, Health.HEALTHY) for n in range(new)]
    instances += [Instance(f"old-{n}", "old", "h", 10 + n, Health.HEALTHY) for n in range(old)]
    return replace(Observed(split_between("new", weight, "old"), tuple(instances), verdicts), **more)  # type: ignore[arg-type]


def say(kind: CommandKind, **more: bool) -> tuple[Command, ...]:
    return (Command(1, kind, "ada", **more),)  # type: ignore[arg-type]


def weight_of(decision: Decision) -> int:
    return next(a.split.weight("new") for a in decision.actions if isinstance(a, Apply))


def told(decision: Decision) -> list[str]:
    return [event.type for event in decision.events]


# ── withdrawn ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tolerance", ["low", "medium", "high", "zero-downtime"])
@pytest.mark.parametrize("status", [Status.PROGRESSING, Status.PAUSED])
def test_sure_harm_takes_a_canarys_users_back_in_the_same_look(tolerance: str, status: Status) -> None:
    plan = a_plan(tolerance=tolerance)
    decision = decide(plan, replace(at(plan), status=status), seen(50, WORSE), (), 2.0)
    assert weight_of(decision) == 0
    undone = tolerance in ("low", "zero-downtime")
    assert decision.state.status is (Status.ROLLING_BACK if undone else Status.WITHDRAWN)
    assert "18.9 % against 0 %" in decision.events[-1].sentence


def test_a_withdrawn_canary_runs_on_and_its_testers_still_reach_it_but_no_cohort() -> None:
    plan = a_plan({"canary.tester_header": "X-Release", "canary.cohort": "x-tenant=acme"})
    decision = decide(plan, at(plan), seen(50, WORSE), (), 2.0)
    split = next(a.split for a in decision.actions if isinstance(a, Apply))
    assert split.header_routes == (HeaderRoute("x-release", "canary", "new"),)
    assert "Ensure(version='new', count=1)" in map(str, decision.actions)


def test_sure_harm_turns_a_flag_off_and_a_switch_back() -> None:
    toggle = a_plan(strategy="feature-toggle")
    flagged = decide(toggle, at(toggle), seen(WHOLE, WORSE, old=0, flag=Ramp(("internal",), 0)), (), 2.0)
    assert flagged.state.status is Status.WITHDRAWN
    assert SetFlag(OFF) in flagged.actions
    switched = a_plan(strategy="blue-green")
    back = decide(switched, at(switched), seen(WHOLE, WORSE), (), 2.0)
    assert (back.state.status, weight_of(back)) == (Status.WITHDRAWN, 0)


@pytest.mark.parametrize(("batch", "kept"), [(0, 0), (1, 0), (2, 1), (3, 2)])
def test_rolling_keeps_only_as_many_new_instances_in_traffic_as_it_must(batch: int, kept: int) -> None:
    """Two of four may be away: with n old ones healthy, 2 - n new ones serve."""
    plan = a_plan({"rolling.batch_size": "25%", "rolling.max_unavailable": "50%"}, strategy="rolling")
    steps = [i for i, s in enumerate(plan.steps) if s.kind is StepKind.BATCH]
    state = replace(at(plan), step=steps[batch], progress=RollingProgress(restored=True))
    new, old = batch + 1, 3 - batch
    here = seen(share_of(new, old), WORSE, new, old)
    decision = decide(plan, state, here, (), 2.0)
    # Users who cannot all be freed are not left on the version until a person answers.
    assert decision.state.status is (Status.ROLLING_BACK if kept else Status.WITHDRAWN)
    assert weight_of(decision) == share_of(kept, old)
    assert ("new", kept) in next(a.keep for a in decision.actions if isinstance(a, Apply))
    # Nobody starts or stops while a person thinks; and on the way back they get no more than that.
    assert {str(a) for a in decision.actions if not isinstance(a, Apply)} == {
        f"Ensure(version='old', count={old})", f"Ensure(version='new', count={new})",
    }  # fmt: skip
    undone = decide(plan, decision.state, here, say(CommandKind.ABORT), 3.0)
    assert weight_of(undone) <= share_of(max(kept, 0 if old else 2), old)


def test_a_dark_deployment_that_harms_stands_still_and_its_instances_lose_their_users() -> None:
    plan = a_plan(strategy="feature-toggle")
    begun = replace(begin(plan, "old", Mode.FULL), at=1.0, progress=ToggleProgress(parts=1))
    decision = decide(plan, begun, seen(share_of(1, 3), WORSE, 1, 3, flag=OFF), (), 2.0)
    assert (decision.state.status, weight_of(decision)) == (Status.WITHDRAWN, 0)
    stay = [a for a in decision.actions if isinstance(a, Ensure)]
    assert stay == [Ensure("old", 3), Ensure("new", 1)]
    promoted = decide(plan, decision.state, seen(0, WORSE, 1, 3, flag=OFF), say(CommandKind.PROMOTE), 3.0)
    assert weight_of(promoted) == share_of(1, 2), "the walk goes on with the next part"


def test_a_promote_gives_the_users_back_although_the_reason_still_stands() -> None:
    plan = a_plan()
    withdrawn = decide(plan, at(plan), seen(50, WORSE), (), 2.0).state
    promoted = decide(plan, withdrawn, seen(0, WORSE), say(CommandKind.PROMOTE), 3.0)
    assert (promoted.state.status, weight_of(promoted)) == (Status.PROGRESSING, 50)
    assert promoted.state.step == withdrawn.step
    assert promoted.state.watched == 0.0
    after = decide(plan, promoted.state, seen(50, WORSE), (), 4.0).state
    assert after.status is Status.PROGRESSING, "the metric is accepted"
    critical = (replace(WORSE[0], critical=True),)
    assert decide(plan, after, seen(50, critical), (), 5.0).state.status is Status.ROLLING_BACK


def test_a_promote_accepts_what_withdrew_it_even_when_the_verdict_has_gone() -> None:
    plan = a_plan()
    withdrawn = decide(plan, at(plan), seen(50, WORSE), (), 2.0).state
    promoted = decide(plan, withdrawn, seen(0, FEW), say(CommandKind.PROMOTE), 3.0).state
    assert promoted.accepted == ("error rate",)


@pytest.mark.parametrize("kind", [CommandKind.PAUSE, CommandKind.RESUME, CommandKind.APPROVE])
def test_what_makes_no_sense_while_withdrawn_is_refused_with_what_does(kind: CommandKind) -> None:
    plan = a_plan()
    withdrawn = decide(plan, at(plan), seen(50, WORSE), (), 2.0).state
    decision = decide(plan, withdrawn, seen(0, FEW), say(kind), 3.0)
    assert decision.state.status is Status.WITHDRAWN
    assert "`pilotage promote`" in decision.answered[0][1]


@pytest.mark.parametrize("kind", [CommandKind.ABORT, CommandKind.ROLLBACK, CommandKind.REJECT])
def test_no_ends_what_is_withdrawn(kind: CommandKind) -> None:
    plan = a_plan()
    withdrawn = decide(plan, at(plan), seen(50, WORSE), (), 2.0).state
    assert decide(plan, withdrawn, seen(0, FEW), say(kind), 3.0).state.status is Status.ROLLING_BACK


def test_nobody_answers_and_it_is_rolled_back_at_the_deadline() -> None:
    plan = a_plan({"hold.decision_timeout": "10s"})
    withdrawn = decide(plan, at(plan), seen(50, WORSE), (), 2.0).state
    assert decide(plan, replace(withdrawn, in_status=8.0), seen(0, FEW), (), 3.0).state.status is Status.WITHDRAWN
    over = decide(plan, replace(withdrawn, in_status=9.5), seen(0, FEW), (), 3.0).state
    assert over.status is Status.ROLLING_BACK
    assert "nobody decided" in over.reason


def test_a_retry_is_one_fresh_try_that_the_old_verdict_does_not_end() -> None:
    plan = a_plan()
    withdrawn = decide(plan, at(plan), seen(50, WORSE), (), 2.0).state
    again = decide(plan, withdrawn, seen(0, WORSE), say(CommandKind.RETRY), 3.0)
    assert (again.state.status, again.state.tries, weight_of(again)) == (Status.PROGRESSING, 1, 50)
    assert decide(plan, again.state, seen(50, WORSE), (), 4.0).state.status is Status.WITHDRAWN


def test_an_instance_that_dies_while_withdrawn_ends_the_release() -> None:
    plan = a_plan()
    withdrawn = decide(plan, at(plan), seen(50, WORSE), (), 2.0).state
    here = seen(0, FEW)
    dead = replace(here, instances=(*(here.instances or ()), Instance("new-9", "new", "h", 99, Health.EXITED)))
    assert decide(plan, withdrawn, dead, (), 3.0).state.status is Status.ROLLING_BACK


def test_a_release_without_a_way_back_is_not_withdrawn_but_stops_and_calls_a_person() -> None:
    plan = a_plan({"rollback.enabled": False})
    decision = decide(plan, at(plan), seen(50, WORSE), (), 2.0)
    assert decision.state.status is Status.PAUSED
    assert told(decision)[-1] == "intervention-required"


def test_stable_gets_no_more_back_than_it_can_carry() -> None:
    plan = a_plan(strategy="blue-green")
    decision = decide(plan, at(plan), seen(WHOLE, WORSE, old=1), (), 2.0)
    assert weight_of(decision) == 750


# ── the second try ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tolerance", ["low", "medium"])
def test_errors_of_young_instances_cost_the_traffic_until_they_are_warm_and_then_once_more(tolerance: str) -> None:
    plan = a_plan({"analysis.warmup_duration": "10s"}, tolerance=tolerance)
    first = decide(plan, at(plan), seen(50, YOUNG), (), 2.0)
    assert (first.state.status, first.state.excuse, weight_of(first)) == (Status.WITHDRAWN, "warm-up", 0)
    waits = decide(plan, replace(first.state, in_status=8.0), seen(0, YOUNG), (), 3.0)
    assert waits.state.status is Status.WITHDRAWN
    second = decide(plan, replace(first.state, in_status=9.0), seen(0, YOUNG), (), 3.0)
    assert "retry-started" in told(second)
    assert (second.state.status, second.state.tries, weight_of(second)) == (Status.PROGRESSING, 1, 50)
    failed = decide(plan, second.state, seen(50, YOUNG), (), 4.0).state
    assert failed.excuse == ""
    assert failed.status is (Status.ROLLING_BACK if tolerance == "low" else Status.WITHDRAWN)


@pytest.mark.parametrize("second_try", [True, False])
def test_a_critical_limit_has_no_excuse_and_the_switch_takes_it_from_the_rest(second_try: bool) -> None:
    plan = a_plan({"analysis.retry_once": second_try}, strategy="canary", tolerance="low")
    critical = (replace(YOUNG[0], critical=True),)
    assert decide(plan, at(plan), seen(50, critical), (), 2.0).state.status is Status.ROLLING_BACK
    wanted = Status.WITHDRAWN if second_try else Status.ROLLING_BACK
    assert decide(plan, at(plan), seen(50, YOUNG), (), 2.0).state.status is wanted


def test_an_ill_instance_is_replaced_and_its_end_is_no_crash() -> None:
    plan = a_plan()
    first = decide(plan, at(plan), seen(50, ILL, new=1), (), 2.0)
    assert weight_of(first) == 0
    assert Replace("new", "h:0") not in first.actions, "requests reach it until the router shows that they do not"
    assert Replace("new", "h:0") in decide(plan, first.state, seen(0, FEW, new=1), (), 2.5).actions
    here = seen(0, FEW, new=0)
    gone = replace(here, instances=(*(here.instances or ()), Instance("new-0", "new", "h", 0, Health.EXITED)))
    ended = decide(plan, first.state, gone, (), 3.0)
    assert ended.state.status is Status.WITHDRAWN, "it was told to end"
    assert Replace("new", "h:0") not in ended.actions
    # Its successor listens at the same address, and is not asked to leave.
    second = decide(plan, ended.state, seen(0, FEW, new=1), (), 4.0)
    assert (second.state.status, second.state.tries, weight_of(second)) == (Status.PROGRESSING, 1, 50)
    assert Replace("new", "h:0") not in second.actions
    died = decide(plan, second.state, gone, (), 5.0)
    assert "rollback-started" in told(died), "now it is a crash"


def test_rolling_replaces_the_ill_one_and_leaves_the_others_their_users() -> None:
    plan = a_plan({"rolling.batch_size": "50%", "rolling.max_unavailable": "50%"}, strategy="rolling")
    state = replace(at(plan), progress=RollingProgress(restored=True))
    here = seen(500, ILL, 2, 2, endpoints={"old": frozenset({("h", 10), ("h", 11)})})
    first = decide(plan, state, here, (), 2.0)
    assert first.state.status is Status.HOLDING
    assert weight_of(first) == 500
    assert next(a.without for a in first.actions if isinstance(a, Apply)) == ("h:0",)
    sent = {"old": frozenset({("h", 10), ("h", 11)}), "new": frozenset({("h", 0), ("h", 1)})}
    reached = decide(plan, first.state, replace(here, endpoints=sent), (), 2.5)
    assert Replace("new", "h:0") not in reached.actions
    sent["new"] = frozenset({("h", 1)})
    assert Replace("new", "h:0") in decide(plan, reached.state, replace(here, endpoints=sent), (), 2.6).actions
    fresh = replace(here, instances=tuple(i for i in here.instances or () if i.id != "new-0"))
    waits = decide(plan, first.state, fresh, (), 3.0)
    assert waits.state.status is Status.HOLDING, "one of two"
    second = decide(plan, waits.state, here, (), 4.0)
    assert (second.state.status, second.state.tries) == (Status.PROGRESSING, 1)
    failed = decide(plan, second.state, here, (), 5.0).state
    assert failed.status is Status.WITHDRAWN, "the second time it is harm"


def test_harm_of_all_instances_ends_the_wait_for_the_ill_one() -> None:
    plan = a_plan()
    first = decide(plan, at(plan), seen(50, ILL), (), 2.0).state
    harm = decide(plan, first, seen(0, WORSE), (), 3.0)
    assert (harm.state.status, harm.state.excuse) == (Status.WITHDRAWN, "")
    assert "traffic-withdrawn" in told(harm)


def test_a_persons_pause_outlives_the_second_try() -> None:
    plan = a_plan({"analysis.warmup_duration": "1s"})
    paused = replace(at(plan), status=Status.PAUSED)
    first = decide(plan, paused, seen(50, YOUNG), (), 2.0).state
    second = decide(plan, replace(first, in_status=1.0), seen(0, FEW), (), 3.0).state
    assert (second.status, second.tries) == (Status.PAUSED, 1)


# ── no control, no data, growing evidence ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tolerance", ["low", "medium", "high", "zero-downtime"])
def test_worse_than_the_past_pauses_pages_and_goes_on_when_nobody_says_no(tolerance: str) -> None:
    plan = a_plan({"hold.timeout": "2s", "pause.timeout": "3s", "canary.bake_duration": "1s"}, tolerance=tolerance)
    state, now, history, events = at(plan, last=True), 2.0, [], []
    while plan.steps[state.step].kind is StepKind.BAKE and now < 30:
        decision = decide(plan, state, seen(WHOLE, PAST), (), now)
        state, now = decision.state, now + 1.0
        history.append(state.status)
        events += [(e.type, e.data.get("cause")) for e in decision.events]
    assert Status.ROLLING_BACK not in history
    assert ("paused", HoldCause.REGRESSION.value) in events
    assert "regression-accepted" in [name for name, _ in events]
    assert "twice the past's" in state.worse


def test_a_resume_answers_the_question_about_the_past() -> None:
    plan = a_plan()
    asked = replace(at(plan, last=True), status=Status.HOLDING)
    held = decide(plan, asked, seen(WHOLE, PAST), (), 2.0).state
    assert held.hold is not None
    spent = tuple(replace(one, spent=1e6) for one in held.troubles)
    paused = decide(plan, replace(held, troubles=spent), seen(WHOLE, PAST), (), 3.0).state
    assert paused.status is Status.PAUSED
    resumed = decide(plan, paused, seen(WHOLE, PAST), say(CommandKind.RESUME), 4.0).state
    assert (resumed.status, resumed.accepted) == (Status.PROGRESSING, ("slow requests",))


@pytest.mark.parametrize("verdicts", [FEW, (), (Verdict("error rate", VerdictKind.SOURCE_ERROR, "refused"),)])
@pytest.mark.parametrize(
    ("tolerance", "asks"), [("low", True), ("zero-downtime", True), ("medium", False), ("high", False)]
)
def test_no_data_after_everything_passed_undoes_nothing(
    verdicts: tuple[Verdict, ...], tolerance: str, asks: bool
) -> None:
    plan = a_plan({"hold.timeout": "2s", "pause.timeout": "3s", "canary.bake_duration": "1s"}, tolerance=tolerance)
    state, now, paused = replace(at(plan, last=True), watched=5.0), 2.0, False
    events: list[Event] = []
    while plan.steps[state.step].kind is StepKind.BAKE and now < 30:
        decision = decide(plan, state, seen(WHOLE, verdicts), (), now)
        state, now = decision.state, now + 1.0
        paused = paused or state.status is Status.PAUSED
        events += decision.events
    assert paused is asks
    assert state.status is Status.PROGRESSING
    assert state.unwatched
    held = next(e.sentence for e in events if e.type == "hold-started")
    assert ("add `synthetic:`" in held) is (verdicts in (FEW, ()))


def test_the_last_event_says_that_nobody_watched() -> None:
    plan = a_plan({"hold.timeout": "1s", "big_bang.bake_duration": "1s"}, strategy="big-bang")
    state = replace(at(plan, last=True), watched=5.0)
    for now in (2.0, 3.0):
        decision = decide(plan, state, seen(WHOLE, FEW, old=0), (), now)
        state = decision.state
    assert state.status is Status.COMPLETED
    assert decision.events[-1].sentence.startswith("completed without analysis: error rate: 1 of 100")
    assert state.reason.startswith("completed without analysis")


def test_growing_evidence_stops_the_automatic_ramp_but_no_fixed_steps() -> None:
    growing = (Verdict("error rate", VerdictKind.PASS, "not yet", evidence=3.1),)
    for ramp in (True, False):
        plan = a_plan(instances=1)
        settings = tuple(replace(s, value=ramp) if s.path == "canary.ramp" else s for s in plan.settings)
        plan = replace(plan, settings=settings)
        second = [i for i, s in enumerate(plan.steps) if s.kind is StepKind.SCALE][1]
        state = replace(at(plan), step=second)
        decision = decide(plan, state, seen(50, growing), (), 2.0)
        if ramp:
            assert decision.state.hold is not None
            assert decision.state.hold.cause is HoldCause.HARM_SUSPECTED
            calm = (replace(growing[0], evidence=2.9),)
            assert decide(plan, decision.state, seen(50, calm), (), 3.0).state.step == second + 1
        else:
            assert decision.state.step == second + 1


def test_a_holdback_keeps_its_control_until_the_last_watch_ends() -> None:
    plan = a_plan({"canary.holdback": "10%"})
    bake = next(s for s in plan.steps if s.kind is StepKind.BAKE)
    assert bake.weight == 900
    state = at(plan, last=True)
    unwell = decide(plan, state, seen(900, WELL, old=3), (), 2.0).state
    assert unwell.hold is not None
    assert unwell.hold.cause is HoldCause.STABLE_UNHEALTHY
    harmed = decide(plan, state, seen(900, WORSE), (), 2.0)
    assert (harmed.state.status, weight_of(harmed)) == (Status.WITHDRAWN, 0)
    passed = decide(plan, replace(state, watched=1e6), seen(900, WELL), (), 2.0)
    scaled = decide(plan, passed.state, seen(900, WELL), (), 3.0)
    assert plan.steps[scaled.state.step].kind is StepKind.SET_WEIGHT
    assert weight_of(scaled) == WHOLE
    whole = decide(plan, scaled.state, seen(WHOLE, FEW), (), 4.0)
    assert plan.steps[whole.state.step].kind is StepKind.DRAIN, "nobody watches what was watched with a control"
    fast = begin(plan, "old", Mode.FAST_RETURN)
    assert plan.steps[fast.step].kind is StepKind.SCALE


# ── since when ─────────────────────────────────────────────────────────────────────────────────────────────


def test_r21_what_takes_users_back_says_since_when_they_were_harmed_and_not_when_the_judge_was_sure() -> None:
    plan = a_plan()
    worse = (replace(WORSE[0], since=0.25),)
    withdrawn = decide(plan, at(plan), seen(50, worse), (), 2.0)
    assert withdrawn.events[-1].data["harm_started_at"] == "1970-01-01T00:00:00.250Z"


def test_r21_an_abort_without_a_verdict_keeps_the_harm_that_the_judge_suspected_before() -> None:
    """A look that undoes asks no judge: what was suspected in the look before is not forgotten."""
    plan = a_plan()
    suspected = (Verdict("error rate", VerdictKind.INCONCLUSIVE, "18 %", evidence=4.0, since=1.5),)
    before = decide(plan, at(plan), seen(50, suspected), (), 2.0).state
    aborted = decide(plan, before, seen(50, ()), say(CommandKind.ABORT), 3.0)
    assert aborted.events[0].data["harm_started_at"] == "1970-01-01T00:00:01.500Z"


def test_r21_an_abort_of_a_release_that_harmed_nobody_tells_of_no_harm() -> None:
    plan = a_plan()
    before = decide(plan, at(plan), seen(50, WELL), (), 2.0).state
    aborted = decide(plan, before, seen(50, ()), say(CommandKind.ABORT), 3.0)
    assert "harm_started_at" not in aborted.events[0].data


def test_a_toggle_that_harms_is_told_as_a_flag_that_is_off_and_not_as_requests_of_the_router() -> None:
    """Its code stays where it is and serves every request: only the flag is gone."""
    plan = a_plan(strategy="feature-toggle")
    ramp = next(i for i, step in enumerate(plan.steps) if step.kind is StepKind.ANALYSE)
    state = replace(at(plan), step=ramp, progress=ToggleProgress(parts=4))
    unclear = (Verdict("error rate", VerdictKind.INCONCLUSIVE, "?"),)
    held = decide(plan, replace(state, watched=1e9), seen(WHOLE, unclear, flag=Ramp(("internal",), 0)), (), 2.0)
    assert "holding at internal users: " in held.events[-1].sentence
    withdrawn = decide(plan, state, seen(WHOLE, WORSE, flag=Ramp(("internal",), 0)), (), 2.0)
    assert "new has its flag turned off for everyone: " in withdrawn.events[-1].sentence
    confirmed = decide(plan, withdrawn.state, seen(WHOLE, WORSE, flag=OFF), (), 3.0)
    assert confirmed.events[-1].sentence == "the flag is off for everyone, confirmed by its provider"


def test_a_first_deployment_tells_no_verdicts_but_harm() -> None:
    plan = a_plan()
    first = replace(begin(plan, None, Mode.INITIAL), at=1.0)
    unread = (Verdict("error rate", VerdictKind.SOURCE_ERROR, "no metrics yet"),)
    assert "verdict-changed" not in told(decide(plan, first, seen(WHOLE, unread, old=0), (), 2.0))
    assert "verdict-changed" in told(decide(plan, first, seen(WHOLE, WORSE, old=0), (), 2.0))
