"""A target in memory that acts immediately: router, fleet, counts and flag, with faults on demand.

For tests of code that acts on a target. `tests/contract` runs the contracts of the ports against it, so it behaves like
a real one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pilotage.adapters.ports import AdapterError, Backends, Fenced
from pilotage.model.flag import OFF, Ramp
from pilotage.model.json import JsonObject, each, find, object_at, whole_at
from pilotage.model.observation import Health, Instance, Observation, Reading
from pilotage.model.traffic import Split


@dataclass
class FakeWorld:
    """One environment. Every view that it gives (`router(token)`, …) acts on the same."""

    split: Split | None = None
    """What the router does."""
    backends: dict[str, frozenset[tuple[str, int]]] = field(default_factory=dict)
    running: list[Instance] = field(default_factory=list)
    """Instances, oldest first."""
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Requests and errors by version since `started`."""
    ramp: Ramp = OFF
    ill: set[str] = field(default_factory=set)
    """Versions with unhealthy instances."""
    silent: set[str] = field(default_factory=set)
    """Ports that do not answer: router, fleet, metrics, flags."""
    started: int = 1
    token: int = 0
    """The highest that any controller has acted with."""
    number: int = 0

    def router(self, token: int = 1) -> FakeRouter:
        return FakeRouter(self, token)

    def fleet(self, token: int = 1) -> FakeFleet:
        return FakeFleet(self, token)

    def metrics(self) -> FakeMetrics:
        return FakeMetrics(self)

    def flags(self, token: int = 1) -> FakeFlags:
        return FakeFlags(self, token)

    def route(self, split: Split, backends: Backends) -> None:
        """The router does this from now on."""
        self.split = split
        self.backends = {version: frozenset(found) for version, found in backends.items()}

    def happen(self, version: str, well: int, failed: int) -> None:
        """So many requests to a version succeed, and so many fail."""
        requests, errors = self.counts.get(version, (0, 0))
        self.counts[version] = (requests + well + failed, errors + failed)

    def restart_metrics(self) -> None:
        """The source of counts forgets everything."""
        self.counts, self.started = {}, self.started + 1

    def answer(self, port: str) -> None:
        """Raises AdapterError where the port is silent."""
        if port in self.silent:
            raise AdapterError(f"the {port} does not answer")

    def act(self, port: str, token: int) -> None:
        """Raises Fenced for a controller that another one has succeeded."""
        self.answer(port)
        if token < self.token:
            raise Fenced(f"another controller (token {self.token}) has taken over from this one (token {token})")
        self.token = token


class FakeRouter:
    """The Router port."""

    def __init__(self, world: FakeWorld, token: int) -> None:
        self._world, self._token = world, token

    def url(self) -> str:
        return ""

    def apply(self, split: Split, backends: Backends) -> None:
        self._world.act("router", self._token)
        wanted = [] if split.closed else [version for version, _ in split.weights]
        if missing := [version for version in wanted if not backends.get(version)]:
            raise AdapterError(f"no instance of {missing[0]} to send requests to")
        self._world.route(split, backends)

    def read(self) -> Split | None:
        self._world.answer("router")
        return self._world.split

    def endpoints(self) -> Mapping[str, frozenset[tuple[str, int]]] | None:
        self._world.answer("router")
        return self._world.backends if self._world.split else None

    def stop(self) -> None:
        self._world.act("router", self._token)
        self._world.split, self._world.backends = None, {}


class FakeFleet:
    """The Fleet port."""

    health_path = "/healthz"

    def __init__(self, world: FakeWorld, token: int) -> None:
        self._world, self._token = world, token

    def ensure(self, version: str, count: int) -> None:
        world = self._world
        world.act("fleet", self._token)
        mine = [one for one in world.running if one.version == version]
        gone = {one.id for one in mine[count:]}
        world.running = [one for one in world.running if one.id not in gone]
        for _ in range(count - len(mine)):
            world.number += 1
            port = 10_000 + world.number
            world.running.append(Instance(f"{version}-{world.number}", version, "127.0.0.1", port, Health.HEALTHY))

    def replace(self, version: str, instance: str) -> None:
        world = self._world
        world.act("fleet", self._token)
        gone = {one.id for one in world.running if one.version == version and f"{one.host}:{one.port}" == instance}
        world.running = [one for one in world.running if one.id not in gone]

    def log_tail(self, instance: str, lines: int = 3) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def instances(self) -> tuple[Instance, ...]:
        self._world.answer("fleet")
        ill = self._world.ill
        return tuple(
            replace(one, health=Health.UNHEALTHY) if one.version in ill else one for one in self._world.running
        )

    def stop(self) -> None:
        self._world.act("fleet", self._token)
        self._world.running = []


class FakeMetrics:
    """The Metrics port."""

    def __init__(self, world: FakeWorld) -> None:
        self._world = world

    def observe(self, versions: Sequence[str], cursor: JsonObject | None) -> Reading:
        world = self._world
        world.answer("metrics")
        restarted = cursor is not None and find(cursor, "started") != world.started
        before: Mapping[str, Sequence[int]] = world.counts
        if cursor is not None:
            before = (
                {} if restarted else {v: each(whole_at, counts) for v, counts in object_at(cursor, "counts").items()}
            )
        observations = []
        for version in versions:
            (requests, errors), (had, failed) = (of.get(version, (0, 0)) for of in (world.counts, before))
            observations.append(Observation(version, requests - had, errors - failed))
        following: JsonObject = {"started": world.started, "counts": dict(world.counts)}
        note = "the source restarted: counting from its start" if restarted else ""
        return Reading(tuple(observations), following, time.time(), note)


class FakeFlags:
    """The Flags port."""

    def __init__(self, world: FakeWorld, token: int) -> None:
        self._world, self._token = world, token

    def read(self) -> Ramp:
        self._world.answer("flags")
        return self._world.ramp

    def apply(self, ramp: Ramp) -> None:
        self._world.act("flags", self._token)
        self._world.ramp = ramp

    def rehearse(self) -> None:
        self._world.answer("flags")
