"""A model of the world around the canary: whatever is observed, asked and broken, in any order, and wherever the
controller is killed, no split and no stop breaks the rules, and in the end the world is as the state says."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from pilotage import Plan, Service
from pilotage.model.action import Action, Apply, Ensure, Replace
from pilotage.model.observation import Health, Verdict, VerdictKind
from pilotage.model.plan import StepKind
from pilotage.model.rollout import Command, CommandKind, Mode, RolloutState, Status
from pilotage.model.traffic import WHOLE, Split, instances_for, split_between
from pilotage.model.wave import WaveUndo
from pilotage.plan.tenant_waves import WantedWave, WantedWaves
from pilotage.rollout.machine import MOST_ATTENDED, begin, decide
from pilotage.rollout.stepping import first_step
from pilotage.rollout.strategies import strategy_of
from tests import plans
from tests.effort import examples
from tests.unit.rollout.rules_of_harm import check_harm
from tests.unit.rollout.warmth import outlive_warmth
from tests.unit.rollout.world import GOOD, VERDICTS, World

FULL = 4


WAVES = tuple(
    WantedWave(name=name, members=members, size=len(members), rest=name == "rest", bake=3)
    for name, members in (("one", ("a",)), ("two", ("b", "c")), ("three", ("d", "e", "f")), ("rest", ()))
)


def waves(undo: str) -> WantedWaves:
    return WantedWaves(header="x-tenant", waves=WAVES, undo=WaveUndo(undo), apart=(("a", "b"),))


def a_plan(tolerance: str, approval: bool, undo: str = "") -> Plan:
    short = {
        "canary.phase_duration": "3s",
        "canary.bake_duration": "3s",
        "canary.drain_duration": "2s",
        "canary.require_approval": approval,
        "canary.health_check_timeout": "8s",
        "analysis.warmup_duration": "3s",
        "hold.timeout": "6s",
        "hold.decision_timeout": "6s",
        "pause.timeout": "12s",
        "rollback.timeout": "20s",
    }
    service = Service(waves=waves(undo)) if undo else None
    return plans.a_plan(short, tolerance=tolerance, instances=FULL, service=service)


class Shares(World):
    """Neither version gets more requests than its instances carry, and none ends that a share needs."""

    def apply(self, action: Apply) -> None:
        split, before = action.split, self.split
        if split.cohort is not None:
            first = ["abcdef"[:size] for size in (1, 3, 6)]
            assert "".join(split.cohort.members) in first, "a wave is split, or comes before its turn"
        assert sum(weight for _, weight in split.weights) == WHOLE
        # Blind, only the way back and what serves users for sure may be said; see _wanted_split.
        sighted = self.fleet_up and self.router_up
        for version, weight in split.weights:
            if before is None or weight <= before.weight(version):
                continue
            if version == "new":
                wanted, blind = instances_for(weight, FULL), not self.router_up
                served = self.healthy("new") >= wanted or (blind and not self.healthy("old"))
                assert served or not self.fleet_up, f"{weight} sent to {self.healthy('new')} of {FULL} instances"
            elif sighted and self.healthy("new"):
                assert weight <= WHOLE * self.healthy("old") // FULL, "stable got more than it can carry"
        super().apply(action)

    def ensure(self, version: str, count: int) -> None:
        if self.fleet_up and len(self.living(version)) > count:
            assert self.split is not None
            if count == 0:
                assert not self.split.reaches(version), f"{version} is stopped while requests reach it"
            else:
                assert count >= instances_for(self.split.weight(version), FULL), f"{version} shrinks below its share"
        super().ensure(version, count)


verdict_sets = st.sampled_from([*VERDICTS, (Verdict("error rate", VerdictKind.INCONCLUSIVE, "neither"), *GOOD[1:]), ()])


class Canary(RuleBasedStateMachine):
    @initialize(
        tolerance=st.sampled_from(["low", "medium", "high", "zero-downtime"]),
        approval=st.booleans(),
        mode=st.sampled_from([Mode.FULL, Mode.FULL, Mode.FAST_RETURN, Mode.INITIAL]),
        ahead=st.integers(0, 25),
        undo=st.sampled_from(["", "", "failed", "all"]),
    )
    def start(self, tolerance: str, approval: bool, mode: Mode, ahead: int, undo: str) -> None:
        old = None if mode is Mode.INITIAL else "old"
        self.plan = a_plan(tolerance, approval, undo)
        self.world = Shares.serving(old, FULL)
        self.now = 1000.0
        self.state: RolloutState = begin(self.plan, old, mode)
        self.verdicts: tuple[Verdict, ...] = GOOD
        self.pending: list[Command] = []
        self.gone_back = False
        self.asked = 0
        for _ in range(ahead):
            self.all_goes_well(1)

    @rule(verdicts=verdict_sets)
    def judged(self, verdicts: tuple[Verdict, ...]) -> None:
        self.verdicts = verdicts

    @rule(kind=st.sampled_from(CommandKind), full=st.booleans())
    def command(self, kind: CommandKind, full: bool) -> None:
        self.asked += 1
        self.pending.append(Command(self.asked, kind, "ada", full=full))

    @rule(version=st.sampled_from(["new", "old"]), health=st.sampled_from(Health), which=st.integers(0, FULL - 1))
    def health_changes(self, version: str, health: Health, which: int) -> None:
        group = self.world.fleet.get(version, [])
        if which < len(group) and group[which].health is not Health.EXITED:
            group[which].health = health

    @rule(router=st.booleans(), fleet=st.booleans(), obeys=st.booleans())
    def outage(self, router: bool, fleet: bool, obeys: bool) -> None:
        self.world.router_up, self.world.fleet_up, self.world.obeys = router, fleet, obeys

    @rule()
    def well_again(self) -> None:
        self.world.mend()

    @rule(to_new=st.sampled_from([0, 250, WHOLE]))
    def somebody_else_changes_the_router(self, to_new: int) -> None:
        if "old" in self.world.fleet and self.world.split is not None and not self.state.status.final:
            self.world.split = split_between("new", to_new, "old")
            # What nobody looked at while it was so, nobody can know of.
            self.world.router_up = True
            self.look(0.0, None)

    @rule(verdicts=verdict_sets, looks=st.integers(2, 30))
    def it_stays_so(self, verdicts: tuple[Verdict, ...], looks: int) -> None:
        """Long enough for holds, pauses and what is withdrawn to come to their deadlines."""
        self.verdicts = verdicts
        for _ in range(looks):
            self.world.mend()
            self.look(1.0, None)

    @rule(looks=st.integers(1, 25))
    def all_goes_well(self, looks: int) -> None:
        """Without this, chance alone would seldom come to the end of a rollout."""
        self.verdicts = GOOD
        for _ in range(looks):
            self.world.mend()
            if self.plan.steps[self.state.step].kind is StepKind.GATE and not self.pending:
                self.command(CommandKind.APPROVE, False)
            self.look(1.0, None)

    @rule(seconds=st.sampled_from([1.0, 1.0, 1.0, 0.1, 3600.0, -3600.0]), killed=st.sampled_from([None, None, 0, 1, 2]))
    def look(self, seconds: float, killed: int | None) -> None:
        """killed: 0 before the state is recorded, n after n - 1 of the actions."""
        self.now += seconds
        # Of a jump of the clock, the machine believes this much at most.
        self.world.pass_time(min(max(seconds, 0.0), MOST_ATTENDED))
        before, seen = self.state, self.world.seen(self.verdicts)
        decision = decide(self.plan, before, seen, tuple(self.pending), self.now)
        self._check_step(before, decision.state)
        asked = tuple(command.kind for command in self.pending)
        check_harm(self.plan, before, seen, decision, asked)
        if killed == 0:
            return
        self.state = decision.state
        answered = {identity for identity, _ in decision.answered}
        assert answered == {command.id for command in self.pending}, "a command was not answered"
        self.pending = []
        for action in decision.actions if killed is None else decision.actions[: killed - 1]:
            self._check_action(action)
            self.world.act(action)

    def _check_step(self, before: RolloutState, after: RolloutState) -> None:
        # Promoted to everyone, it goes on at the last start of instances, as a first deployment does.
        beyond = first_step(strategy_of(self.plan), self.plan, after.mode)
        assert after.step in (before.step, max(before.step + 1, beyond)), "a step was left out or undone"
        assert not (before.status.final and after.status is not before.status), "what is final changed"
        left = self.plan.steps[before.step]
        if after.step > before.step and left.kind is StepKind.SET_WEIGHT:
            shown = self.world.split.weight("new") if self.world.split and self.world.router_up else None
            assert shown == left.weight, f"{left.title} is called done while the router shows {shown}"
        if before.status is Status.ROLLING_BACK:
            assert after.status in (Status.ROLLING_BACK, Status.ROLLED_BACK, Status.FAILED), "the way back was left"

    def _check_action(self, action: Action) -> None:
        assert isinstance(action, Apply | Ensure | Replace)
        back = self.state.status in (Status.WITHDRAWN, Status.ROLLING_BACK, Status.ROLLED_BACK)
        if isinstance(action, Apply) and back and self.world.split is not None:
            assert action.split.weight("new") <= self.world.split.weight("new"), "the canary grew on the way back"
        if isinstance(action, Replace):
            assert action.instance == self.state.replaced, "another instance is replaced than the one that failed"
            # In a first deployment no other version could take the traffic meanwhile.
            second = self.state.status is Status.WITHDRAWN or self.state.mode is Mode.INITIAL
            assert second, "an instance is replaced outside of the second try"

    def teardown(self) -> None:
        """Left alone in a world that works, every rollout ends, and the world is as its state says."""
        if not hasattr(self, "state"):
            return
        self.verdicts = GOOD
        for _ in range(200):
            self.world.mend()
            if not self.pending and self.state.status is Status.PAUSED and self.asked % 2:
                self.command(CommandKind.RESUME, False)
            if self.plan.steps[self.state.step].kind == "gate" and not self.pending:
                self.command(CommandKind.APPROVE, False)
            self.look(1.0, None)
        assert self.state.status.final
        self.world.mend()
        split = self.world.split
        match self.state.status:
            case Status.COMPLETED:
                assert split == Split((("new", WHOLE),))
                assert self.world.healthy("new") == len(self.world.fleet["new"]) == FULL
                outlive_warmth(self.world, self.plan, self.state)
                assert not self.world.fleet.get("old")
            case Status.ROLLED_BACK:
                assert split == Split((("old", WHOLE),))
                assert self.world.healthy("old") == len(self.world.fleet["old"]) == FULL
                assert not self.world.fleet["new"]
            case Status.FAILED:
                assert self.state.reason
                if self.state.old:
                    assert split == Split((("old", WHOLE),)), "also a failed rollback goes on going back"


Canary.TestCase.settings = settings(
    max_examples=examples(25), stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCanary = Canary.TestCase


def test_any_instance_that_is_unhealthy_is_replaced_once_and_its_wave_begins_again() -> None:
    """All instances carry a wave, so the one that makes them too few may be any of them (R20)."""
    it = Canary()
    it.start(tolerance="low", approval=False, mode=Mode.FULL, ahead=0, undo="all")
    it.look(1.0, None)
    it.well_again()
    it.somebody_else_changes_the_router(0)
    it.health_changes(version="new", health=Health.UNHEALTHY, which=FULL - 1)
    it.somebody_else_changes_the_router(0)
    assert (it.state.status, it.state.replaced) == (Status.WITHDRAWN, f"h:{100 + FULL}")
    assert [one.health for one in it.world.fleet["new"]] == [*[Health.HEALTHY] * (FULL - 1), Health.EXITED]
    it.all_goes_well(3)
    assert (it.state.status, it.state.tries) == (Status.PROGRESSING, 1)
    it.teardown()
    assert it.state.status is Status.COMPLETED
