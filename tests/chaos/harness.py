"""Kills controllers and looks whether anybody could have noticed: one seed, one rollout, many kills."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from pilotage.adapters.fence import Fence
from pilotage.app.worker import jobs
from pilotage.engine.execution import driver, failpoints, worker
from pilotage.engine.execution.targets import Target
from pilotage.engine.placement.location import DATABASE, place_of
from pilotage.engine.records.store import Store
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Event, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.model.traffic import WHOLE
from pilotage.rollout.machine import begin
from tests.plans import NO_NUMBERS, a_plan

from .world import World, make_bad, opened

_NEEDED_LATER = (
    "cryptography.hazmat.primitives.asymmetric.ed25519", "cryptography.hazmat.primitives.serialization",
    "pilotage.adapters.placeholders", "pilotage.engine.rescue.returning",
)  # fmt: skip
"""What a worker imports when it first needs it: loaded here once, and not in each of hundreds of forked controllers."""
for _name in _NEEDED_LATER:
    import_module(_name)

STRATEGIES = ("canary", "blue-green", "rolling", "big-bang", "feature-toggle")
FULL = 4
DRAIN = 0.03
_ALWAYS = (
    "seen", "decided", "recorded", "acted", "Ensure", "Apply", "before-split", "after-split", "before-fleet",
    "after-fleet",
)  # fmt: skip
_CHECK, _FLAG = ("Check", "before-check", "after-check"), ("SetFlag", "before-flag", "after-flag")
FAILPOINTS = {
    "canary": _ALWAYS,
    "blue-green": (*_ALWAYS, *_CHECK),
    "rolling": (*_ALWAYS, *_CHECK),
    "big-bang": (*_ALWAYS, *_CHECK),
    "feature-toggle": (*_ALWAYS, *_FLAG),
}
"""Those that a rollout of the strategy comes by: to wait for another would only be a kill from outside."""
SIGNING = ("head-signed", "head-anchored")
"""Of the notary, which comes by once at a rollout's start and once at its end."""
_LIFE = 0.25
"""Seconds after which a controller that did not come to its failpoint is killed from outside."""

