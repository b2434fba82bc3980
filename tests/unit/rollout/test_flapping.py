"""What comes and goes: patience adds up, a hold ends once it stays good, users are with stable meanwhile (rule 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import cycle, islice

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from pilotage.adapters.fleets.ssh_adapter import SshFleetSection
from pilotage.model.action import Apply
from pilotage.model.observation import Health, Verdict, VerdictKind
from pilotage.model.plan import Plan, StepKind
from pilotage.model.rollout import Decision, HoldCause, Mode, RolloutState, Status
from pilotage.model.traffic import WHOLE
from pilotage.rollout.machine import begin, decide
from pilotage.rollout.patience import LEAST_CALM
from tests.unit.rollout.test_canary import GOOD, a_plan, instances, seen, watching

SHORT = {
    "canary.phase_duration": "20s",
    "canary.bake_duration": "20s",
    "canary.drain_duration": "1s",
    "canary.switch_timeout": "30s",
    "hold.timeout": "30s",
}
_START = 8
"""Seconds in which an instance starts elsewhere, after some in which the silence is noticed."""


class Flapping:
    """A canary whose instances are all ill in some of the seconds; router and fleet obey."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.state: RolloutState = begin(plan, "old", Mode.FULL)
        self.weight, self.now = 0, 1000.0
        self.told: Counter[str] = Counter()
        self.exposed = 0
        """Seconds in which users were sent to a canary of which nothing was healthy."""

    def look(self, *, ill: bool, verdicts: tuple[Verdict, ...] = GOOD) -> Decision:
        self.now += 1.0
        health = Health.UNHEALTHY if ill else Health.HEALTHY
        step = self.plan.steps[self.state.step]
        old = 0 if step.kind is StepKind.RETIRE or self.state.status is Status.COMPLETED else 2
        at = instances(2, old, new_health=health)
        decision = decide(self.plan, self.state, seen(self.weight, verdicts, at), (), self.now)
        self.state = decision.state
        self.told.update(event.type for event in decision.events)
        self.weight = next((a.split.weight("new") for a in decision.actions if isinstance(a, Apply)), self.weight)
        self.exposed += ill and self.weight > 0 and old > 0
        return decision

    def live(self, pattern: Iterable[bool], seconds: int) -> Status:
        """From the first user on. pattern: whether it is ill, by second."""
        while not self.weight:
            self.look(ill=False)
        for ill in islice(cycle(pattern), seconds):
            self.look(ill=ill)
            if self.state.status not in (Status.PROGRESSING, Status.HOLDING):
                break
        return self.state.status


def pattern(*stretches: tuple[int, int]) -> list[bool]:
    """Of seconds ill and seconds well, in turn."""
    return [ill for bad, good in stretches for ill in [True] * bad + [False] * good]


def test_a_canary_that_is_ill_every_other_second_is_undone_and_told_of_once() -> None:
    world = Flapping(a_plan(SHORT))
    assert world.live(pattern((1, 1)), 300) is Status.ROLLING_BACK
    assert world.now < 1000 + 90, "30 s of trouble are a minute of this"
    assert world.told["hold-started"] == 1
    assert sum(world.told.values()) < 10


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, int(LEAST_CALM) - 1)), min_size=1, max_size=8))
def test_what_is_never_well_for_long_goes_no_step_further(stretches: list[tuple[int, int]]) -> None:
    world = Flapping(a_plan(SHORT))
    while not world.weight:
        world.look(ill=False)
    before = world.state.step
    assert world.live(pattern(*stretches), 600) is Status.ROLLING_BACK
    assert world.plan.steps[world.state.step].weight == world.plan.steps[before].weight, "it got more users"


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20), st.floats(0.0, 0.85))
def test_what_is_ill_more_than_half_of_the_time_is_never_promoted_whatever_its_rhythm(ill: int, share: float) -> None:
    world = Flapping(a_plan(SHORT))
    assert world.live(pattern((ill, int(ill * share))), 600) is Status.ROLLING_BACK


@pytest.mark.parametrize(("ill", "well", "end"), [(1, 7, Status.ROLLING_BACK), (3, 30, None), (1, 14, None)])
def test_in_a_long_watch_more_than_a_tenth_is_too_much_and_less_is_not(ill: int, well: int, end: Status | None) -> None:
    world = Flapping(a_plan({**SHORT, "canary.phase_duration": "1h"}))
    found = world.live(pattern((ill, well)), 3000)
    assert (found is Status.ROLLING_BACK) == (end is Status.ROLLING_BACK)


def test_r27_a_host_that_is_lost_for_good_at_100_percent_is_taken_over_before_the_canary_is_given_up() -> None:
    """By default: its instances are unhealthy until the others take over, and then have to start."""
    world = Flapping(a_plan({path: value for path, value in SHORT.items() if path != "canary.switch_timeout"}))
    while world.plan.steps[world.state.step].kind is not StepKind.BAKE:
        world.look(ill=False)
    taken_over = int(SshFleetSection.model_fields["host_timeout"].default) + _START
    assert world.live(pattern((taken_over, 200)), taken_over + 200) is Status.COMPLETED


