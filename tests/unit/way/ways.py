"""Ways for tests, and the world around one: what runs, what serves, what other systems say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pilotage.model.actor import Actor
from pilotage.model.way import (
    Artifact,
    AwaitStage,
    Begins,
    Entry,
    EnvironmentStage,
    RunStage,
    StageStatus,
    Way,
    WayStage,
    WayState,
    WayStatus,
)
from pilotage.model.way_command import WayCommand, WayCommandKind
from pilotage.way.machine import begin, decide
from pilotage.way.seen import (
    EnsureRun,
    PlaceSeen,
    PlaceStatus,
    Refused,
    RunSeen,
    RunStatus,
    StartRollout,
    StopRun,
    Undo,
    WayAction,
    WaySeen,
    WordSeen,
    WordStatus,
)

BUILT = (Artifact(name="dist/shop.whl", digest="ab" * 32, size=10),)
ADA, BOB = Actor(name="ada"), Actor(name="bob")


def a_way(*stages: WayStage) -> Way:
    """Of version 2.5.0, started by ada."""
    return Way(id="way-1", service="shop", version="2.5.0", commit="c" * 40, author="ada", stages=stages, tree="t" * 40)


def whole_way(*, repeatable: bool = False, retries: int = 0, undo_all: bool = False) -> Way:
    """Each kind of stage, and most conditions."""
    return a_way(
        RunStage(name="build", commands=(("make",),), artifacts=("dist/*",), repeatable=repeatable, retries=retries),
        AwaitStage(name="ci", section={"kind": "github"}, timeout=600.0),
        EnvironmentStage(name="staging", environments=("staging",)),
        RunStage(name="e2e", commands=(("make", "e2e"),), tests="staging", repeatable=repeatable, retries=retries),
        EnvironmentStage(
            name="production", environments=("eu", "us", "ap"), at_most=2, apart=(("eu", "us"),), bake=10.0,
            undo_all=undo_all, entry=Entry(approvals=1, begins=Begins.BY_A_PERSON, baked=5.0),
        ),
        RunStage(name="smoke", commands=(("make", "smoke"),), tests="ap", repeatable=repeatable),
    )  # fmt: skip


def command(kind: WayCommandKind, actor: Actor = BOB, identity: int = 1, stage: str = "") -> WayCommand:
    return WayCommand(id=identity, kind=kind, actor=actor, at=0.0, stage=stage)


@dataclass
class World:
    """What the actions of a way lead to. Every attempt that was ever started is in `started`, in order."""

    runs: dict[tuple[str, int], RunSeen] = field(default_factory=dict)
    started: list[tuple[str, int]] = field(default_factory=list)
    words: dict[str, WordSeen] = field(default_factory=dict)
    places: dict[str, PlaceSeen] = field(default_factory=dict)
    rollouts: list[str] = field(default_factory=list)
    refused: dict[str, Refused] = field(default_factory=dict)
    frozen: dict[str, str] = field(default_factory=dict)
    blind_runs: bool = False
    blind_places: bool = False

    def seen(self, way: Way, state: WayState) -> WaySeen:
        """As it is observed: an attempt without a trace is absent, and what cannot be read is left out."""
        attempts = {
            (stage.name, at.attempt): RunSeen(status=RunStatus.ABSENT)
            for stage, at in zip(way.stages, state.stages, strict=True)
            if isinstance(stage, RunStage) and at.began
        }
        nothing = PlaceSeen(status=PlaceStatus.NOTHING)
        names = [e for stage in way.stages if isinstance(stage, EnvironmentStage) for e in stage.environments]
        return WaySeen(
            runs={} if self.blind_runs else {**attempts, **self.runs},
            words=dict(self.words),
            places={} if self.blind_places else {name: self.places.get(name, nothing) for name in names},
            refused=dict(self.refused), frozen=dict(self.frozen), closed="",
        )  # fmt: skip

    def act(self, action: WayAction, now: float) -> None:
        match action:
            case EnsureRun():
                key = (action.stage, action.attempt)
                if key not in self.runs:
                    self.started.append(key)
                    self.runs[key] = RunSeen(status=RunStatus.RUNNING)
            case StopRun():
                key = (action.stage, action.attempt)
                if key in self.runs and self.runs[key].status is RunStatus.RUNNING:
                    self.runs[key] = RunSeen(status=RunStatus.FAILED, detail="stopped")
            case StartRollout():
                there = self.places.get(action.environment)
                if there is None and action.environment not in self.refused:
                    identity = f"{action.environment}-{len(self.rollouts) + 1}"
                    self.rollouts.append(action.environment)
                    self.places[action.environment] = PlaceSeen(
                        status=PlaceStatus.UNDER_WAY, rollout=identity, newest=identity, since=now
                    )
            case Undo():
                there = self.places[action.environment]
                assert there.rollout == action.rollout
                if there.status in (PlaceStatus.UNDER_WAY, PlaceStatus.COMPLETE):
                    self.places[action.environment] = replace(there, status=PlaceStatus.RETURNING, since=now)

    def become(self, environment: str, status: PlaceStatus, now: float) -> None:
        if environment in self.places:
            self.places[environment] = replace(self.places[environment], status=status, since=now)


class Travel:
    """A way in a world: each look observes, decides and acts."""

    def __init__(self, way: Way) -> None:
        self.way, self.world, self.now = way, World(), 1000.0
        self.state, first = begin(way)
        self.events = list(first)

    def look(self, *commands: WayCommand, seconds: float = 1.0) -> tuple[WayAction, ...]:
        self.now += seconds
        decision = decide(self.way, self.state, self.world.seen(self.way, self.state), commands, self.now)
        self.state, self.answered = decision.state, decision.answered
        self.events += decision.events
        for action in decision.actions:
            self.world.act(action, self.now)
        return decision.actions

    def ends(self, stage: str, status: RunStatus = RunStatus.PASSED, attempt: int = 1) -> None:
        artifacts = BUILT if stage == "build" and status is RunStatus.PASSED else ()
        self.world.runs[stage, attempt] = RunSeen(status=status, detail="exit 1", artifacts=artifacts)

    def says(self, stage: str, status: WordStatus = WordStatus.PASSED) -> None:
        self.world.words[stage] = WordSeen(status=status, detail="red")

    def arrives(self, environment: str, status: PlaceStatus = PlaceStatus.COMPLETE) -> None:
        self.world.become(environment, status, self.now)

    def status(self) -> WayStatus:
        """The status of the way. A function, as a type checker takes a property for the same after a look."""
        return self.state.status

    def at(self, index: int) -> StageStatus:
        """The status of a stage."""
        return self.state.stages[index].status

    def types(self) -> Sequence[str]:
        return [event.type for event in self.events]
