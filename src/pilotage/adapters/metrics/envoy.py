"""Counts from the embedded router's own statistics: requests, errors and durations per version, since a cursor.

Envoy's counters only grow while it runs, and start at zero when it starts; the cursor keeps the last totals and the
start they belong to, so that a restart is seen and nothing is counted twice or negatively. Envoy merges its histograms
after the answer it gives, so durations lag one reading behind the counts. Each version has a cluster for each stratum
of its traffic; those of users add up to the version, and the failures among them are in a log.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from pilotage.adapters.envoy_admin import BUCKETS_MS, CLUSTER, cluster_of, stratum_of, version_of
from pilotage.adapters.http import get, json_of, shown
from pilotage.adapters.metrics.envoy_hosts import hosts_of, hosts_since, saved_hosts
from pilotage.adapters.metrics.envoy_witnesses import refuse_set_back, witnesses_of
from pilotage.adapters.metrics.failure_log import FailureLog, NoLog
from pilotage.adapters.metrics.samples import Sample, samples_of
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.strata import SYNTHETIC, Failing, Strata
from pilotage.model.json import (
    JsonObject,
    each,
    entries,
    find,
    object_at,
    optional,
    whole_at,
)
from pilotage.model.observation import (
    EMPTY,
    REST,
    Failure,
    Histogram,
    InstanceCounts,
    Observation,
    Reading,
    RouteCounts,
)
from pilotage.model.settling import settled

_BOUNDS = tuple(bound / 1000 for bound in BUCKETS_MS)
_OF_CLUSTER = "envoy_cluster_"
_NAMES = r"upstream_rq_completed|upstream_rq_\dxx|upstream_rq_\d\d\d|upstream_rq_time|grpc\.\d+|grpc\.total"
_WITNESSES = r"http\.admin\.downstream_rq_total|cluster_manager\.cluster_added"
_FILTER = quote(rf"^cluster\.{CLUSTER}.*\.({_NAMES})$|^({_WITNESSES})$")

_LISTENER = re.compile(r"([\w.-]{1,256})::\S")
_MOST_LISTENERS = 1 << 20


class EnvoyMetrics:
    """The Metrics port over an Envoy. `admin` gives the address of its admin interface, again each time.

    directory: where the embedded router keeps its log of failures; None for an Envoy of someone else · ask: gives the
    body at an address of that interface, where it is not reached by HTTP from here.
    """

    def __init__(
        self,
        admin: Callable[[], str],
        strata: Strata | None = None,
        directory: Path | None = None,
        ask: Callable[[str], bytes] = get,
    ) -> None:
        self._admin, self._strata, self._ask = admin, strata or Strata(), ask
        self._log = FailureLog(directory, self._strata) if directory else None

    def observe(self, versions: Sequence[str], cursor: JsonObject | None) -> Reading:
        base = self._admin()
        # The listener is named again at each start of Envoy: that name is the start's identity.
        started = f"{base}/{_listener(base, self._ask(f'{base}/listeners'))}"
        if cursor is None:
            # Let Envoy merge what came before the cursor, otherwise it would be counted after it.
            self._ask(f"{base}/stats/prometheus?filter={_FILTER}")
            time.sleep(0.05)
        samples = list(samples_of(self._ask(f"{base}/stats/prometheus?filter={_FILTER}").decode(errors="replace")))
        totals, witnesses = self._totals(samples), witnesses_of(samples)
        hosts = hosts_of(json_of(self._ask(f"{base}/clusters?format=json"), shown(base)))
        failures, log, lost = self._failures(cursor)
        restarted = cursor is not None and find(cursor, "started") != started
        before = totals if cursor is None else {} if restarted else _saved(object_at(cursor, "totals"))
        if cursor is not None and not restarted:
            fell = any(name in before and total.requests < before[name].requests for name, total in totals.items())
            refuse_set_back(_part(cursor, "witnesses"), witnesses, fell=fell)
        hosts_before = hosts if cursor is None else {} if restarted else saved_hosts(cursor, hosts)
        counted = {name: total.since(before.get(name)) for name, total in totals.items()}
        did = {name: counts for name, (counts, _) in counted.items()}
        observations = tuple(
            self._observation(version, did, hosts_since(version, hosts_before, hosts)) for version in versions
        )
        kept = {**before, **{name: total for name, (_, total) in counted.items()}}
        following: JsonObject = {
            "started": started,
            "totals": {name: vars(total) for name, total in kept.items()},
            "hosts": {name: {**hosts_before.get(name, {}), **counts} for name, counts in hosts.items()},
            "log": log,
            "witnesses": witnesses,
        }
        note = "the router restarted: counting from its start" if restarted else ""
        return Reading(observations, following, time.time(), "; ".join(filter(None, (note, lost))), failures)

    def _totals(self, samples: Iterable[Sample]) -> dict[str, _Totals]:
        """What every cluster of a version did since the router's start, by the cluster's name. Raises AdapterError."""
        found: dict[str, list[tuple[str, dict[str, str], int]]] = {}
        for name, labels, value in samples:
            cluster = labels.get("envoy_cluster_name", "")
            if name.startswith(_OF_CLUSTER) and version_of(cluster):
                found.setdefault(cluster, []).append((name.removeprefix(_OF_CLUSTER), labels, int(value)))
        try:
            return {
                cluster: _total(lines, self._strata.failing_of(stratum_of(cluster))) for cluster, lines in found.items()
            }
        except (LookupError, ValueError) as error:
            raise AdapterError(f"Envoy returned unreadable statistics: {error!r}") from None

    def _observation(
        self, version: str, did: Mapping[str, _Counts], instances: tuple[InstanceCounts, ...]
    ) -> Observation:
        """What a version did: its users by route, their sum, and Pilotage's own requests. did: by cluster."""
        routes = {name: RouteCounts(name, 0, 0) for name in (*(r.path for r in self._strata.routes), REST)}
        synthetic, refused = None, 0
        for cluster, counts in did.items():
            if version_of(cluster) != version:
                continue
            if stratum_of(cluster) == SYNTHETIC:
                synthetic = RouteCounts(SYNTHETIC, counts.requests, counts.errors, counts.durations)
            elif name := self._strata.named(stratum_of(cluster)):
                routes[name] = _plus(routes[name], counts)
                refused += counts.refused
        parts = tuple(routes.values())
        every = RouteCounts("", 0, 0)
        for part in parts:
            every = _plus(every, part)
        shown = parts if self._strata.routes else ()
        durations = every.durations if every.durations is not EMPTY else Histogram(_BOUNDS, _ZERO.durations)
        return Observation(version, every.requests, every.errors, durations, shown, instances, synthetic, refused)

    def _failures(self, cursor: JsonObject | None) -> tuple[tuple[Failure, ...] | None, Mapping[str, int] | None, str]:
        """Users' failed requests since the cursor, the log's next cursor, and why there are none."""
        if self._log is None:
            return None, None, "no log of failed requests: this Envoy is not the embedded router"
        try:
            if cursor is None:
                return (), self._log.end(), ""
            if (place := _part(cursor, "log")) is None:
                return None, self._log.end(), "no log of failed requests up to now"
            failures, following = self._log.since(place)
        except NoLog as error:
            return None, _part(cursor, "log"), f"no log of failed requests: {error}"
        return failures, following, ""


