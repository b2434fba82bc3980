"""A world in one file, for controllers that are killed: a router, a fleet, hooks, a flag and users' requests.

It obeys at once and remembers everything that was done to it, with the time, in a log that only grows. It does not
prevent what it must never see (an instance stopped while requests reach it): the log shows it for the checker.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pilotage.adapters.fence import Fence
from pilotage.adapters.ports import AdapterError, Backends
from pilotage.engine.execution.failpoints import reach
from pilotage.engine.execution.targets import Target
from pilotage.model.flag import Ramp
from pilotage.model.json import JsonObject, read_as
from pilotage.model.observation import CheckResult, CheckStatus, Health, Histogram, Instance, Observation, Reading
from pilotage.model.traffic import WHOLE, HeaderRoute, Split

START_TAKES = 0.02
REQUESTS = 4000.0
"""A second, of all users."""

_BOUNDS = (0.01, 0.1, 1.0)


class World:
    """Opened anew by every controller; all of them see the same."""

    def __init__(self, place: Path, hooks: frozenset[str]) -> None:
        self._file, self._lock, self._hooks = place / "world.json", place / "lock", hooks
        self.fence: Fence | None = None
        place.mkdir(parents=True, exist_ok=True)

    # ── what happened ──────────────────────────────────────────────────────────────────────────────────────

    def done(self) -> list[dict[str, Any]]:
        """Everything that was done to the world, in order."""
        log: list[dict[str, Any]] = self.look()["log"]
        return log

    def look(self) -> dict[str, Any]:
        with self._state() as state:
            return dict(state)

    @contextmanager
    def between_calls(self) -> Iterator[None]:
        """Nobody is at it meanwhile: who freezes now does not hold the lock, as no client of a real router does."""
        with self._state():
            yield

    @contextmanager
    def _state(self) -> Iterator[dict[str, Any]]:
        """The world for one reader or writer at a time; requests flow as long as nobody looks, too."""
        with self._lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = json.loads(self._file.read_text() if self._file.exists() else json.dumps(_EMPTY))
            _flow(state, time.time())
            yield state
            # A kill leaves the world before the change or the one after it, never a torn one.
            beside = self._file.with_suffix(".new")
            beside.write_text(json.dumps(state))
            beside.replace(self._file)

    def _write(self, what: str, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
        """Change the world and log it, with a place to die on either side."""
        reach(f"before-{what}")
        with self._state() as state:
            if self.fence:
                self.fence.check()
            told = change(state)
            if told is not None:
                state["log"].append({"at": time.time(), "what": what, **told})
        reach(f"after-{what}")

    # ── router ─────────────────────────────────────────────────────────────────────────────────────────────

    def apply(self, split: Split, backends: Backends) -> None:
        wanted = [] if split.closed else [version for version, _ in split.weights]
        if any(not backends.get(version) for version in wanted):
            raise AdapterError(f"no instance of {wanted[0]}")
        written = _split_json(split)

        def change(state: dict[str, Any]) -> dict[str, Any] | None:
            endpoints = {v: sorted(port for _, port in b) or state["endpoints"].get(v, []) for v, b in backends.items()}
            if state["split"] == written and state["endpoints"] == endpoints:
                return None
            state["split"], state["endpoints"] = written, endpoints
            return {"split": written, "endpoints": endpoints}

        self._write("split", change)

    health_path = "/healthz"

    def url(self) -> str:
        return ""

    def read(self) -> Split | None:
        split = self.look()["split"]
        return _split_of(split) if split else None

    def endpoints(self) -> Mapping[str, frozenset[tuple[str, int]]]:
        return {v: frozenset(("h", port) for port in ports) for v, ports in self.look()["endpoints"].items()}

    # ── fleet ──────────────────────────────────────────────────────────────────────────────────────────────

    def ensure(self, version: str, count: int) -> None:
        def change(state: dict[str, Any]) -> dict[str, Any] | None:
            mine = [i for i in state["instances"] if i["version"] == version]
            stopped = [i["port"] for i in mine[count:]]
            state["instances"] = [i for i in state["instances"] if i["port"] not in stopped]
            started = []
            for _ in range(count - len(mine)):
                state["ports"] += 1
                started.append(state["ports"])
                state["instances"].append({"version": version, "port": state["ports"], "since": time.time()})
            return {"version": version, "started": started, "stopped": stopped} if started or stopped else None

        self._write("fleet", change)

    def replace(self, version: str, instance: str) -> None:
        def change(state: dict[str, Any]) -> dict[str, Any] | None:
            port = int(instance.rpartition(":")[2])
            if not any(i["version"] == version and i["port"] == port for i in state["instances"]):
                return None
            state["instances"] = [i for i in state["instances"] if i["port"] != port]
            return {"version": version, "started": [], "stopped": [port]}

        self._write("fleet", change)

    def log_tail(self, _instance: str, _lines: int = 3) -> tuple[str, ...]:
        return ()

    def instances(self) -> tuple[Instance, ...]:
        now = time.time()
        return tuple(
            Instance(
                f"{i['version']}-{i['port']}", i["version"], "h", i["port"],
                Health.HEALTHY if now - i["since"] > START_TAKES else Health.STARTING, 30_000_000,
            )
            for i in self.look()["instances"]
        )  # fmt: skip

    def stop(self) -> None:
        raise NotImplementedError

    # ── checks ─────────────────────────────────────────────────────────────────────────────────────────────

    def names(self) -> frozenset[str]:
        return self._hooks

    def ensure_check(self, name: str, attempt: int) -> None:
        def change(state: dict[str, Any]) -> dict[str, Any] | None:
            key = f"{name}.{attempt}"
            if key in state["checks"]:
                return None
            state["checks"][key] = time.time()
            return {"check": key}

        self._write("check", change)

    def results(self) -> tuple[CheckResult, ...]:
        now, found = time.time(), []
        for key, began in self.look()["checks"].items():
            name, attempt = key.rsplit(".", 1)
            status = CheckStatus.PASSED if now - began > START_TAKES else CheckStatus.RUNNING
            found.append(CheckResult(name, int(attempt), status))
        return tuple(found)

    def stop_all_but(self, name: str, attempt: int) -> None:
        """They end by themselves."""


class _Checks:
    """The Checks port; `ensure` has the fleet's name."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.names, self.results, self.stop_all_but = world.names, world.results, world.stop_all_but

    def ensure(self, name: str, attempt: int, _facts: Mapping[str, str]) -> None:
        self._world.ensure_check(name, attempt)


