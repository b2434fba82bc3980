"""Pilotage's own metrics for Prometheus and OpenTelemetry: what an operator alerts on."""

from __future__ import annotations

import bisect
import platform
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pilotage.app.store_backups import last_backup
from pilotage.engine.placement.lock import present_version, worker_pid
from pilotage.engine.records.latency import BOUNDS, StoreLatency
from pilotage.engine.records.own_figures import OwnFigures, ended_since, own_figures
from pilotage.engine.records.revision import NEWEST
from pilotage.engine.records.store import Store
from pilotage.model.rollout import Status
from pilotage.model.series import Buckets, Family, Sample, histogram

_DURATIONS = (60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 86400.0, 259200.0, 604800.0)
"""Seconds of a rollout."""
_ENDED = [status for status in Status if status.final]
_USUAL = (Status.COMPLETED, Status.ROLLED_BACK)
"""How rollouts that have started end, nearly always."""
_Labels = tuple[tuple[str, str], ...]


class OwnMetrics:
    """Of one process. Counters of rollouts come from the store, so every process shows the same; durations, the store's
    latency and what `more` adds are counted since the process began."""

    def __init__(self, store: Store, more: Callable[[], Iterator[Family]] = lambda: iter(())) -> None:
        self._store, self._more = store, more
        self._latency = StoreLatency(store.engine)
        self._since = store.clock.now()
        self._known: set[str] = set()
        self._durations: dict[_Labels, tuple[list[int], float]] = {}
        self._paused: dict[_Labels, float] = {}
        self._turn = threading.Lock()

    def families(self) -> Iterator[Family]:
        """Raises SQLAlchemy's errors of a store that does not answer: a scrape that fails is seen."""
        began = time.perf_counter()
        figures = own_figures(self._store.engine)
        with self._turn:
            self._expect({key[:2] for key, count in figures.rollouts.items() if count and not Status(key[2]).final})
            self._count_ended()
            durations = {
                labels: Buckets(bounds=_DURATIONS, counts=tuple(counts), total=total)
                for labels, (counts, total) in self._durations.items()
            }
            paused = dict(self._paused)
        took = time.perf_counter() - began
        yield _gauge("pilotage_build_info", "1, with the version that runs.", [({
            "version": present_version(), "revision": f"{NEWEST:04d}", "python": platform.python_version(),
            "store": self._store.engine.dialect.name,
        }, 1.0)])  # fmt: skip
        yield from _of_rollouts(figures, self._store.clock.now())
        yield histogram(
            "pilotage_rollout_duration_seconds",
            "Time from a rollout's start to its end, without the time for which it was paused.",
            durations,
        )
        yield Family(
            name="pilotage_rollout_paused_seconds_total", kind="counter",
            about="Time for which ended rollouts waited for a person's decision.",
            samples=tuple(Sample(value=value, labels=dict(labels)) for labels, value in paused.items()),
        )  # fmt: skip
        yield from _of_people(figures, self._store.clock.now())
        yield from self._of_the_store(took)
        yield from self._more()

    def _expect(self, under_way: set[tuple[str, str]]) -> None:
        """Begin series at 0: Prometheus counts no increase of one that appears with its first value."""
        for place in under_way:
            for status in _USUAL:
                labels = (*_place(place), ("status", status.value))
                self._durations.setdefault(labels, (_none(), 0.0))
                self._paused.setdefault(labels, 0.0)

    def _count_ended(self) -> None:
        new = [one for one in ended_since(self._store.engine, self._since) if one.id not in self._known]
        for one in new:
            labels = (*_place(one.place), ("status", one.status.value))
            counts, total = self._durations.get(labels, (_none(), 0.0))
            active = max(0.0, one.seconds - one.paused)
            counts[bisect.bisect_left(_DURATIONS, active)] += 1
            self._durations[labels] = (counts, total + active)
            self._paused[labels] = self._paused.get(labels, 0.0) + one.paused
        if new:
            # Several may end at the same moment, and one of them may be committed later.
            self._known = {one.id for one in new if one.at >= new[-1].at - 60} | self._known
            self._since = max(self._since, new[-1].at - 60)

    def _of_the_store(self, took: float) -> Iterator[Family]:
        directory, latency = self._store.directory, self._latency
        buckets = Buckets(bounds=BOUNDS, counts=list(latency.counts), total=latency.total)
        yield histogram("pilotage_store_statement_seconds", "Time of statements to the store.", {(): buckets})
        yield Family(
            name="pilotage_store_failures_total", kind="counter", about="Statements to the store that failed.",
            samples=(Sample(value=latency.failures),),
        )  # fmt: skip
        yield _gauge("pilotage_store_read_seconds", "Time that it took to read these figures.", [({}, took)])
        if (size := _size(directory)) is not None:
            yield _gauge("pilotage_store_size_bytes", "Size of the SQLite store with its log.", [({}, size)])
        free = float(shutil.disk_usage(directory).free)
        yield _gauge("pilotage_state_free_bytes", "Room on the disk of the state folder.", [({}, free)])
        if (backup := last_backup(directory)) is not None:
            about = "When the store was last backed up from this folder."
            yield _gauge("pilotage_store_backup_timestamp_seconds", about, [({}, backup[0])])
        alive = float(worker_pid(directory) is not None)
        yield _gauge("pilotage_worker_up", "Whether a worker runs in this folder.", [({}, alive)])