def _listener(base: str, page: bytes) -> str:
    """The name of the listener that users reach, else of the first one. Raises AdapterError when something else
    answers there."""
    text = page[:_MOST_LISTENERS].decode(errors="replace")
    named = [found[1] for row in text.splitlines() if (found := _LISTENER.match(row))]
    if not named:
        raise AdapterError(f"{shown(base)} is not the admin interface of an Envoy")
    return next((name for name in named if name.startswith("users-")), named[0])


@dataclass(frozen=True)
class _Counts:
    """What one cluster did between two readings. refused: requests answered with 4xx."""

    requests: int
    errors: int
    durations: Histogram
    refused: int


@dataclass(frozen=True)
class _Totals:
    """Of one cluster since the router's start: requests answered, those that failed by their HTTP status, durations by
    bucket, gRPC calls, those that failed by their gRPC status, and requests answered with 4xx; None in a cursor of an
    earlier Pilotage. errors_ahead, refused_ahead: those whose requests the last reading did not see yet."""

    requests: int
    errors: int
    durations: tuple[int, ...]
    calls: int = 0
    failed_calls: int = 0
    refused: int | None = 0
    errors_ahead: int = 0
    refused_ahead: int = 0

    def since(self, before: _Totals | None) -> tuple[_Counts, _Totals]:
        """What happened since, and these totals with what is ahead of its request. A cluster that was not there counts
        from zero, and so does one made again."""
        waiting = before or _ZERO
        if before is None or before.requests > self.requests:
            before = _ZERO
        requests = self.requests - before.requests
        errors, errors_ahead = settled(self._errors_since(before) + waiting.errors_ahead, requests)
        more = 0 if before.refused is None else max(0, (self.refused or 0) - before.refused)
        refused, refused_ahead = settled(more + waiting.refused_ahead, requests)
        durations = tuple(max(0, b - a) for a, b in zip(before.durations, self.durations, strict=True))
        following = replace(self, errors_ahead=errors_ahead, refused_ahead=refused_ahead)
        return _Counts(requests, errors, Histogram(_BOUNDS, durations), refused), following

    def _errors_since(self, before: _Totals) -> int:
        """Failures by either status."""
        errors = max(0, self.errors - before.errors)
        calls, failed_calls = max(0, self.calls - before.calls), max(0, self.failed_calls - before.failed_calls)
        if not failed_calls:
            return errors
        # Envoy counts a call that reached no instance as a 503 and as UNAVAILABLE: as often as errors exceed the
        # requests that were no calls, they were such.
        return failed_calls + min(errors, max(0, self.requests - before.requests - calls))


