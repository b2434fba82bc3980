"""A reading of a router from before this controller gave users to the new version does not prove that nobody has it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.adapters.ports import Backends
from pilotage.engine.execution import driver as module
from pilotage.engine.execution.driver import Driver
from pilotage.engine.records.store import Store
from pilotage.model.rollout import CommandKind, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.model.traffic import Split
from pilotage.rollout.machine import begin
from pilotage.testing.world import FakeRouter
from tests.clock import FakeClock
from tests.plans import a_plan
from tests.unit.engine.world import World


class SlowRouter(FakeRouter):
    """A router whose readings hang from the moment when users get the new version, until `answers` is set."""

    def __init__(self, world: World) -> None:
        super().__init__(world, 1)
        self.answers, self.gave = threading.Event(), False

    def read(self) -> Split | None:
        if self.gave:
            self.answers.wait(60)
        return super().read()

    def apply(self, split: Split, backends: Backends) -> None:
        super().apply(split, backends)
        self.gave = self.gave or bool(split.weight("new"))


@pytest.fixture
def router(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SlowRouter, Driver, Store, FakeClock]]:
    clock = FakeClock()
    world = World(clock)
    slow = SlowRouter(world)
    target = world.target()
    monkeypatch.setattr(module, "open_target", lambda *_: replace(target, router=slow))
    store = Store(tmp_path, clock=clock)
    plan = a_plan()
    made = store.create(plan, begin(plan, "old", Mode.FULL), Snapshot(), "ada", clock.now())
    yield slow, Driver(store, tmp_path, made.id, "here/1/1.00"), store, clock
    slow.answers.set()
    store.close()


def test_an_abort_while_the_reading_hangs_waits_for_a_reading_that_shows_it(
    router: tuple[SlowRouter, Driver, Store, FakeClock],
) -> None:
    slow, driver, store, clock = router
    for _ in range(200):
        if slow.gave:
            break
        driver.look()
        clock.pass_(1.0)
    assert slow.gave
    store.command(driver.rollout.id, CommandKind.ABORT, "ada", "it harms")
    driver.look()
    assert not driver.rollout.state.returned, "all users were with old before the new version got some"
    slow.answers.set()
    for _ in range(200):
        if driver.rollout.state.status.final:
            break
        driver.look()
        clock.pass_(1.0)
    assert driver.rollout.state.status is Status.ROLLED_BACK
    assert driver.rollout.state.returned
