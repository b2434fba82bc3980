"""A model of the world around a way (R10, R33): whatever is observed, asked and broken, in any order, and wherever the
controller dies, no stage begins before those before it are good, nothing runs twice unless it was cut off and may run
again, production is never entered after a failed stage, and every way ends."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from pilotage.model.actor import Actor
from pilotage.model.way import EnvironmentStage, RunStage, StageStatus, WayState, WayStatus
from pilotage.model.way_command import WayCommand, WayCommandKind
from pilotage.model.way_events import WAY_ENDS
from pilotage.way.machine import begin, decide
from pilotage.way.seen import (
    EnsureRun,
    PlaceStatus,
    RunSeen,
    RunStatus,
    StartRollout,
    Undo,
    WaySeen,
    WordSeen,
    WordStatus,
)
from tests.effort import examples

from .ways import ADA, BOB, BUILT, World, command, whole_way

ENVIRONMENTS = ("staging", "eu", "us", "ap")
KINDS = [k for k in WayCommandKind if k is not WayCommandKind.ABORT] + [WayCommandKind.HOLD, WayCommandKind.ABORT]


class WayModel(RuleBasedStateMachine):
    @initialize(
        repeatable=st.booleans(),
        retries=st.integers(0, 1),
        undo_all=st.booleans(),
        ahead=st.sampled_from([3, 0, 5, 7, 9, 11]),
    )
    def start(self, repeatable: bool, retries: int, undo_all: bool, ahead: int) -> None:
        self.way = whole_way(repeatable=repeatable, retries=retries, undo_all=undo_all)
        self.world, self.now, self.asked = World(), 1000.0, 0
        self.state, first = begin(self.way)
        self.events = list(first)
        self.pending: list[WayCommand] = []
        self.retried = set[str]()
        for _ in range(ahead):
            self.all_goes_well(1)

    @rule(kind=st.sampled_from(KINDS), actor=st.sampled_from([BOB, ADA]), heard=st.booleans())
    def somebody_asks_something(self, kind: WayCommandKind, actor: Actor, heard: bool) -> None:
        self.somebody_asks(kind, actor)
        if heard:
            self.look(0.0)

    def somebody_asks(self, kind: WayCommandKind, actor: Actor) -> None:
        self.asked += 1
        self.pending.append(command(kind, actor, self.asked))

    @rule(status=st.sampled_from([RunStatus.CUT_OFF, RunStatus.FAILED, RunStatus.PASSED]))
    def a_run_ends_and_is_seen(self, status: RunStatus) -> None:
        self.a_run_ends(status)
        self.look(0.0)

    def a_run_ends(self, status: RunStatus) -> None:
        for key, run in self.world.runs.items():
            if run.status is RunStatus.RUNNING:
                built = BUILT if key[0] == "build" and status is RunStatus.PASSED else ()
                self.world.runs[key] = RunSeen(status=status, artifacts=built)

    @rule(status=st.sampled_from(WordStatus))
    def the_other_system_says(self, status: WordStatus) -> None:
        self.world.words["ci"] = WordSeen(status=status)

    @rule(name=st.sampled_from(ENVIRONMENTS), status=st.sampled_from(PlaceStatus))
    def an_environment_changes(self, name: str, status: PlaceStatus) -> None:
        if status is not PlaceStatus.NOTHING and not self.state.status.final:
            self.world.become(name, status, self.now)

    @rule(runs=st.booleans(), places=st.booleans())
    def blind(self, runs: bool, places: bool) -> None:
        self.world.blind_runs, self.world.blind_places = runs, places

    @rule(name=st.sampled_from(("", *ENVIRONMENTS)), there=st.booleans())
    def freeze(self, name: str, there: bool) -> None:
        self.world.frozen = {name: "a freeze"} if there else {}

    @rule(seconds=st.sampled_from([0.0, 1.0, 11.0, 700.0]), dies=st.booleans(), acts=st.integers(0, 3))
    def look(self, seconds: float, dies: bool = False, acts: int = 0) -> None:
        """dies: the controller is killed after it recorded, once it has done `acts` actions."""
        if self.state.status.final:
            return  # the store answers what is asked then
        self.now += seconds
        before, seen, commands = self.state, self.world.seen(self.way, self.state), tuple(self.pending)
        self.retried |= {
            self.way.stages[before.current].name
            for one in commands
            if one.kind is WayCommandKind.RETRY and before.current is not None
        }
        decision = decide(self.way, before, seen, commands, self.now)
        again = decide(self.way, decision.state, seen, (), self.now)
        assert again.state == decision.state, "the same sight leads to another state"
        assert not again.events, "the same sight is told twice"
        self.pending.clear()
        self.state = decision.state
        self.events += decision.events
        self._check_begun(before, seen, commands)
        done = decision.actions[:acts] if dies else decision.actions
        for action in done:
            self._check_action(action)
            self.world.act(action, self.now)

    def _check_begun(self, before: WayState, seen: WaySeen, commands: tuple[WayCommand, ...]) -> None:
        """Nothing begins before all before it are good, while held, in a freeze, or once the way fails."""
        for index, (old, new) in enumerate(zip(before.stages, self.state.stages, strict=True)):
            if old.began or not new.began or new.status is StageStatus.CARRIED:
                continue
            assert all(one.status.good for one in self.state.stages[:index])
            assert "" not in self.world.frozen
            resumed = any(one.kind is WayCommandKind.RESUME for one in commands)
            assert before.status is WayStatus.UNDER_WAY or (before.status is WayStatus.HELD and resumed)
            if self.way.stages[index].name == "production":
                assert "bob" in new.approved
                assert "ada" not in new.approved
                assert new.promoted
        production = len(before.stages) - 2
        was, now = set(before.stages[production].after), set(self.state.stages[production].after)
        held = before.status is WayStatus.HELD and not any(one.kind is WayCommandKind.RESUME for one in commands)
        assert not held or was == now, "a wave begins while the way is held"
        if (now - was) & {"eu", "us"} and {"eu", "us"} <= now:
            assert len({"eu", "us"} & was) == 1, "two of a set that stays apart begin together"
            assert seen.places["eu"].status is PlaceStatus.COMPLETE, "two of a set that stays apart"

    def _check_action(self, action: object) -> None:
        match action:
            case EnsureRun() | StartRollout():
                assert self.state.status in (WayStatus.UNDER_WAY, WayStatus.HELD), "something starts in a failed way"
                current = self.state.current
                assert current is not None
                assert self.way.stages[current].name == action.stage
            case Undo():
                assert action.environment in self.state.undoing
            case _:
                pass

    @rule(looks=st.integers(1, 3))
    def all_goes_well(self, looks: int) -> None:
        """Without this, chance alone would seldom come to the end of a way."""
        for _ in range(looks):
            self._mend()
            for kind in (WayCommandKind.APPROVE, WayCommandKind.PROMOTE):
                current = self.state.current
                if current is not None and self.way.stages[current].name == "production":
                    self.somebody_asks(kind, BOB)
            self.look(11.0)

    def _mend(self) -> None:
        self.blind(False, False)
        self.world.frozen = {}
        self.a_run_ends(RunStatus.PASSED)
        if self.world.words.get("ci") is None:
            self.the_other_system_says(WordStatus.PASSED)
        for name, place in self.world.places.items():
            goal = {PlaceStatus.UNDER_WAY: PlaceStatus.COMPLETE, PlaceStatus.RETURNING: PlaceStatus.RETURNED}
            if place.status in goal:
                self.world.become(name, goal[place.status], self.now)

    def teardown(self) -> None:
        """Whatever happened, each attempt started once, and the way comes to its end, which is told once."""
        if not hasattr(self, "way"):
            return
        assert len(self.world.started) == len(set(self.world.started))
        for stage in (one for one in self.way.stages if isinstance(one, RunStage)):
            tries = [key for key in self.world.started if key[0] == stage.name]
            cut = [key for key in tries if self.world.runs[key].status is RunStatus.CUT_OFF]
            failed = [key for key in tries if self.world.runs[key].status is RunStatus.FAILED]
            allowed = 1 + min(len(failed), stage.retries)
            allowed += len(cut) if stage.repeatable or stage.name in self.retried else 0
            assert len(tries) <= allowed, f"{stage.name} ran {len(tries)} times"
        for _ in range(60):
            if self.state.status.final:
                break
            if self.state.status is WayStatus.HELD:
                self.somebody_asks(WayCommandKind.RESUME, BOB)
            if any(one.status is StageStatus.CUT_OFF for one in self.state.stages):
                self.somebody_asks(WayCommandKind.RETRY, BOB)
            if (word := self.world.words.get("ci")) is not None and word.status is WordStatus.PENDING:
                self.the_other_system_says(WordStatus.PASSED)
            self.all_goes_well(1)
        assert self.state.status.final, self.state
        assert [event.type for event in self.events if event.type in WAY_ENDS] == [self.events[-1].type]
        self._check_end()

    def _check_end(self) -> None:
        if self.state.status is WayStatus.COMPLETED:
            assert all(one.status.good for one in self.state.stages)
            return
        bad = next(n for n, one in enumerate(self.state.stages) if not one.status.good)
        for stage, at in list(zip(self.way.stages, self.state.stages, strict=True))[bad + 1 :]:
            assert not at.began, f"{stage.name} began after a failed stage"
            if isinstance(stage, EnvironmentStage):
                assert not set(stage.environments) & set(self.world.rollouts), "production was entered"
        for name in self.state.undoing:
            place = self.world.places.get(name)
            settled = (PlaceStatus.RETURNED, PlaceStatus.STUCK, PlaceStatus.REPLACED, PlaceStatus.NOTHING)
            assert place is None or place.status in settled, f"{name} was not undone: {place}"


WayModel.TestCase.settings = settings(
    max_examples=examples(100), stateful_step_count=30, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
TestWay = WayModel.TestCase