class _Flag:
    def __init__(self, world: World) -> None:
        self._world = world

    def read(self) -> Ramp:
        flag = self._world.look()["flag"]
        return Ramp(tuple(flag["groups"]), flag["share"])

    def apply(self, ramp: Ramp) -> None:
        wanted = {"groups": list(ramp.groups), "share": ramp.share}

        def change(state: dict[str, Any]) -> dict[str, Any] | None:
            if state["flag"] == wanted:
                return None
            state["flag"] = wanted
            return {"flag": wanted}

        self._world._write("flag", change)

    def rehearse(self) -> None:
        """It works."""


class _Counters:
    """Requests and errors per version (or variant), as counters that only grow."""

    def __init__(self, world: World) -> None:
        self._world = world

    def observe(self, versions: Sequence[str], cursor: JsonObject | None) -> Reading:
        counts = self._world.look()["counts"]
        now = {v: [int(n) for n in counts.get(v, [0, 0])] for v in versions}
        before = read_as(dict[str, list[int]], cursor) if cursor else now
        observations = []
        for version in versions:
            requests, errors = (a - b for a, b in zip(now[version], before.get(version, [0, 0]), strict=True))
            histogram = Histogram(_BOUNDS, (0, requests, 0, 0))
            observations.append(Observation(version, requests, min(errors, requests), histogram))
        return Reading(tuple(observations), {**before, **now}, time.time())


_EMPTY: dict[str, Any] = {
    "split": None, "endpoints": {}, "instances": [], "ports": 0, "checks": {}, "flag": {"groups": [], "share": 0},
    "counts": {}, "at": 0.0, "bad": [], "log": [],
}  # fmt: skip


def _flow(state: dict[str, Any], now: float) -> None:
    """Users go on asking: what the split and the flag say they get, they got since the last look."""
    passed, state["at"] = min(1.0, now - state["at"]) if state["at"] else 0.0, now
    if not state["split"] or state["split"]["closed"]:
        return
    groups = 0.05 * len(state["flag"]["groups"])
    on = min(1.0, state["flag"]["share"] / WHOLE + groups)
    shares = {version: weight / WHOLE for version, weight in state["split"]["weights"]}
    for name, share in {**shares, "on": on, "off": 1 - on}.items():
        count = state["counts"].setdefault(name, [0.0, 0.0])
        count[0] += REQUESTS * passed * share
        count[1] += REQUESTS * passed * share * (0.3 if name in state["bad"] else 0.0)


def _split_json(split: Split) -> dict[str, Any]:
    return {
        "weights": [list(pair) for pair in split.weights],
        "routes": [[r.header, r.value, r.version] for r in split.header_routes],
        "closed": split.closed,
    }


def _split_of(data: dict[str, Any]) -> Split:
    routes = tuple(HeaderRoute(*route) for route in data["routes"])
    return Split(tuple((v, w) for v, w in data["weights"]), routes, closed=data["closed"])


def opened(world: World) -> Target:
    return Target(world, world, _Counters(world), checks=_Checks(world), flags=_Flag(world), variants=_Counters(world))


def make_bad(place: Path, names: Sequence[str]) -> None:
    """What these versions (or variants) answer is an error three times in ten, from now on."""
    with World(place, frozenset())._state() as state:
        state["bad"] = list(names)
