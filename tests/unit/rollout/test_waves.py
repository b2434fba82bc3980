"""Waves of tenants (R33, R6): which cohort a weight means, and what a wave that fails takes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pilotage import Plan, Service
from pilotage.model.action import Apply
from pilotage.model.observation import Health, Instance, Verdict, VerdictKind
from pilotage.model.progress import CanaryProgress
from pilotage.model.rollout import Command, CommandKind, Decision, HoldCause, Mode, Observed, RolloutState, Status
from pilotage.model.traffic import Split, split_between
from pilotage.model.wave import WaveUndo, digest_of
from pilotage.plan.tenant_waves import WantedWave, WantedWaves
from pilotage.rollout.machine import begin, decide, wants_probes
from pilotage.rollout.waves import cohort_at, split_at
from tests import plans

from .test_canary import GOOD, events, instances

FAILED = (Verdict("error rate", VerdictKind.FAIL, "worse"),)
CRITICAL = (Verdict("error rate", VerdictKind.FAIL, "above the limit", critical=True),)


def a_plan(undo: WaveUndo = WaveUndo.FAILED, tolerance: str = "low") -> Plan:
    waves = (
        WantedWave(name="one", members=("acme",), size=100),
        WantedWave(name="two", members=("b", "umbrella"), size=200),
        WantedWave(name="three", members=("stark",), size=100),
        WantedWave(name="rest", rest=True, size=600),
    )  # fmt: skip
    wanted = WantedWaves(header="x-tenant", waves=waves, undo=undo)
    return plans.a_plan(tolerance=tolerance, instances=2, service=Service(waves=wanted))


def at(plan: Plan, step: str) -> RolloutState:
    index = next(i for i, s in enumerate(plan.steps) if s.id == step)
    return replace(begin(plan, "old", Mode.FULL), step=index, at=1.0, reached=plan.steps[index].weight)


def shown(plan: Plan, weight: int) -> Split:
    return split_at(plan, begin(plan, "old", Mode.FULL), Observed(None, None), weight)


def seen(plan: Plan, weight: int, verdicts: tuple[Verdict, ...] = GOOD) -> Observed:
    return Observed(shown(plan, weight), instances(), verdicts)


def wanted(decision: Decision) -> Split:
    return next(action.split for action in decision.actions if isinstance(action, Apply))


@pytest.mark.parametrize(
    ("weight", "members"),
    [(1, ("acme",)), (100, ("acme",)), (101, ("acme", "b", "umbrella")), (400, ("acme", "b", "stark", "umbrella"))],
)
def test_a_weight_means_the_first_waves_that_have_it(weight: int, members: tuple[str, ...]) -> None:
    cohort = cohort_at(a_plan(), "new", weight)
    assert cohort is not None
    assert (cohort.members, cohort.size, cohort.digest) == (members, len(members), digest_of(members))


def test_nobody_and_everybody_are_no_cohort() -> None:
    assert cohort_at(a_plan(), "new", 0) is None
    assert cohort_at(a_plan(), "new", 1000) is None
    assert shown(a_plan(), 1000) == Split((("new", 1000),))
    assert shown(a_plan(), 600) == split_between("new", 600, "old"), "from everybody, users go back by chance"


def test_between_two_waves_a_cohort_stays_the_larger_one() -> None:
    plan = a_plan()
    state = at(plan, "analyse-two")
    assert split_at(plan, state, seen(plan, 300), 250) == shown(plan, 300)


def test_a_wave_is_sent_only_when_the_router_shows_its_cohort() -> None:
    plan = a_plan()
    state = at(plan, "wave-two")
    by_chance = Observed(split_between("new", 300, "old"), instances(), GOOD)
    assert decide(plan, state, by_chance, (), 2.0).state.step == state.step
    after = decide(plan, state, seen(plan, 300), (), 2.0)
    assert after.state.step == state.step + 1
    assert after.events[-1].sentence == "wave two (2 tenants) has new; begins: analyse wave two for 1d"


@pytest.mark.parametrize("verdicts", [FAILED, CRITICAL])
@pytest.mark.parametrize("tolerance", ["low", "medium"])
def test_r33_a_wave_that_fails_goes_back_alone(verdicts: tuple[Verdict, ...], tolerance: str) -> None:
    plan = a_plan(tolerance=tolerance)
    decision = decide(plan, at(plan, "analyse-two"), seen(plan, 300, verdicts), (), 2.0)
    assert decision.state.status is Status.WITHDRAWN
    assert wanted(decision) == shown(plan, 100)
    assert "new is withdrawn from two, and one keeps it" in decision.events[-1].sentence
    back = decide(plan, decision.state, seen(plan, 100, verdicts), (), 3.0)
    assert back.state.returned
    assert events(back) == ["traffic-restored"]
    assert "only one reach new" in back.events[0].sentence
    assert back.state.tries == 2, "the evidence of those who keep it starts when the others have left"
    assert wants_probes(plan, back.state)


def test_c1_harm_among_those_who_keep_it_takes_everybody_back() -> None:
    plan = a_plan()
    kept = replace(at(plan, "analyse-two"), status=Status.WITHDRAWN, progress=CanaryProgress(kept=100), returned=True)
    decision = decide(plan, kept, seen(plan, 100, FAILED), (), 2.0)
    assert decision.state.status is Status.ROLLING_BACK
    assert wanted(decision).weight("new") == 0


def test_c1_a_wave_that_the_router_does_not_take_back_takes_everybody_back() -> None:
    plan = a_plan()
    state = replace(at(plan, "analyse-two"), status=Status.WITHDRAWN, progress=CanaryProgress(kept=100), in_status=29.5)
    assert decide(plan, state, seen(plan, 300, FAILED), (), 2.0).state.status is Status.ROLLING_BACK


@pytest.mark.parametrize(
    ("undo", "step", "weight", "verdict"),
    [
        (WaveUndo.ALL, "analyse-two", 300, CRITICAL),
        (WaveUndo.FAILED, "analyse-one", 100, CRITICAL),
        (WaveUndo.FAILED, "analyse-two", 300, (Verdict("probe /cart", VerdictKind.FAIL, "404", critical=True),)),
    ],
)
def test_c1_all_go_back_by_policy_from_the_first_wave_and_for_what_everybody_meets(
    undo: WaveUndo, step: str, weight: int, verdict: tuple[Verdict, ...]
) -> None:
    plan = a_plan(undo)
    decision = decide(plan, at(plan, step), seen(plan, weight, verdict), (), 2.0)
    assert decision.state.status is Status.ROLLING_BACK
    assert wanted(decision).weight("new") == 0


def test_a_person_decides_what_becomes_of_the_wave() -> None:
    plan = a_plan()
    kept = replace(at(plan, "analyse-two"), status=Status.WITHDRAWN, progress=CanaryProgress(kept=100), returned=True)
    promoted = decide(plan, kept, seen(plan, 100), (Command(1, CommandKind.PROMOTE, "ada"),), 2.0)
    assert promoted.state.status is Status.PROGRESSING
    assert wanted(promoted) == shown(plan, 300)
    aborted = decide(plan, kept, seen(plan, 100), (Command(1, CommandKind.ABORT, "ada"),), 2.0)
    assert aborted.state.status is Status.ROLLING_BACK
    assert wanted(aborted).weight("new") == 0


def test_the_last_wave_goes_back_and_the_named_ones_keep_it() -> None:
    plan = a_plan()
    decision = decide(plan, at(plan, "bake-rest"), seen(plan, 1000, CRITICAL), (), 2.0)
    assert wanted(decision) == shown(plan, 400)


def test_a_wave_waits_for_the_day_that_its_users_were_told() -> None:
    plan = a_plan()
    day = datetime(2027, 3, 2, 9, tzinfo=UTC)
    plan = replace(plan, waves=tuple(replace(w, not_before=day if w.name == "two" else None) for w in plan.waves))
    state = at(plan, "scale-two")
    early = decide(plan, state, seen(plan, 100), (), day.timestamp() - 1)
    assert early.state.status is Status.HOLDING
    assert early.state.hold is not None
    assert early.state.hold.cause is HoldCause.WAVE_DAY
    assert "two starts on 2027-03-02 09:00 UTC" in early.state.reason
    later = decide(plan, early.state, seen(plan, 100), (), day.timestamp())
    assert later.state.step == state.step + 1


def test_a_first_deployment_has_no_waves() -> None:
    plan = a_plan()
    state = begin(plan, None, Mode.INITIAL)
    assert plan.steps[state.step].id == "scale-rest"
    decision = decide(plan, state, Observed(None, instances(old=0), GOOD), (), 2.0)
    assert wanted(decision) == Split((("new", 1000),))


def test_an_emergency_watches_the_first_wave_alone_and_takes_everybody_back() -> None:
    plan = a_plan()
    state = replace(at(plan, "analyse-two"), mode=Mode.EMERGENCY)
    assert decide(plan, state, seen(plan, 300), (), 2.0).state.step == state.step + 1
    assert decide(plan, state, seen(plan, 300, CRITICAL), (), 2.0).state.status is Status.ROLLING_BACK


def test_a_retry_sends_the_wave_again_and_judges_fresh_evidence() -> None:
    plan = a_plan()
    kept = replace(at(plan, "analyse-two"), status=Status.WITHDRAWN, progress=CanaryProgress(kept=100), returned=True)
    again = decide(plan, kept, seen(plan, 100), (Command(1, CommandKind.RETRY, "ada"),), 2.0)
    assert (again.state.status, again.state.tries) == (Status.PROGRESSING, 1)
    assert wanted(again) == shown(plan, 300)


def test_who_keeps_it_goes_back_while_no_instance_of_it_is_healthy() -> None:
    plan = a_plan()
    kept = replace(at(plan, "analyse-two"), status=Status.WITHDRAWN, progress=CanaryProgress(kept=100), returned=True)
    sick = Observed(shown(plan, 100), instances(new_health=Health.UNHEALTHY), GOOD)
    decision = decide(plan, kept, sick, (), 2.0)
    assert wanted(decision).weight("new") == 0
    back = decide(plan, decision.state, seen(plan, 0), (), 3.0)
    assert wanted(back).weight("new") == 0, "what was lost is not given again"


def test_a_baseline_takes_its_share_of_those_who_are_of_no_wave() -> None:
    usual = a_plan()
    settings = tuple(replace(s, value=True) if s.path == "canary.baseline" else s for s in usual.settings)
    plan = replace(usual, settings=settings)
    there = (*instances(), *(Instance(f"b{n}", "old~baseline", "h", 20 + n, Health.HEALTHY) for n in range(2)))
    split = wanted(decide(plan, at(plan, "wave-one"), Observed(shown(plan, 100), there, GOOD), (), 2.0))
    assert dict(split.weights) == {"new": 100, "old~baseline": 100, "old": 800}
    assert split.cohort == cohort_at(plan, "new", 100)
