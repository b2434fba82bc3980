"""A model of the world around every strategy: whatever is observed, asked and broken, in any order, and wherever the
controller is killed, nothing stops that requests reach, nobody is sent to nobody, and the end is as the state says."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from pilotage import Plan, Service
from pilotage.model.action import Ensure
from pilotage.model.flag import OFF, Ramp
from pilotage.model.observation import Health, Verdict
from pilotage.model.plan import StepKind
from pilotage.model.rollout import (
    Command,
    CommandKind,
    Mode,
    RolloutState,
    Status,
)
from pilotage.model.step_ids import PREPARE
from pilotage.model.traffic import WHOLE, Split
from pilotage.rollout.machine import MOST_ATTENDED, begin, decide
from tests import plans
from tests.effort import examples
from tests.unit.rollout.rules_of_harm import check_harm
from tests.unit.rollout.warmth import outlive_warmth
from tests.unit.rollout.world import GOOD, VERDICTS, World, verdict_sets

TOLERANCES = ("low", "medium", "high", "zero-downtime")
SHORT: dict[str, dict[str, object]] = {
    "canary": {
        "canary.phase_duration": "3s",
        "canary.bake_duration": "3s",
        "canary.drain_duration": "2s",
        "canary.health_check_timeout": "8s",
    },
    "blue-green": {
        "blue_green.bake_duration": "3s",
        "blue_green.keep_duration": "3s",
        "blue_green.drain_duration": "2s",
        "blue_green.health_check_timeout": "8s",
        "blue_green.check_timeout": "20s",
    },
    "rolling": {
        "rolling.batch_size": "50%",
        "rolling.max_unavailable": "50%",
        "rolling.wait_time_between_batches": "2s",
        "rolling.health_check_timeout": "8s",
        "rolling.drain_duration": "2s",
        "rolling.bake_duration": "3s",
        "rolling.check_timeout": "20s",
    },
    "big-bang": {
        "big_bang.maintenance_window": "22s",
        "big_bang.drain_duration": "2s",
        "big_bang.check_timeout": "20s",
        "big_bang.replace_timeout": "20s",
        "big_bang.bake_duration": "3s",
    },
    "feature-toggle": {
        "feature_toggle.drain_duration": "2s",
        "feature_toggle.phase_duration": "2s",
        "feature_toggle.bake_duration": "2s",
        "feature_toggle.health_check_timeout": "60s",
        "feature_toggle.flag_timeout": "10s",
    },
}
FUNCTIONS = ("check-functions", "check-restored")
"""Where the first is configured, the engine has the second one, too."""
HOOKS = {
    "canary": frozenset({"check-smoke", *FUNCTIONS}),
    "blue-green": frozenset({"check-smoke", *FUNCTIONS}),
    "rolling": frozenset({"check-package", "check-schema", "check-data"}),
    "big-bang": frozenset({"check-backup", "final-backup", "restore", *FUNCTIONS}),
    "feature-toggle": frozenset({"check-smoke", *FUNCTIONS}),
}


def a_plan(
    strategy: str, tolerance: str, full: int, beside: bool, gated: bool = False, prepares: bool = False,
    first: bool = False,
) -> Plan:  # fmt: skip
    short = {
        **SHORT[strategy],
        "analysis.warmup_duration": "3s",
        "hold.timeout": "6s",
        "hold.decision_timeout": "6s",
        "pause.timeout": "12s",
        "rollback.timeout": "90s",
    }
    if gated:
        short |= {"approval.required": True, "approval.timeout": "20s"}
    if beside and strategy == "rolling":
        short["rolling.max_unavailable"] = "0"
    service = Service(checks=HOOKS[strategy], prepares=prepares, first=first)
    return plans.a_plan(short, strategy=strategy, tolerance=tolerance, instances=full, service=service)


class Strategies(RuleBasedStateMachine):
    @initialize(
        strategy=st.sampled_from(sorted(SHORT)),
        tolerance=st.sampled_from(["low", "medium", "high", "zero-downtime"]),
        mode=st.sampled_from([Mode.FULL, Mode.FULL, Mode.FAST_RETURN, Mode.INITIAL, Mode.EMERGENCY]),
        full=st.sampled_from([1, 2, 4, 5]),
        beside=st.booleans(),
        ahead=st.integers(0, 40),
        gated=st.booleans(),
        prepares=st.booleans(),
        first=st.booleans(),
    )
    def start(
        self, strategy: str, tolerance: str, mode: Mode, full: int, beside: bool, ahead: int = 0, gated: bool = False,
        prepares: bool = False, first: bool = False,
    ) -> None:  # fmt: skip
        """first: an initial rollout has the plan of one, and not one that replaces a version."""
        old = None if mode is Mode.INITIAL else "old"
        first = first and mode is Mode.INITIAL
        self.plan, self.strategy = a_plan(strategy, tolerance, full, beside, gated, prepares, first), strategy
        self.full = full
        self.world = World.serving(old, full, HOOKS[strategy] | ({PREPARE} if prepares else set()))
        self.now, self.verdicts, self.freeze = 1000.0, GOOD, ""
        self.state: RolloutState = begin(self.plan, old, mode, "ada")
        self.pending: list[Command] = []
        self.asked = 0
        self.all_goes_well(ahead)

    @rule(verdicts=verdict_sets)
    def judged(self, verdicts: tuple[Verdict, ...]) -> None:
        self.verdicts = verdicts

    @rule(kind=st.sampled_from(CommandKind), full=st.booleans())
    def command(self, kind: CommandKind, full: bool) -> None:
        self.asked += 1
        self.pending.append(Command(self.asked, kind, "grace", full=full))

    @rule(freeze=st.sampled_from(["", "", "the end of the year"]))
    def freezes(self, freeze: str) -> None:
        self.freeze = freeze

    @rule(failing=st.booleans())
    def checks_fail(self, failing: bool) -> None:
        self.world.failing = failing

    @rule(version=st.sampled_from(["new", "old"]), health=st.sampled_from(Health), which=st.integers(0, 4))
    def health_changes(self, version: str, health: Health, which: int) -> None:
        group = self.world.fleet.get(version, [])
        if which < len(group) and health is not Health.STOPPING and group[which].health is not Health.EXITED:
            group[which].health = health

    @rule(router=st.booleans(), fleet=st.booleans(), flags=st.booleans(), obeys=st.booleans())
    def outage(self, router: bool, fleet: bool, flags: bool, obeys: bool) -> None:
        world = self.world
        world.router_up, world.fleet_up, world.flags_up, world.obeys = router, fleet, flags, obeys

    @rule()
    def well_again(self) -> None:
        self.world.mend()

    @rule(verdicts=verdict_sets, looks=st.integers(2, 40))
    def it_stays_so(self, verdicts: tuple[Verdict, ...], looks: int) -> None:
        """Long enough for holds, pauses and what is withdrawn to come to their deadlines."""
        self.verdicts = verdicts
        for _ in range(looks):
            self.world.mend()
            self.look(1.0, None)

    @rule(looks=st.integers(1, 60))
    def all_goes_well(self, looks: int) -> None:
        """Without this, chance alone would seldom come to the end of a rollout."""
        self.verdicts, self.freeze, self.world.failing = GOOD, "", False
        for _ in range(looks):
            self.world.mend()
            if self.plan.steps[self.state.step].kind is StepKind.GATE:
                self.command(CommandKind.APPROVE, False)
            self.look(1.0, None)

    @rule(
        seconds=st.sampled_from([1.0, 1.0, 1.0, 0.1, 3600.0, -3600.0]), killed=st.sampled_from([None, None, 0, 1, 2, 3])
    )
    def look(self, seconds: float, killed: int | None) -> None:
        """killed: 0 before the state is recorded, n after n - 1 of the actions."""
        self.now += seconds
        # Of a jump of the clock, the machine believes this much at most.
        self.world.pass_time(min(max(seconds, 0.0), MOST_ATTENDED))
        before, seen = self.state, self.world.seen(self.verdicts, self.freeze)
        decision = decide(self.plan, before, seen, tuple(self.pending), self.now)
        check_harm(self.plan, before, seen, decision, tuple(command.kind for command in self.pending))
        after = decision.state
        assert after.step in (before.step, before.step + 1) or self.plan.steps[before.step].id == PREPARE, (
            "a step was left out or undone"
        )
        assert not (before.status.final and after.status is not before.status), "what is final changed"
        if before.status is Status.ROLLING_BACK:
            assert after.status in (Status.ROLLING_BACK, Status.ROLLED_BACK, Status.FAILED), "the way back was left"
        if killed == 0:
            return
        self.state = after
        assert {c.id for c in self.pending} == {i for i, _ in decision.answered}, "a command was not answered"
        self.pending = []
        if self.plan.steps[after.step].id == PREPARE:
            started = [a for a in decision.actions if isinstance(a, Ensure) and a.version == "new" and a.count]
            assert not started, "it is started before it is in place"
        for action in decision.actions if killed is None else decision.actions[: killed - 1]:
            self.world.act(action)

    def teardown(self) -> None:
        """Left alone in a world that works, every rollout ends, and the world is as its state says."""
        if not hasattr(self, "state"):
            return
        self.verdicts, self.freeze, self.world.failing = GOOD, "", False
        for _ in range(400):
            self.world.mend()
            if not self.pending and self.state.status is Status.PAUSED and self.asked % 2:
                self.command(CommandKind.RESUME, False)
            self.look(1.0, None)
        assert self.state.status.final, self.state
        self.world.mend()
        check_end(self.plan, self.strategy, self.state, self.world, self.full)


def check_end(plan: Plan, strategy: str, state: RolloutState, world: World, full: int) -> None:
    outlive_warmth(world, plan, state)
    running = {version: len(group) for version, group in world.fleet.items() if group}
    match state.status:
        case Status.COMPLETED:
            assert world.split == Split((("new", WHOLE),))
            assert running == {"new": full}
            groups = () if plan.first else ("internal", "beta")
            wanted = Ramp(groups, WHOLE) if state.mode is not Mode.FAST_RETURN else OFF
            assert world.flag == (wanted if strategy == "feature-toggle" else OFF)
        case Status.ROLLED_BACK if state.dark:
            assert world.flag == OFF
            assert running == {"new": full}
        case Status.ROLLED_BACK:
            assert world.split == Split((("old", WHOLE),))
            assert running == {"old": full, **({"new": full} if state.preserved and running.get("new") else {})}
            assert world.flag == OFF
        case Status.FAILED:
            assert state.reason
            assert world.flag == OFF


Strategies.TestCase.settings = settings(
    max_examples=examples(60), stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
TestStrategies = Strategies.TestCase


def test_each_strategy_comes_to_its_end_and_back_from_every_step() -> None:
    """Without any trouble: forward, and an abort at each step in turn."""
    for strategy in SHORT:
        for full in (1, 4):
            steps = len(a_plan(strategy, "low", full, False).steps)
            for abort_at in range(steps + 1):
                machine = Strategies()
                machine.start(strategy, "low", Mode.FULL, full, False)
                for _ in range(400):
                    machine.world.mend()
                    if machine.state.step == abort_at and machine.state.status is Status.PROGRESSING:
                        machine.command(CommandKind.ABORT, False)
                    machine.look(1.0, None)
                    if machine.state.status.final:
                        break
                wanted = Status.COMPLETED if abort_at == steps else Status.ROLLED_BACK
                assert machine.state.status is wanted, (strategy, full, abort_at, machine.state)
                for _ in range(5):
                    machine.look(1.0, None)
                check_end(machine.plan, strategy, machine.state, machine.world, full)


@pytest.mark.parametrize("strategy", sorted(SHORT))
@pytest.mark.parametrize("killed", [False, True])
def test_whatever_the_judge_says_and_whenever_nothing_is_kept_from_ending(strategy: str, killed: bool) -> None:
    """Every verdict from every moment on, for longer than any deadline, the controller killed at every third look."""
    for tolerance, verdicts, ahead in itertools.product(TOLERANCES, VERDICTS[1:], range(0, 60, 12)):
        machine = Strategies()
        machine.start(strategy, tolerance, Mode.FULL, 4, False, ahead)
        for look in range(150):
            machine.world.mend()
            machine.verdicts = verdicts
            machine.look(1.0, (look + ahead) % 4 if killed and look % 3 == 0 else None)
            if machine.state.status.final:
                break
        assert machine.state.status.final, (tolerance, verdicts, ahead, machine.state)
        for _ in range(8):
            machine.look(1.0, None)
        check_end(machine.plan, strategy, machine.state, machine.world, 4)
