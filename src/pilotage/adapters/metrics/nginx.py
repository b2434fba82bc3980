"""Counts from an access log of nginx: requests, errors, durations, routes, instances, and whose requests failed.

Each line is a JSON object in the format that the router of kind nginx writes; docs/guides/load-balancers.md has it for
an nginx of others. Durations are those of the instance's answer: a user who reads slowly makes no version slow.
"""

from __future__ import annotations

import json
import math
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from pilotage.adapters.envoy_admin import BUCKETS_MS
from pilotage.adapters.metrics.rotated_log import Lines, RotatedLog
from pilotage.adapters.strata import SYNTHETIC, Failing, Strata
from pilotage.model.grpc import STATUSES
from pilotage.model.json import JsonObject, object_at
from pilotage.model.observation import (
    REST,
    Failure,
    Histogram,
    InstanceCounts,
    Observation,
    Reading,
    RouteCounts,
)

_BOUNDS = tuple(bound / 1000 for bound in BUCKETS_MS)
_LONGEST_PATH, _LONGEST_INSTANCE = 200, 100
_CLOSED_BY_CLIENT, _SWITCHED = 499, 101
_MOST_INSTANCES = 1000


class NginxMetrics:
    """The Metrics port over the logs of one nginx or several, whose figures add up. logs: by name, as they are now."""

    def __init__(self, logs: Callable[[], Mapping[str, RotatedLog]], strata: Strata) -> None:
        self._logs, self._strata = logs, strata

    def observe(self, versions: Sequence[str], cursor: JsonObject | None) -> Reading:
        tallies = {version: _Tally() for version in versions}
        before = object_at(cursor, "logs") if cursor is not None else {}
        after: dict[str, JsonObject] = {}
        failures: list[Failure] = []
        notes: list[str] = []
        for name, log in self._logs().items():
            found = log.since(object_at(before, name)) if name in before else Lines((), log.end())
            after[name] = found.cursor
            failed, note = self._count(found, tallies)
            failures += failed
            notes += [f"{name}: {one}" if name else one for one in note]
        observations = tuple(tally.observation(version, self._strata) for version, tally in tallies.items())
        return Reading(observations, {"logs": after}, time.time(), "; ".join(notes), tuple(failures))

    def _count(self, found: Lines, tallies: Mapping[str, _Tally]) -> tuple[list[Failure], Sequence[str]]:
        """Add lines to the tallies of their versions. Returns users' failures, and what is to be said."""
        failures: list[Failure] = []
        broken, unnamed = found.torn, False
        for line, place in found.lines:
            if (said := _read(line)) is None:
                broken += 1
            elif (tally := tallies.get(said.version)) is not None:
                failing = tally.add(said, self._strata)
                if failing is not None:
                    failures.append(_failure(said, failing, self._strata, place))
                    unnamed = unnamed or not said.user
        return failures, _notes(found, broken, unnamed=unnamed)


def _notes(found: Lines, broken: int, *, unnamed: bool) -> Sequence[str]:
    notes = []
    if found.lost:
        notes.append("the log was rotated and what was in between is gone: some requests are not counted")
    if broken:
        lines = "line" if broken == 1 else "lines"
        notes.append(f"{broken} {lines} of the log cannot be read: what they count is unknown")
    if found.behind:
        notes.append(f"{found.behind >> 20} MB of the log are still to be read")
    if unnamed:
        notes.append("the log names no users, so each failed request counts as another user's")
    return notes


# ── lines ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Said:
    """What a line says. kind: `synthetic`, `testers`, or empty for users · seconds: None where no instance answered."""

    version: str
    kind: str
    status: int
    seconds: float | None
    path: str
    method: str
    instance: str
    user: str
    grpc: int | None
    at: float


