"""Counts from the embedded router's own statistics: requests, errors and durations per version, since a cursor.

Envoy's counters only grow while it runs, and begin at zero when it starts; the cursor keeps the last totals and
the start they belong to, so that a restart is seen and nothing is counted twice or negatively. Envoy merges its
histograms after the answer it gives, so durations lag one reading behind the counts.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pilotage.adapters.envoy_admin import BUCKETS_MS, CLUSTER, cluster_of
from pilotage.adapters.http import get
from pilotage.adapters.ports import AdapterError
from pilotage.model.observation import Histogram, Observation, Reading

_BOUNDS = tuple(bound / 1000 for bound in BUCKETS_MS)
_FILTER = quote(rf"^cluster\.{CLUSTER}.*\.(upstream_rq_completed|upstream_rq_5xx|upstream_rq_time)$")
_LINE = re.compile(r"envoy_cluster_(upstream_rq_\w+)\{(.*)\} (\d+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


class EnvoyMetrics:
    """The Metrics port over an Envoy. `admin` gives `host:port` of its admin interface, anew each time."""

    def __init__(self, admin: Callable[[], str]) -> None:
        self._admin = admin

    def observe(self, versions: Sequence[str], cursor: dict[str, Any] | None) -> Reading:
        base = f"http://{self._admin()}"
        # The listener is named anew at each start of Envoy: that name is the start's identity.
        started = f"{base}/{_listener(base)}"
        if cursor is None:
            # Let Envoy merge what lies before the cursor, or it would be counted after it.
            get(f"{base}/stats/prometheus?filter={_FILTER}")
            time.sleep(0.05)
        statistics = get(f"{base}/stats/prometheus?filter={_FILTER}").decode(errors="replace")
        totals = {version: _totals(statistics, version) for version in versions}
        restarted = cursor is not None and cursor["started"] != started
        before = {} if cursor is None or restarted else cursor["totals"]
        observations = tuple(
            _since(version, totals[version] if cursor is None else _saved(before.get(version)), totals[version])
            for version in versions
        )
        kept = {**before, **{version: vars(total) for version, total in totals.items()}}
        note = "the router restarted: counting from its start" if restarted else ""
        return Reading(observations, {"started": started, "totals": kept}, time.time(), note)


def _listener(base: str) -> str:
    """The name of Envoy's first listener. Raises AdapterError when something else answers there."""
    text = get(f"{base}/listeners").decode(errors="replace")
    named = re.match(r"([\w.-]+)::\S+", text)
    if named is None:
        raise AdapterError(f"{base} does not answer as an Envoy's admin interface does")
    return named[1]


@dataclass(frozen=True)
class _Totals:
    """Since the router's start: requests answered, 5xx among them, and durations by bucket."""

    requests: int
    errors: int
    durations: tuple[int, ...]


_ZERO = _Totals(0, 0, (0,) * (len(_BOUNDS) + 1))


def _totals(statistics: str, version: str) -> _Totals:
    """A version's totals from Envoy's Prometheus page; zeros while it has none. Raises AdapterError."""
    requests = errors = 0
    cumulative: list[int] = []
    for name, labels_text, value in _LINE.findall(statistics):
        labels = dict(_LABEL.findall(labels_text))
        if labels.get("envoy_cluster_name") != cluster_of(version):
            continue
        match name:
            case "upstream_rq_completed":
                requests = int(value)
            case "upstream_rq_xx" if labels.get("envoy_response_code_class") == "5":
                errors = int(value)
            case "upstream_rq_time_bucket":
                cumulative.append(int(value))
    if cumulative and len(cumulative) != len(_BOUNDS) + 1:
        raise AdapterError("Envoy shows other latency buckets than Pilotage configured")
    durations = tuple(b - a for a, b in zip([0, *cumulative], cumulative, strict=False))
    return _Totals(requests, errors, durations or _ZERO.durations)


def _saved(before: dict[str, Any] | None) -> _Totals:
    return _Totals(before["requests"], before["errors"], tuple(before["durations"])) if before else _ZERO


def _since(version: str, before: _Totals, total: _Totals) -> Observation:
    if before.requests > total.requests:
        before = _ZERO
    requests = total.requests - before.requests
    durations = tuple(max(0, b - a) for a, b in zip(before.durations, total.durations, strict=True))
    # Envoy counts the class a moment before the completion: never more errors than requests.
    errors = min(max(0, total.errors - before.errors), requests)
    return Observation(version, requests, errors, Histogram(_BOUNDS, durations))