def test_causes_that_take_turns_have_a_deadline_all_the_same() -> None:
    """Rule 6: every wait ends. No data and no source in turn used to begin anew each second."""
    world = Flapping(a_plan({**SHORT, "canary.phase_duration": "1s"}, tolerance="low"))
    world.live(pattern((0, 1)), 3)
    kinds = (VerdictKind.SOURCE_ERROR, VerdictKind.INSUFFICIENT_DATA, VerdictKind.INCONCLUSIVE)
    for number in range(300):
        world.look(ill=False, verdicts=(Verdict("error rate", kinds[number % 3], "now this"),))
        if world.state.status is Status.ROLLING_BACK:
            break
    assert world.state.status is Status.ROLLING_BACK
    assert world.told["hold-started"] <= 3
    assert world.told["verdict-changed"] <= 2


def test_a_source_that_fails_every_other_second_is_one_event_also_in_a_pause() -> None:
    world = Flapping(a_plan(SHORT))
    world.live(pattern((0, 1)), 3)
    world.state = replace(world.state, status=Status.PAUSED, reason="paused by ada")
    dead = (Verdict("error rate", VerdictKind.SOURCE_ERROR, "connection refused"),)
    for number in range(60):
        world.look(ill=False, verdicts=GOOD if number % 2 else dead)
    assert world.told["verdict-changed"] == 1
    for _ in range(7):
        world.look(ill=False)
    assert world.told["verdict-changed"] == 2, "once it stays away it is over"


def test_before_the_first_user_a_router_that_is_being_started_costs_no_further_wait() -> None:
    plan = a_plan()
    blind = replace(seen(0), instances=None, split=None, trouble="fleet: has not answered yet")
    held = decide(plan, begin(plan, "old", Mode.FULL), blind, (), 1.0).state
    assert held.status is Status.HOLDING
    assert decide(plan, held, seen(0), (), 1.5).state.status is Status.PROGRESSING


# ── users meanwhile ────────────────────────────────────────────────────────────────────────────────────────


def test_users_are_with_stable_while_nothing_of_the_canary_is_healthy_and_come_back() -> None:
    world = Flapping(a_plan(SHORT))
    world.live(pattern((0, 1)), 2)
    weight = world.weight
    assert weight > 0
    for _ in range(4):
        world.look(ill=True)
        assert world.weight == 0, "in the same look, and as long as it lasts"
    assert world.exposed == 0
    assert world.state.status is Status.HOLDING
    assert world.state.hold is not None
    assert world.state.hold.cause is HoldCause.CANARY_UNHEALTHY
    looks = 0
    while world.weight == 0:
        world.look(ill=False)
        looks += 1
    assert world.weight == weight, "the same users, because the router gives them out by hash"
    assert LEAST_CALM <= looks <= LEAST_CALM + 2
    assert (world.told["traffic-diverted"], world.told["traffic-resumed"]) == (1, 1)


def test_with_one_instance_ill_the_others_carry_the_weight() -> None:
    plan = a_plan()
    at = (replace(instances()[0], health=Health.UNHEALTHY), *instances()[1:])
    decision = decide(plan, watching(plan, 50), seen(50, at=at), (), 1.0)
    assert decision.state.diverted is None
    assert _weight(decision) == 50


def test_users_stay_where_they_are_when_stable_is_ill_as_well() -> None:
    plan = a_plan()
    at = tuple(replace(i, health=Health.UNHEALTHY) for i in instances())
    decision = decide(plan, watching(plan, 50), seen(50, at=at), (), 1.0)
    assert decision.state.diverted is None


@pytest.mark.parametrize("kind", [StepKind.DRAIN, StepKind.RETIRE])
def test_stable_does_not_stop_while_it_serves_for_a_canary_that_hangs(kind: StepKind) -> None:
    """Rule 2. Everyone had the new version when it hung, and stable was about to stop."""
    plan = a_plan()
    step = next(i for i, s in enumerate(plan.steps) if s.kind is kind)
    state = replace(begin(plan, "old", Mode.FULL), step=step, at=1.0, out=True, drained=1e6)
    decision = decide(plan, state, seen(WHOLE, at=instances(new_health=Health.UNHEALTHY)), (), 2.0)
    assert _weight(decision) == 0
    assert all(a.count for a in decision.actions if getattr(a, "version", "") == "old" and hasattr(a, "count"))


def test_a_diversion_outlasts_no_rollout() -> None:
    """Undone at the hold's deadline, and on the way back nothing is diverted any more."""
    world = Flapping(a_plan(SHORT))
    assert world.live(pattern((1, 0)), 100) is Status.ROLLING_BACK
    assert world.state.diverted is None
    assert world.exposed == 0


def _weight(decision: Decision) -> int:
    return next(a.split.weight("new") for a in decision.actions if isinstance(a, Apply))


# ── clocks ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("now", [1.0 + 3600, 1.0 - 3600, 2.0])
def test_a_clock_that_jumps_adds_nothing_where_the_worker_knows_what_passed(now: float) -> None:
    plan = a_plan({"canary.phase_duration": "10s"})
    state = replace(watching(plan, 50), at=1.0)
    assert decide(plan, state, seen(50), (), now, 1.0).state.watched == 1.0
    assert decide(plan, state, seen(50), (), now, 1e6).state.watched == 5.0, "a machine that slept watched nothing"