def _none() -> list[int]:
    """How many rollouts each bucket of durations has at first."""
    return [0] * (len(_DURATIONS) + 1)


def _of_rollouts(figures: OwnFigures, now: float) -> Iterator[Family]:
    under_way = {key: count for key, count in figures.rollouts.items() if not Status(key[2]).final}
    places = sorted({key[:2] for key in figures.rollouts})
    yield _gauge("pilotage_rollouts", "Rollouts that wait or are in progress, by status.", [
        ({"service": s, "environment": e, "status": status.value}, float(under_way.get((s, e, status.value), 0)))
        for s, e in places for status in Status if not status.final
    ])  # fmt: skip
    ended = [
        Sample(
            value=float(figures.rollouts.get((s, e, status.value), 0)),
            labels={"service": s, "environment": e, "status": status.value},
        )
        for s, e in places for status in _ENDED
    ]  # fmt: skip
    about = "Rollouts that have ended, by how."
    yield Family(name="pilotage_rollouts_ended_total", kind="counter", about=about, samples=tuple(ended))
    yield _gauge("pilotage_look_age_seconds", "Time since a rollout in progress was last looked at.", [
        ({"service": s, "environment": e, "version": version}, max(0.0, now - at))
        for (s, e, version), at in figures.looks.items()
    ])  # fmt: skip
    yield _gauge("pilotage_worker_heartbeat_age_seconds", "Time since the worker of an environment was heard.", [
        ({**dict(_place(one.place)), "home": one.name}, one.ago) for one in figures.heard
    ])  # fmt: skip


def _of_people(figures: OwnFigures, now: float) -> Iterator[Family]:
    letters = figures.letters.items()
    yield _gauge("pilotage_messages_waiting", "Messages that are to be sent, by channel.", [
        ({"channel": channel}, float(one.waiting)) for channel, one in letters
    ])  # fmt: skip
    yield _gauge("pilotage_messages_failed", "Messages that were given up, by channel.", [
        ({"channel": channel}, float(one.failed)) for channel, one in letters
    ])  # fmt: skip
    yield _gauge("pilotage_oldest_message_age_seconds", "Age of the oldest message that waits, by channel.", [
        ({"channel": channel}, max(0.0, now - one.oldest)) for channel, one in letters if one.oldest is not None
    ])  # fmt: skip
    about = "Heads of records that wait for a signature or an anchor."
    yield _gauge("pilotage_unsigned_heads", about, [({}, float(figures.unsigned))])


def _gauge(name: str, about: str, samples: list[tuple[dict[str, str], float]]) -> Family:
    made = tuple(Sample(value=value, labels=labels) for labels, value in samples)
    return Family(name=name, kind="gauge", about=about, samples=made)


def _place(place: tuple[str, str]) -> _Labels:
    return ("service", place[0]), ("environment", place[1])


def _size(directory: Path) -> float | None:
    files = (directory / name for name in ("pilotage.sqlite", "pilotage.sqlite-wal"))
    found = [path.stat().st_size for path in files if path.exists()]
    return float(sum(found)) if found else None
