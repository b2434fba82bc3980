"""What is told of a desired state that could not be set."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.adapters.ports import AdapterError
from pilotage.engine.execution import acting as module
from pilotage.engine.execution.acting import Acting
from pilotage.engine.execution.crew import Crew
from pilotage.model.action import Ensure
from pilotage.model.rollout import Observed
from pilotage.testing import wait_until
from pilotage.testing.world import FakeFleet
from tests.unit.engine.world import World


class Unwell(FakeFleet):
    """A fleet that refuses, and takes longer to do so each time."""

    asked, goes_on = 0, threading.Event()

    def ensure(self, version: str, count: int) -> None:  # noqa: ARG002
        self.asked += 1
        if self.asked > 1:
            self.goes_on.wait(30)
        raise AdapterError("the health checks of 2.0 have not passed")


def test_while_it_is_tried_again_the_reason_is_still_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BUDGET", 0.2)
    world = World()
    fleet = Unwell(world, 1)
    target, acting = replace(world.target(), fleet=fleet), Acting("rollout", tmp_path, Crew())
    for _ in range(3):
        acting.act(target, [Ensure("2.0", 1)], Observed(None, ()), lambda *_: {}, (), back=False)
        assert acting.refused[0] == "the health checks of 2.0 have not passed"
    assert "is still running" in acting.refused[-1]
    fleet.goes_on.set()


class Slow(FakeFleet):
    """A fleet that refuses each time, once it `goes_on`."""

    goes_on = threading.Semaphore(0)

    def ensure(self, version: str, count: int) -> None:  # noqa: ARG002
        assert self.goes_on.acquire(timeout=30)
        raise AdapterError("the health checks of 2.0 have not passed")


@pytest.mark.parametrize("back", [False, True])
def test_what_a_late_call_was_refused_is_told_although_the_next_is_late_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, back: bool
) -> None:
    """On a busy machine each call of a rollback may come back after its look; an operator learns why none works."""
    monkeypatch.setattr(module, "_BUDGET", 0.05)
    world = World()
    fleet = Slow(world, 1)
    target, acting = replace(world.target(), fleet=fleet), Acting("rollout", tmp_path, Crew())
    acting.act(target, [Ensure("2.0", 1)], Observed(None, ()), lambda *_: {}, (), back=back)
    assert acting.is_under_way
    fleet.goes_on.release()
    wait_until(lambda: not acting.is_under_way)
    acting.act(target, [Ensure("2.0", 1)], Observed(None, ()), lambda *_: {}, (), back=back)
    assert "the health checks of 2.0 have not passed" in acting.refused
    fleet.goes_on.release()
