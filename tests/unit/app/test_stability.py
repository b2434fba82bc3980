"""The watch of what serves after a rollback (R21): it finds errors, dead instances and failing probes, or confirms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pilotage.app.stability import Watch
from pilotage.model.json import JsonObject
from pilotage.model.observation import Health, Instance, Observation, ProbeResult, Reading
from pilotage.model.snapshot import Snapshot

from ...plans import a_plan


@dataclass
class World:
    """What a watch sees: one instance, a look's requests and errors, and results of probes."""

    health: Health = Health.HEALTHY
    requests: int = 100
    errors: int = 0
    passed: bool | None = None
    probed: list[Any] = field(default_factory=list)

    def instances(self) -> tuple[Instance, ...]:
        return (Instance("1", "v1", "127.0.0.1", 1, self.health),)

    def observe(self, versions: Sequence[str], cursor: JsonObject | None) -> Reading:
        assert versions == ["v1"]
        return Reading(
            (Observation("v1", self.requests if cursor else 0, self.errors if cursor else 0),), {"n": 1}, 0.0
        )

    def keep_up(self, instances: Any) -> None:
        self.probed.append(instances)

    def results(self) -> tuple[ProbeResult, ...]:
        return () if self.passed is None else (ProbeResult("cart", "v1", "127.0.0.1:1", self.passed, "404", 0.0),)

    def stop(self) -> None:
        self.probed.clear()


@dataclass
class _Target:
    fleet: World
    metrics: World
    probes: World | None


@dataclass
class _Rollout:
    plan: Any
    old: str = "v1"
    service: str = "shop"
    environment: str = "production"
    snapshot: Snapshot = field(default_factory=Snapshot)


def watch(world: World, monkeypatch: pytest.MonkeyPatch) -> Watch:
    opened = _Target(world, world, world if world.passed is not None else None)
    monkeypatch.setattr("pilotage.app.stability.open_target", lambda *_: opened)
    made: Any = _Rollout(a_plan())
    return Watch(Path(), made)


@pytest.mark.parametrize(
    ("world", "words"),
    [
        (World(errors=10), "10.0% of its requests fail"),
        (World(health=Health.EXITED), "its instance is not healthy"),
        (World(passed=False), "the probe cart fails: 404"),
    ],
)
def test_r21_what_serves_and_fails_is_found_after_three_looks_and_no_sooner(
    world: World, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = watch(world, monkeypatch)
    watched.look()
    assert watched.found() is None
    for _ in range(3):
        watched.look()
    found = watched.found()
    assert found is not None
    assert words in found.sentence


def test_r21_what_serves_well_is_confirmed_with_what_was_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(passed=True)
    watched = watch(world, monkeypatch)
    for _ in range(5):
        watched.look()
    assert watched.found() is None
    assert watched.confirmed(1800.0).sentence == (
        "v1 was stable for 30m after the rollback: 0 of 400 requests failed, 5 probes passed"
    )
    assert world.probed[0] == {"v1": [("127.0.0.1", 1)]}
    watched.stop()
    assert not world.probed
