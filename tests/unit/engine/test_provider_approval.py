"""R16: a flag's provider keeps a change until somebody approves it there, or does not take it for now. The rollout says
where to approve, its timeout of the step does not run, and turning the flag off waits for nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pilotage.adapters.ports import AdapterError, AwaitsApproval
from pilotage.engine.execution import driver as module
from pilotage.engine.execution.driver import Driver
from pilotage.engine.records.store import Store
from pilotage.model.flag import OFF, Ramp
from pilotage.model.live import read_live
from pilotage.model.rollout import CommandKind, HoldCause, Mode, RolloutState, Status
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from pilotage.testing.world import FakeFlags
from tests.clock import FakeClock
from tests.plans import a_plan
from tests.unit.engine.world import World

WHERE = "new-checkout waits for a reviewer: approve it at https://flags.example/approvals/7"


class GuardedFlags(FakeFlags):
    """A provider where a change that turns the flag on for anyone raises `refuses`."""

    refuses: AdapterError | None = None
    asked: int = 0

    def apply(self, ramp: Ramp) -> None:
        self.asked += 1
        if self.refuses is not None and ramp not in (OFF, self.read()):
            raise self.refuses
        super().apply(ramp)


class Place:
    """A feature toggle on its way to the first segment, and those who drive it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = FakeClock()
        self.world = World(self.clock)
        self.flags = GuardedFlags(self.world, 1)
        monkeypatch.setattr(module, "open_target", lambda *_: self.world.target(flags=self.flags))
        plan = a_plan(
            {
                "feature_toggle.drain_duration": 0,
                "approval.timeout": "2m",
                "approval.remind_after": "40s",
                "hold.timeout": "10m",
            },
            strategy="feature-toggle",
        )
        self.store, self._folder = Store(folder, clock=self.clock), folder
        self._id = self.store.create(plan, begin(plan, "old", Mode.FULL), Snapshot(), "ada", self.clock.now()).id
        self.driver = self.another_driver()

    def another_driver(self) -> Driver:
        self.driver = Driver(self.store, self._folder, self._id, "here/1/1.00")
        return self.driver

    @property
    def state(self) -> RolloutState:
        return self.driver.rollout.state

    def until(self, true: Callable[[], bool], seconds: float = 1.0) -> None:
        for _ in range(1000):
            if true():
                return
            self.driver.look()
            self.clock.pass_(seconds)
        raise AssertionError(self.state)

    def looks(self, number: int, seconds: float = 1.0) -> None:
        for _ in range(number):
            self.driver.look()
            self.clock.pass_(seconds)

    def told(self) -> list[str]:
        return [event.what.sentence for event in self.store.events(self._id)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    found = Place(tmp_path, monkeypatch)
    yield found
    found.store.close()


def held(place: Place, error: AdapterError) -> None:
    place.flags.refuses = error
    place.until(lambda: place.state.hold is not None)


def test_it_holds_says_where_to_approve_and_goes_on_by_itself(place: Place) -> None:
    held(place, AwaitsApproval(WHERE))
    assert place.state.hold is not None
    assert place.state.hold.cause is HoldCause.PROVIDER_APPROVAL
    assert place.state.reason == f"waiting for approval at the flag's provider: {WHERE}"
    assert any("holding at internal users: waiting for approval" in one and WHERE in one for one in place.told())
    place.looks(15, 5.0)
    assert place.state.status is Status.HOLDING, "feature_toggle.flag_timeout does not run"
    live = read_live(place.store.get(place.driver.rollout.id).live.to_dict())
    assert live.trouble == "", "an approval is no trouble"
    assert place.world.ramp == OFF
    asked = place.flags.asked
    place.flags.refuses = None
    place.until(lambda: place.driver.rollout.plan.steps[place.state.step].id == "analyse-internal")
    assert place.world.ramp == Ramp(("internal",), 0)
    assert place.flags.asked > asked
    assert [one for one in place.told() if "rolling back" in one] == []


def test_a_controller_that_takes_over_tells_nothing_anew(place: Place) -> None:
    held(place, AwaitsApproval(WHERE))
    before = place.told()
    place.another_driver()
    place.looks(20)
    assert place.state.status is Status.HOLDING
    assert place.told() == before


def test_turning_the_flag_off_waits_for_nobody(place: Place) -> None:
    place.until(lambda: place.world.ramp == Ramp(("internal",), 0))
    held(place, AwaitsApproval(WHERE))
    place.store.command(place.driver.rollout.id, CommandKind.ABORT, "ada", "enough")
    place.driver.look()
    assert place.world.ramp == OFF
    place.until(lambda: place.state.status.final)
    assert place.state.status is Status.ROLLED_BACK


def test_people_are_reminded_and_without_an_approval_it_rolls_back(place: Place) -> None:
    held(place, AwaitsApproval(WHERE))
    place.until(lambda: place.state.status.final, 5.0)
    assert place.state.status is Status.ROLLED_BACK
    assert place.world.ramp == OFF
    assert WHERE in place.state.reason
    reminders = [one for one in place.told() if "rolls back in" in one]
    assert len(reminders) == 2
    assert WHERE in reminders[0]


def test_a_provider_that_takes_no_change_for_now_is_waited_for_and_named(place: Place) -> None:
    slow = "LaunchDarkly takes no more changes for 40 s (429)"
    held(place, AdapterError(slow))
    assert place.state.hold is not None
    assert place.state.hold.cause is HoldCause.FLAGS_UNREACHABLE
    assert place.state.hold.sentence == f"the flag's provider did not take the change: {slow}"
    place.looks(20, 5.0)
    assert place.state.status is Status.HOLDING
    place.flags.refuses = None
    place.until(lambda: place.world.ramp == Ramp(("internal",), 0))


def test_an_edit_of_somebody_at_the_provider_is_named_and_held(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.until(lambda: place.world.ramp == Ramp(("internal",), 0))
    edited = "the rule of new-checkout was changed by bob at 12:04: restore it, or end the release"

    def read(_: FakeFlags) -> Ramp:
        raise AdapterError(edited)

    monkeypatch.setattr(GuardedFlags, "read", read)
    place.until(lambda: place.state.hold is not None)
    assert place.state.hold is not None
    assert place.state.hold.sentence == f"flag: {edited}"
