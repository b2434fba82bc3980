"""The world of tests that act through ports: it obeys at once, and its figures are what the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from pilotage.adapters.clock import SYSTEM
from pilotage.adapters.ports import Backends, Queries
from pilotage.engine.execution.targets import Target
from pilotage.model.clock import Clock
from pilotage.model.json import JsonObject
from pilotage.model.observation import Observation, Reading
from pilotage.model.traffic import Split
from pilotage.testing import FakeWorld


class World(FakeWorld):
    """At first, one instance of `old` serves everybody."""

    def __init__(self, clock: Clock = SYSTEM) -> None:
        super().__init__()
        self.clock = clock
        self.reading: Callable[[], Reading] = lambda: Reading((), {}, self.clock.now())
        self.back, self.shifted = threading.Event(), threading.Event()
        """Set when all users are with `old` again, and when `new` gets some of them."""
        self.serve({"old": 1000})

    def serve(self, weights: dict[str, int]) -> None:
        """One instance of each of these versions runs, and gets its share in ‰."""
        for version in weights:
            self.fleet().ensure(version, 1)
        backends = {version: [(one.host, one.port)] for version in weights for one in self.of(version)}
        self.router().apply(Split(tuple(weights.items())), backends)

    def of(self, version: str) -> list[Any]:
        return [one for one in self.running if one.version == version]

    def target(self, queries: Queries | None = None, **more: Any) -> Target:
        return Target(self.router(), self.fleet(), self, {"": queries} if queries else {}, **more)

    def route(self, split: Split, backends: Backends) -> None:
        super().route(split, backends)
        if split.weight("new"):
            self.back.clear()
            self.shifted.set()
        else:
            self.back.set()

    def observe(self, _versions: Sequence[str], _cursor: JsonObject | None) -> Reading:
        return self.reading()

    def counted(self, new: int, old: int, old_errors: int = 0) -> Reading:
        """So many requests of each version since the last look."""
        observations = (Observation("new", new, 0), Observation("old", old, old_errors))
        return Reading(observations, {}, self.clock.now())