def _read(line: bytes) -> _Said | None:
    """None for a line that is torn, or of another format."""
    try:
        said = json.loads(line.decode(errors="replace"))
        texts = {name: said[name] for name in ("version", "kind", "path", "method", "instance", "user", "grpc")}
        if not all(isinstance(text, str) for text in texts.values()):
            return None
        status, at = int(said["status"]), float(said["at"])
        grpc = int(texts["grpc"]) if texts["grpc"] else None
        seconds = _seconds(str(said["seconds"]))
        if not (100 <= status <= 599 and math.isfinite(at)):
            return None
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return None
    # Of several tries the last one answered.
    texts["instance"] = texts["instance"].replace(" : ", ", ").rpartition(", ")[2][:_LONGEST_INSTANCE]
    return _Said(**{**texts, "grpc": grpc}, status=status, seconds=seconds, at=at)


def _seconds(text: str) -> float | None:
    """`0.012`, of several tries `0.001, 0.012`. Raises ValueError."""
    tries = [float(part) for part in text.replace(" : ", ", ").split(", ") if part not in ("", "-")]
    if not all(math.isfinite(one) and one >= 0 for one in tries):
        raise ValueError(text)
    return sum(tries) if tries else None


# ── counting ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Counts:
    requests: int = 0
    errors: int = 0
    durations: list[int] = field(default_factory=lambda: [0] * (len(_BOUNDS) + 1))

    def add(self, said: _Said, *, failed: bool) -> None:
        self.requests += 1
        self.errors += failed
        # A WebSocket takes as long as its user stays.
        if said.seconds is not None and said.status != _SWITCHED:
            self.durations[bisect_left(_BOUNDS, said.seconds)] += 1

    @property
    def histogram(self) -> Histogram:
        return Histogram(_BOUNDS, tuple(self.durations))


@dataclass
class _Tally:
    """One version's."""

    users: _Counts = field(default_factory=_Counts)
    synthetic: _Counts = field(default_factory=_Counts)
    routes: dict[str, _Counts] = field(default_factory=dict)
    instances: dict[str, list[int]] = field(default_factory=dict)
    refused: int = 0

    def add(self, said: _Said, strata: Strata) -> Failing | None:
        """Count a line. Returns by what it failed, if it is a failed request of a user."""
        if said.kind == SYNTHETIC:
            self.synthetic.add(said, failed=strata.failing.has(said.status, said.grpc))
        if said.kind:
            return None
        name, failing = _route_of(said.path, strata)
        failed = failing.has(said.status, said.grpc)
        self.users.add(said, failed=failed)
        self.routes.setdefault(name, _Counts()).add(said, failed=failed)
        self.refused += said.status // 100 == 4 and said.status != _CLOSED_BY_CLIENT
        if said.instance in self.instances or len(self.instances) < _MOST_INSTANCES:
            counts = self.instances.setdefault(said.instance, [0, 0])
            counts[0], counts[1] = counts[0] + 1, counts[1] + failed
        return failing if failed else None

    def observation(self, version: str, strata: Strata) -> Observation:
        names = [*(route.path for route in strata.routes), REST] if strata.routes else []
        counted = [(name, self.routes.get(name) or _Counts()) for name in names]
        return Observation(
            version,
            self.users.requests,
            self.users.errors,
            self.users.histogram,
            tuple(RouteCounts(name, one.requests, one.errors, one.histogram) for name, one in counted),
            tuple(InstanceCounts(name, *counts) for name, counts in sorted(self.instances.items()) if name),
            RouteCounts(SYNTHETIC, self.synthetic.requests, self.synthetic.errors, self.synthetic.histogram),
            self.refused,
        )


def _route_of(path: str, strata: Strata) -> tuple[str, Failing]:
    """The first route whose path the request's starts with, segment by segment."""
    for route in strata.routes:
        if path == route.path or path.startswith(route.path.rstrip("/") + "/"):
            return route.path, route.failing
    return REST, strata.failing


def _failure(said: _Said, failing: Failing, strata: Strata, place: str) -> Failure:
    by_grpc = said.grpc is not None and said.grpc in failing.grpc
    shown = STATUSES[said.grpc] if by_grpc and said.grpc is not None else str(said.status)
    user = int(blake2b((said.user or place).encode(), digest_size=8).hexdigest(), 16)
    route, _ = _route_of(said.path, strata)
    method = said.method[:20]
    return Failure(said.version, user, route, shown, said.instance, method, said.path[:_LONGEST_PATH], said.at)