_HOOKS = {
    "blue-green": frozenset({"check-smoke"}),
    "rolling": frozenset({"check-package"}),
    "big-bang": frozenset({"check-backup", "restore"}),
}
_SHORT: dict[str, object] = {
    "canary.weights": ["25%", "50%", "100%"], "canary.phase_duration": "40ms", "canary.bake_duration": "40ms",
    "canary.drain_duration": "30ms", "blue_green.bake_duration": "60ms", "blue_green.keep_duration": "30ms",
    "blue_green.drain_duration": "30ms", "rolling.batch_size": "50%", "rolling.max_unavailable": "50%",
    "rolling.wait_time_between_batches": "40ms", "rolling.drain_duration": "30ms", "rolling.bake_duration": "40ms",
    "big_bang.drain_duration": "30ms", "big_bang.bake_duration": "60ms", "feature_toggle.drain_duration": "30ms",
    "feature_toggle.percentages": ["25%", "100%"], "feature_toggle.phase_duration": "40ms",
    "feature_toggle.bake_duration": "40ms",
    "analysis.min_requests": 10, "rollout.interval": "5ms", "hold.timeout": "20s", "rollback.timeout": "60s",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """What one seed means. ending: how the rollout is to end by itself, or `abort` · kills: as (failpoint, count), or
    seconds after which SIGKILL comes from outside."""

    seed: int
    strategy: str
    ending: str
    kills: tuple[tuple[str, int] | float, ...]

    @staticmethod
    def of(seed: int, strategy: str, kills: int) -> Case:
        chance = random.Random(f"{seed} {strategy}")
        ending = chance.choice(["good", "good", "bad", "abort"])
        found: list[tuple[str, int] | float] = []
        for _ in range(kills):
            if chance.random() < 0.3:
                found.append(chance.uniform(0.01, 0.15))
            else:
                found.append((chance.choice(FAILPOINTS[strategy]), 1 + int(chance.expovariate(0.9))))
        return Case(seed, strategy, ending, tuple(found))


@dataclass(frozen=True)
class Outcome:
    rollout: Rollout
    kills: int
    problems: tuple[str, ...]


def begun(place: Path, strategy: str, numbers: Mapping[str, object] = NO_NUMBERS, more: Sequence[Event] = ()) -> str:
    """A rollout that no controller has taken up yet, in a world where an old version serves; its id. more: events right
    after its start."""
    plan = a_plan({**_SHORT, **numbers}, strategy=strategy, instances=FULL)
    _old_serves(World(place / "world", _HOOKS.get(strategy, frozenset())))
    store = Store(place)
    rollout = store.create(plan, begin(plan, "old", Mode.FULL), Snapshot(), "chaos", time.time(), more=more)
    store.close()
    return rollout.id


def problems(place: Path, strategy: str, ending: str, rollout: str) -> tuple[str, ...]:
    """What the checker finds after a rollout's end."""
    store = Store(place)
    world = World(place / "world", frozenset())
    found = tuple(_problems(Case(0, strategy, ending, ()), store.get(rollout), store, world))
    store.close()
    return found


def run(case: Case, place: Path, deadline: float = 60.0) -> Outcome:
    """Roll a version out on a world that has another one, kill by kill, and then to its end."""
    hooks = _HOOKS.get(case.strategy, frozenset())
    fresh = {"canary.baseline": True} if case.strategy == "canary" and case.seed % 2 else {}
    rollout = begun(place, case.strategy, fresh)
    if case.ending == "bad":
        make_bad(place / "world", ["on"] if case.strategy == "feature-toggle" else ["new"])
    kills, until = 0, time.monotonic() + deadline
    for kill in case.kills:
        if _final(place, rollout):
            break
        _one_life(place, hooks, kill)
        kills += 1
        if case.ending == "abort" and kills == max(1, len(case.kills) // 2):
            _abort(place, rollout)
    if case.ending == "abort":
        _abort(place, rollout)
    survivor = controller(place, hooks, None)
    try:
        while not _final(place, rollout):
            if time.monotonic() > until:
                break
            time.sleep(0.02)
        # What a finished rollout left behind is put right by its keeper.
        time.sleep(0.15)
    finally:
        os.kill(survivor, signal.SIGKILL)
        os.waitpid(survivor, 0)
    store = Store(place)
    ended = store.get(rollout)
    store.close()
    return Outcome(ended, kills, problems(place, case.strategy, case.ending, rollout))


def _old_serves(world: World) -> None:
    from pilotage.model.traffic import Split

    world.ensure("old", FULL)
    time.sleep(0.03)
    instances = world.instances()
    world.apply(Split((("old", WHOLE),)), {"old": [(i.host, i.port) for i in instances]})


def controller(place: Path, hooks: frozenset[str], kill: tuple[str, int] | None) -> int:
    """A controller in a process of its own, told where to die; its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        if kill:
            failpoints.arm(*kill)
        world = World(place / "world", hooks)
        vars(driver)["open_target"] = partial(_opened, world)
        worker._POLL, worker._KEEP_EVERY = 0.02, 0.05
        worker.Worker(place, jobs=jobs(place)).serve()
    finally:
        os._exit(1)


def _opened(
    world: World,
    directory: Path,
    _: Snapshot,
    service: str,
    environment: str,
    token: int,
    __: str,
    by: str,
    *___: float,
) -> Target:
    """The world for the holder of a lease; as at a real target, its fence refuses who has lost it."""
    world.fence = Fence(place_of(directory, service, environment) / "fence.json", token, by)
    return opened(world)


def _one_life(place: Path, hooks: frozenset[str], kill: tuple[str, int] | float) -> None:
    """Start a controller and see it killed, where it was told to be or, if it does not come there, from outside."""
    pid = controller(place, hooks, kill if isinstance(kill, tuple) else None)
    until = time.monotonic() + (kill if isinstance(kill, float) else _LIFE)
    while time.monotonic() < until:
        if os.waitpid(pid, os.WNOHANG) != (0, 0):
            return
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _abort(place: Path, rollout: str) -> None:
    store = Store(place)
    if not store.get(rollout).state.status.final:
        store.command(rollout, CommandKind.ABORT, "chaos", "enough")
    store.close()


def _final(place: Path, rollout: str) -> bool:
    """Whether it is over. Asked all the time, so that of a file one column is read, without a store around it."""
    if DATABASE not in os.environ:
        with closing(sqlite3.connect(place / "pilotage.sqlite", timeout=60.0)) as connection:
            (status,) = connection.execute("SELECT status FROM rollout WHERE id = ?", (rollout,)).fetchone()
        return Status(status).final
    store = Store(place)
    try:
        return store.get(rollout).state.status.final
    finally:
        store.close()


# ── the checker ────────────────────────────────────────────────────────────────────────────────────────────


def _problems(case: Case, rollout: Rollout, store: Store, world: World) -> list[str]:
    """Everything that should not have been, in sentences; empty when nobody could have noticed a kill."""
    status, state = rollout.state.status, world.look()
    found = []
    allowed = {
        "good": (Status.COMPLETED,),
        "bad": (Status.ROLLED_BACK,),
        "abort": (Status.ROLLED_BACK, Status.COMPLETED),
    }[case.ending]
    if status not in allowed:
        found.append(f"it ended {status}: {rollout.state.reason}")
    if broken := store.broken_link(rollout.id):
        found.append(f"the chain is broken: {broken}")
    types = [event.type for event in store.events(rollout.id)]
    steps = [event.data["step"] for event in store.events(rollout.id) if event.type == "step-started"]
    found += [f"{step} was told {steps.count(step)} times" for step in set(steps) if steps.count(step) > 1]
    for once in ("rollout-started", "rollback-started", "traffic-restored", "completed", "rolled-back", "failed"):
        if types.count(once) > 1:
            found.append(f"{once} was told {types.count(once)} times")
    if not types or types[-1] not in ("completed", "rolled-back", "failed"):
        found.append(f"the last word is {types[-1:]}")
    found += _wrong_end(case, rollout, state)
    found += _wrong_moves(world.done())
    return found


def _wrong_end(case: Case, rollout: Rollout, state: dict[str, Any]) -> list[str]:
    serves = "new" if rollout.state.status is Status.COMPLETED or rollout.state.dark else "old"
    running = {v: sum(i["version"] == v for i in state["instances"]) for v in ("new", "old")}
    wanted = {"new": 0, "old": 0, serves: FULL}
    if rollout.state.preserved and running["new"]:
        wanted["new"] = FULL
    found = [] if running == wanted else [f"{running} run, {wanted} should"]
    if state["split"]["weights"] != [[serves, WHOLE]] or state["split"]["closed"]:
        found.append(f"the router shows {state['split']}, all to {serves} is right")
    share = state["flag"]["share"]
    if case.strategy == "feature-toggle" and share != (WHOLE if rollout.state.status is Status.COMPLETED else 0):
        found.append(f"the flag reaches {share}")
    return found


def _wrong_moves(log: list[dict[str, Any]]) -> list[str]:
    """From the log: who was stopped while requests could reach it or shortly before, which check ran twice."""
    found, checks = [], [entry["check"] for entry in log if entry["what"] == "check"]
    found += [f"{check} was started {checks.count(check)} times" for check in set(checks) if checks.count(check) > 1]
    out_since: dict[int, float] = {}
    reached: set[int] = set()
    for entry in log:
        if entry["what"] == "split":
            weights = dict(entry["split"]["weights"])
            routed = set(weights) if not entry["split"]["closed"] else set()
            routed |= {version for _, _, version in entry["split"]["routes"]}
            now = {port for version in routed for port in entry["endpoints"].get(version, [])}
            out_since.update(dict.fromkeys(reached - now, entry["at"]))
            reached = now
        for port in entry.get("stopped", []):
            if port in reached:
                found.append(f"instance {port} was stopped while requests reached it")
            elif port in out_since and entry["at"] - out_since[port] < DRAIN:
                found.append(
                    f"instance {port} was stopped {entry['at'] - out_since[port]:.3f} s after its last request"
                )
    return found
