"""What each variant of a flag did, as the instances themselves tell it on a page in Prometheus' text format.

Three series, with the labels `flag` and `variant` (`on`, `off`): `pilotage_variant_requests_total`,
`pilotage_variant_errors_total`, and the histogram `pilotage_variant_seconds`. Counters of an instance begin anew when
it does; the cursor keeps the last totals of each, by its id.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pilotage.adapters.http import get
from pilotage.adapters.metrics.samples import samples_of
from pilotage.adapters.ports import AdapterError
from pilotage.model.observation import EMPTY, Health, Histogram, Instance, Observation, Reading

_OURS = "pilotage_variant_"
_COUNTERS = {"requests_total": "requests", "errors_total": "errors"}
_AT_ONCE = 32
_MOST_PAGE = 4 << 20

Totals = dict[str, Any]


class VariantMetrics:
    """The Metrics port over the instances' own pages; a "version" here is a variant, `on` or `off`."""

    def __init__(self, instances: Callable[[], Sequence[Instance]], path: str, flag: str) -> None:
        self._instances, self._path, self._flag = instances, path, flag

    def observe(self, versions: Sequence[str], cursor: dict[str, Any] | None) -> Reading:
        asked = [i for i in self._instances() if i.health is Health.HEALTHY]
        if not asked:
            raise AdapterError("no healthy instance tells what the variants did")
        # Together: one that does not answer must not cost its time for each of them.
        with ThreadPoolExecutor(min(_AT_ONCE, len(asked))) as pool:
            pages = list(pool.map(lambda instance: self._totals(instance, versions), asked))
        now = {instance.id: page for instance, page in zip(asked, pages, strict=True)}
        before: dict[str, dict[str, Totals]] = (cursor or {}).get("totals", {})
        observations = []
        for version in versions:
            # What an instance did before it was first seen lies before the cursor.
            parts = [_since((before.get(i) or {}).get(version), found[version], cursor) for i, found in now.items()]
            durations = EMPTY
            for _, _, histogram in parts:
                durations = durations.plus(histogram)
            requests, errors = sum(r for r, _, _ in parts), sum(e for _, e, _ in parts)
            observations.append(Observation(version, requests, min(errors, requests), durations))
        return Reading(tuple(observations), {"totals": {**before, **now}}, time.time())

    def _totals(self, instance: Instance, versions: Sequence[str]) -> dict[str, Totals]:
        url = f"http://{instance.host}:{instance.port}{self._path}"
        page = get(url, most=_MOST_PAGE).decode(errors="replace")
        found: dict[str, Totals] = {v: {"requests": 0, "errors": 0, "buckets": {}} for v in versions}
        for name, labels, value in samples_of(page):
            if labels.get("flag") != self._flag or labels.get("variant") not in found:
                continue
            totals, kind = found[labels["variant"]], name.removeprefix(_OURS)
            if kind == "seconds_bucket" and _is_bound(labels.get("le", "")):
                totals["buckets"][labels["le"]] = int(value)
            elif kind in _COUNTERS and name.startswith(_OURS):
                totals[_COUNTERS[kind]] = int(value)
        return found


def _is_bound(text: str) -> bool:
    try:
        return float(text) >= 0
    except ValueError:
        return False


def _since(before: Totals | None, now: Totals, cursor: dict[str, Any] | None) -> tuple[int, int, Histogram]:
    if cursor is None:
        return 0, 0, _histogram({}, {})
    if before is None or before["requests"] > now["requests"]:
        before = {"requests": 0, "errors": 0, "buckets": {}}
    errors = max(0, now["errors"] - before["errors"])
    return now["requests"] - before["requests"], errors, _histogram(before["buckets"], now["buckets"])


def _histogram(before: dict[str, int], now: dict[str, int]) -> Histogram:
    """Cumulative buckets by their upper bound, as a histogram of what came in between."""
    if not now:
        return EMPTY
    bounds = sorted(now, key=float)
    new = [max(0, now[bound] - before.get(bound, 0)) for bound in bounds]
    counts = [max(0, b - a) for a, b in zip([0, *new], new, strict=False)]
    return Histogram(tuple(float(bound) for bound in bounds[:-1]), tuple(counts))
