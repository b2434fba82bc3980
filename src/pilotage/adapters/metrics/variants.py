"""What each variant of a flag did, as the instances themselves tell it on a page in Prometheus' text format.

Three series, with the labels `flag` and `variant` (`on`, `off`): `pilotage_variant_requests_total`,
`pilotage_variant_errors_total`, and the histogram `pilotage_variant_seconds`. Counters of an instance start again when
it does; the cursor keeps the last totals of each, by its id.

An instance may also say by which algorithm its users are divided (`pilotage_flag_bucketing`, label `algorithm`). Two
algorithms give one flag to different users, so counts of instances with different ones are none of the flag's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from pilotage.adapters.http import get
from pilotage.adapters.metrics.samples import samples_of
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import JsonObject, entries, find, object_at, read_as, text_at, whole_at
from pilotage.model.observation import EMPTY, Health, Histogram, Instance, Observation, Reading
from pilotage.model.settling import settled

_OURS = "pilotage_variant_"
_BUCKETING = "pilotage_flag_bucketing"
_AT_ONCE = 32
_MOST_PAGE = 4 << 20
_LONGEST_NAME = 32


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What an instance counted of one variant. buckets: durations, cumulative, by the upper bound as it was written."""

    requests: int = 0
    errors: int = 0
    buckets: Mapping[str, int] = field(default_factory=dict)


class VariantMetrics:
    """The Metrics port over the instances' own pages; a "version" here is a variant, `on` or `off`."""

    def __init__(self, instances: Callable[[], Sequence[Instance]], path: str, flag: str) -> None:
        self._instances, self._path, self._flag = instances, path, flag

    def observe(self, versions: Sequence[str], cursor: JsonObject | None) -> Reading:
        asked = [i for i in self._instances() if i.health is Health.HEALTHY]
        if not asked:
            raise AdapterError("no healthy instance reports metrics by variant")
        # Together: one that does not answer must not cost its time for each of them.
        with ThreadPoolExecutor(min(_AT_ONCE, len(asked))) as pool:
            texts = list(pool.map(self._page, asked))
        pages = [self._totals(text, versions) for text in texts]
        bucketing = self._bucketing(dict(zip((i.id for i in asked), texts, strict=True)), cursor)
        now = {instance.id: page for instance, page in zip(asked, pages, strict=True)}
        kept = object_at(cursor, "totals") if find(cursor, "totals") else {}
        waited, ahead = _waited(cursor), dict[str, int]()
        observations = []
        for version in versions:
            # Counts from before an instance was first seen are before the cursor.
            parts = [_since(_saved(kept, i, version), found[version], cursor) for i, found in now.items()]
            durations = EMPTY
            for _, _, histogram in parts:
                durations = durations.plus(histogram)
            requests = sum(r for r, _, _ in parts)
            errors, ahead[version] = settled(sum(e for _, e, _ in parts) + waited.get(version, 0), requests)
            observations.append(Observation(version, requests, errors, durations))
        following: JsonObject = {"totals": {**kept, **_plain(now)}, "ahead": {**waited, **ahead}, **bucketing}
        return Reading(tuple(observations), following, time.time())

    def _page(self, instance: Instance) -> str:
        url = f"http://{instance.host}:{instance.port}{self._path}"
        return get(url, most=_MOST_PAGE).decode(errors="replace")

    def _bucketing(self, pages: Mapping[str, str], cursor: JsonObject | None) -> JsonObject:
        """For the cursor: the one algorithm of all instances that name theirs. pages: by instance. Raises AdapterError
        if there are several, or another than before."""
        found = {one: self._algorithm(page) for one, page in pages.items()}
        named = {one: algorithm for one, algorithm in found.items() if algorithm}
        before = text_at(cursor, "bucketing") if find(cursor, "bucketing") else ""
        if len(set(named.values())) > 1:
            listed = ", ".join(f"{one}: {algorithm}" for one, algorithm in sorted(named.items()))
            raise AdapterError(
                f"instances divide the users of flag {self._flag} by different algorithms ({listed}), so users change "
                "sides between requests: run one version of flagd and of its provider everywhere"
            )
        now = next(iter(named.values()), before)
        if before and now != before:
            raise AdapterError(
                f"the users of flag {self._flag} were divided by the algorithm {before} and are by {now} now, so many "
                "changed sides: go back to the flagd and the provider of before, or abort and release again"
            )
        return {"bucketing": now} if now else {}

    def _algorithm(self, page: str) -> str:
        for name, labels, _ in samples_of(page):
            if name == _BUCKETING and labels.get("flag") == self._flag:
                algorithm = labels.get("algorithm", "")
                return algorithm if len(algorithm) <= _LONGEST_NAME and algorithm.isidentifier() else ""
        return ""

    def _totals(self, page: str, versions: Sequence[str]) -> dict[str, Totals]:
        found: dict[str, Totals] = {v: Totals() for v in versions}
        for name, labels, value in samples_of(page):
            if labels.get("flag") != self._flag or labels.get("variant") not in found:
                continue
            variant, kind = labels["variant"], name.removeprefix(_OURS)
            if kind == "seconds_bucket" and _is_bound(labels.get("le", "")):
                buckets = {**found[variant].buckets, labels["le"]: int(value)}
                found[variant] = replace(found[variant], buckets=buckets)
            elif kind == "requests_total" and name.startswith(_OURS):
                found[variant] = replace(found[variant], requests=int(value))
            elif kind == "errors_total" and name.startswith(_OURS):
                found[variant] = replace(found[variant], errors=int(value))
        return found


def _plain(pages: Mapping[str, Mapping[str, Totals]]) -> JsonObject:
    return {i: {variant: vars(totals) for variant, totals in page.items()} for i, page in pages.items()}


def _waited(cursor: JsonObject | None) -> dict[str, int]:
    """Errors, by variant, whose requests the last reading did not see yet. An earlier Pilotage kept none."""
    return entries(whole_at, cursor, "ahead") if find(cursor, "ahead") else {}


def _saved(kept: JsonObject, instance: str, variant: str) -> Totals | None:
    return None if find(kept, instance, variant) is None else read_as(Totals, kept, instance, variant)


def _is_bound(text: str) -> bool:
    try:
        return float(text) >= 0
    except ValueError:
        return False


def _since(before: Totals | None, now: Totals, cursor: JsonObject | None) -> tuple[int, int, Histogram]:
    if cursor is None:
        return 0, 0, _histogram({}, {})
    if before is None or before.requests > now.requests:
        before = Totals()
    errors = max(0, now.errors - before.errors)
    return now.requests - before.requests, errors, _histogram(before.buckets, now.buckets)


def _histogram(before: Mapping[str, int], now: Mapping[str, int]) -> Histogram:
    """Cumulative buckets by their upper bound, as a histogram of what came in between."""
    if not now:
        return EMPTY
    bounds = sorted(now, key=float)
    new = [max(0, now[bound] - before.get(bound, 0)) for bound in bounds]
    counts = [max(0, b - a) for a, b in zip([0, *new], new, strict=False)]
    return Histogram(tuple(float(bound) for bound in bounds[:-1]), tuple(counts))
