"""`metrics: {kind: haproxy}`: what HAProxies count for each version, since a cursor; durations from their log.

HAProxy counts by backend, and a slot's backend stands for one version at a time, so a cursor keeps counters by backend.
They start at zero in a process that a reload or a restart started: the cursor keeps which process it was. Several
HAProxys are counted together.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.haproxy_runtime import Runtime, address_of
from pilotage.adapters.metrics.haproxy_log import BOUNDS, durations_in
from pilotage.adapters.metrics.log_tail import LogTail, NoLog
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.haproxy_map import OWN, SLOTS, USERS, versions_in
from pilotage.adapters.routers.haproxy_record import Remembered, remembered
from pilotage.adapters.strata import SYNTHETIC
from pilotage.model.address import show_host
from pilotage.model.json import Json, JsonObject, each, entries, find, object_at, optional, whole_at
from pilotage.model.observation import EMPTY, Histogram, InstanceCounts, Observation, Reading, RouteCounts

_CLASSES = ("hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other")
_NOTHING = (0, 0, 0)
Counts = tuple[int, int, int]
"""Requests answered, those with 5xx, those with 4xx."""


@dataclass(frozen=True)
class Source:
    """One HAProxy. name: of its router, as its cursor is called · prefix: of its backends · map: its file · log: None
    where it has none."""

    name: str
    runtime: Runtime
    prefix: str
    map: str
    log: LogTail | None = None


@dataclass(frozen=True)
class _Seen:
    """What one HAProxy says. rows: counts by `backend/server`, where a backend itself is the server `BACKEND`."""

    pid: int
    uptime: int
    slots: Mapping[str, str]
    rows: Mapping[str, Counts]

    def cursor(self) -> dict[str, Json]:
        return {"pid": self.pid, "uptime": self.uptime, "rows": {name: list(row) for name, row in self.rows.items()}}


class HAProxyMetrics:
    """The Metrics port. directory: its own · routers: folders of the routers, by name · log: its path, may be empty."""

    def __init__(self, directory: Path, routers: Mapping[str, Path], log: str) -> None:
        self._directory, self._routers, self._log = directory, routers, log
        self._known: dict[str, tuple[Remembered, Source]] = {}

    def observe(self, versions: Sequence[str], cursor: JsonObject | None) -> Reading:
        total = {version: Observation(version, 0, 0, refused=0) for version in versions}
        following: dict[str, Json] = {}
        notes: list[str] = []
        for source in self._sources():
            seen, before = _seen(source), optional(object_at, cursor, source.name) if cursor is not None else None
            had, note = _rows_before(before, seen)
            durations, log, no_log = _durations(source, before, started=before is None)
            notes += [f"{source.name}: {text}" if source.name else text for text in (note, no_log) if text]
            for version in versions:
                one = _observed(source, version, seen, had, durations)
                total[version] = _plus(total[version], one)
            following[source.name] = {**seen.cursor(), "log": log}
        return Reading(tuple(total.values()), following, time.time(), "; ".join(notes))

    def _sources(self) -> list[Source]:
        """Every HAProxy, as its router left it. Raises AdapterError where none has a split."""
        found = []
        for name, folder in self._routers.items():
            told = remembered(folder)
            if told is None:
                continue
            if name not in self._known or self._known[name][0].settings != told.settings:
                self._known[name] = told, self._source(name, told)
            found.append(self._known[name][1])
        if not found:
            raise AdapterError("no HAProxy has a split of this environment yet")
        return found

    def _source(self, name: str, told: Remembered) -> Source:
        settings, host = told.settings, told.place.host(self._directory)
        log = LogTail(self._log, host) if self._log else None
        return Source(name, Runtime(settings.address, host), settings.name, settings.map, log)


def _seen(source: Source) -> _Seen:
    """Raises AdapterError."""
    process = source.runtime.process()
    slots = {version: slot for slot, version in versions_in(source.runtime.map(source.map)).items()}
    return _Seen(process.pid, process.uptime, slots, _rows(source))


def _rows(source: Source) -> dict[str, Counts]:
    found: dict[str, Counts] = {}
    counted = {f"{source.prefix}-{slot}{kind}" for slot in SLOTS for kind in (USERS, OWN)}
    try:
        for row in csv.DictReader(source.runtime.statistics().removeprefix("# ").splitlines()):
            if row["pxname"] in counted:
                answered = sum(int(row[name] or 0) for name in _CLASSES)
                counts = (answered, int(row["hrsp_5xx"] or 0), int(row["hrsp_4xx"] or 0))
                found[f"{row['pxname']}/{row['svname']}"] = counts
    except (KeyError, TypeError, ValueError, AttributeError, csv.Error) as error:
        raise AdapterError(f"HAProxy returned unreadable statistics: {error!r}") from None
    return found


def _rows_before(before: JsonObject | None, seen: _Seen) -> tuple[Mapping[str, Counts], str]:
    """From where to count, and a note. Raises AdapterError where the counters of the same process fell."""
    if before is None:
        return seen.rows, ""
    if whole_at(before, "pid") != seen.pid or whole_at(before, "uptime") > seen.uptime:
        return {}, "HAProxy restarted or was reloaded: counting from its start"
    had = {name: _counts(row) for name, row in entries(_row, before, "rows").items()}
    for name, counts in seen.rows.items():
        if name.endswith("/BACKEND") and any(
            now < was for now, was in zip(counts, had.get(name, _NOTHING), strict=True)
        ):
            raise AdapterError(
                "HAProxy's counters were set back while it ran (clear counters all): what versions did meanwhile "
                "cannot be known"
            )
    return had, ""


def _row(document: object, /, *path: str | int) -> list[int]:
    return each(whole_at, document, *path)


def _counts(row: Sequence[int]) -> Counts:
    requests, errors, refused = row
    return requests, errors, refused


def _observed(
    source: Source, version: str, seen: _Seen, had: Mapping[str, Counts], durations: Mapping[str, Histogram]
) -> Observation:
    slot = seen.slots.get(version)
    if slot is None:
        return Observation(version, 0, 0, refused=0)
    backend = f"{source.prefix}-{slot}{USERS}"
    requests, errors, refused = _since(f"{backend}/BACKEND", seen.rows, had)
    own = f"{source.prefix}-{slot}{OWN}/BACKEND"
    asked, failed, _ = _since(own, seen.rows, had)
    synthetic = RouteCounts(SYNTHETIC, asked, failed) if own in seen.rows else None
    instances = []
    for name in seen.rows:
        if name.startswith(f"{backend}/") and (address := address_of(name.removeprefix(f"{backend}/"))):
            answered, wrong, _ = _since(name, seen.rows, had)
            instances.append(InstanceCounts(f"{show_host(address[0])}:{address[1]}", answered, wrong))
    took = durations.get(backend, Histogram(BOUNDS, (0,) * (len(BOUNDS) + 1)) if source.log else EMPTY)
    return Observation(
        version, requests, errors, took, instances=tuple(instances), synthetic=synthetic, refused=refused
    )


def _since(name: str, rows: Mapping[str, Counts], had: Mapping[str, Counts]) -> Counts:
    """A server that was removed and added again counts from zero."""
    now, was = rows.get(name, _NOTHING), had.get(name, _NOTHING)
    if any(a < b for a, b in zip(now, was, strict=True)):
        return now
    return now[0] - was[0], now[1] - was[1], now[2] - was[2]


def _durations(
    source: Source, before: JsonObject | None, *, started: bool
) -> tuple[Mapping[str, Histogram], Json, str]:
    """Durations since the cursor, the log's next cursor, and why there are none."""
    if source.log is None:
        return {}, None, "no log, so no durations"
    place = find(before, "log") if before is not None else None
    try:
        if started or place is None:
            return {}, dict(source.log.end()), ""
        rows, following = source.log.since(object_at(place))
    except (NoLog, AdapterError) as error:
        return {}, place, f"no durations: {error}"
    return durations_in(rows), dict(following), ""


def _plus(one: Observation, other: Observation) -> Observation:
    synthetic = one.synthetic or other.synthetic
    if one.synthetic and other.synthetic:
        requests, errors = (
            one.synthetic.requests + other.synthetic.requests,
            one.synthetic.errors + other.synthetic.errors,
        )
        synthetic = RouteCounts(SYNTHETIC, requests, errors)
    return Observation(
        one.version,
        one.requests + other.requests,
        one.errors + other.errors,
        one.durations.plus(other.durations),
        instances=_together(one.instances, other.instances),
        synthetic=synthetic,
        refused=(one.refused or 0) + (other.refused or 0),
    )


def _together(one: Sequence[InstanceCounts], other: Sequence[InstanceCounts]) -> tuple[InstanceCounts, ...]:
    """Each instance once, however many HAProxys send to it."""
    counts: dict[str, tuple[int, int]] = {}
    for part in (*one, *other):
        requests, errors = counts.get(part.instance, (0, 0))
        counts[part.instance] = (requests + part.requests, errors + part.errors)
    return tuple(InstanceCounts(instance, *pair) for instance, pair in counts.items())