_ZERO = _Totals(0, 0, (0,) * (len(_BOUNDS) + 1))


def _total(lines: Iterable[tuple[str, dict[str, str], int]], failing: Failing) -> _Totals:
    """A cluster's totals from its lines of Envoy's Prometheus page. Raises AdapterError."""
    requests = errors = calls = failed_calls = refused = 0
    cumulative: list[int] = []
    for name, labels, value in lines:
        if name == "upstream_rq_xx" and labels["envoy_response_code_class"] == "4":
            refused = value
        match name:
            case "upstream_rq_completed":
                requests = value
            case "upstream_rq_xx" if int(labels["envoy_response_code_class"]) in failing.classes:
                errors += value
            case "upstream_rq" if int(labels["envoy_response_code"]) in failing.statuses:
                errors += value
            case "upstream_rq_time_bucket":
                cumulative.append(value)
            case "grpc_total":
                calls = value
            case _ if name.startswith("grpc_") and int(name.removeprefix("grpc_")) in failing.grpc:
                failed_calls += value
    if cumulative and len(cumulative) != len(_BOUNDS) + 1:
        raise AdapterError("the latency buckets of Envoy differ from the configured ones")
    durations = tuple(b - a for a, b in zip([0, *cumulative], cumulative, strict=False))
    return _Totals(requests, errors, durations or _ZERO.durations, calls, failed_calls, refused)


def _part(cursor: JsonObject | None, part: str) -> Mapping[str, int] | None:
    """A part of the cursor that counts; None for the cursor of an earlier Pilotage, or of a time without it."""
    return entries(whole_at, cursor, part) if find(cursor, part) else None


def _saved(totals: JsonObject) -> dict[str, _Totals]:
    """Totals that went through JSON; a cursor of an earlier Pilotage has them by version."""
    return {
        name if version_of(name) else cluster_of(name): _Totals(
            whole_at(total, "requests"),
            whole_at(total, "errors"),
            tuple(each(whole_at, total, "durations")),
            optional(whole_at, total, "calls") or 0,
            optional(whole_at, total, "failed_calls") or 0,
            optional(whole_at, total, "refused"),
            optional(whole_at, total, "errors_ahead") or 0,
            optional(whole_at, total, "refused_ahead") or 0,
        )
        for name, total in totals.items()
    }


def _plus(counts: RouteCounts, more: RouteCounts | _Counts) -> RouteCounts:
    return RouteCounts(
        counts.route,
        counts.requests + more.requests,
        counts.errors + more.errors,
        counts.durations.plus(more.durations),
    )
