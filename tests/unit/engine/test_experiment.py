"""R16: a rollout whose flag is an experiment shows its result at each look, and keeps it when everyone has the flag."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pilotage.engine.execution import driver as module
from pilotage.engine.execution.driver import Driver
from pilotage.engine.records.store import Store
from pilotage.model.json import JsonObject
from pilotage.model.live import SeenExperiment
from pilotage.model.observation import EMPTY, Histogram, Observation, Reading
from pilotage.model.rollout import Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.clock import FakeClock
from tests.plans import a_plan
from tests.unit.engine.world import World

BAD = {"on": 4, "off": 20}
"""Of the 400 requests of each variant between two looks."""


class Variants:
    """What the two variants did since the last look; nobody is without the flag once everyone has it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def observe(self, versions: Sequence[str], _cursor: JsonObject | None) -> Reading:
        here = [name for name in versions if name in BAD and (name == "on" or self._world.ramp.share < 1000)]
        here = here if self._world.ramp.share else []
        quick = Histogram((0.1, 0.5), (400, 0, 0))
        counts = {name: (400, BAD[name], quick) if name in here else (0, 0, EMPTY) for name in versions}
        told = tuple(Observation(name, *count) for name, count in counts.items())
        return Reading(told, {}, self._world.clock.now())


@pytest.mark.parametrize("purpose", ["experiment", "release"])
def test_r16_the_result_of_an_experiment_is_seen_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, purpose: str
) -> None:
    clock = FakeClock()
    world = World(clock)
    target = world.target(flags=world.flags(), variants=Variants(world))
    monkeypatch.setattr(module, "open_target", lambda *_: target)
    short = {
        "feature_toggle.stages": ["50%", "100%"], "feature_toggle.phase_duration": "60s",
        "feature_toggle.bake_duration": "10s", "feature_toggle.drain_duration": 0,
        "success_criteria.error_rate": "99%", "rollback_triggers.error_rate": "99%", "alerts.success_rate": "1%",
    }  # fmt: skip
    plan = a_plan(short, strategy="feature-toggle")
    store = Store(tmp_path, clock=clock)
    snapshot = Snapshot(environment={"flag": {"key": "short-form", "purpose": purpose}})
    rollout = store.create(plan, begin(plan, "old", Mode.FULL), snapshot, "ada", clock.now())
    driver = Driver(store, tmp_path, rollout.id, "here/1/1.00")
    for number in range(600):
        if driver.rollout.state.status.final:
            break
        if number == 40:
            driver = Driver(store, tmp_path, rollout.id, "here/1/1.00")
        driver.look()
        clock.pass_(2.0)
    assert driver.rollout.state.status is Status.COMPLETED, driver.rollout.state.reason
    found: SeenExperiment | None = store.get(rollout.id).live.experiment
    store.close()
    if purpose == "release":
        assert found is None
        return
    assert found is not None
    assert found.winner == "on"
    assert found.interval is not None
    assert found.interval[0] < -4 < (found.interval[1] or 0) < 0
    assert found.on_requests == found.off_requests, "what came once everyone had the flag compares nothing"
