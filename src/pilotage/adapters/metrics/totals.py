"""Counters that only grow until their source starts again: what they say of the time since a cursor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pilotage.adapters.ports import AdapterError
from pilotage.model.json import Json, JsonObject, entries, object_at, whole_at
from pilotage.model.observation import EMPTY, Histogram

UNBOUNDED = "+Inf"


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Of one source of requests since its start. refused: answered with 4xx · buckets: requests by duration,
    cumulative, by the upper bound in seconds as it was written."""

    requests: int = 0
    errors: int = 0
    refused: int = 0
    buckets: Mapping[str, int] = field(default_factory=dict)

    def since(self, before: Totals | None) -> Totals:
        """What came after `before`. A source that was not there counts from zero, and so does one that started
        again."""
        if before is None or before.requests > self.requests:
            before = Totals()
        requests = self.requests - before.requests
        return Totals(
            requests=requests,
            errors=min(requests, max(0, self.errors - before.errors)),
            refused=min(requests, max(0, self.refused - before.refused)),
            buckets={bound: max(0, count - before.buckets.get(bound, 0)) for bound, count in self.buckets.items()},
        )

    @property
    def durations(self) -> Histogram:
        if not self.buckets:
            return EMPTY
        bounds = sorted((bound for bound in self.buckets if bound != UNBOUNDED), key=float)
        cumulative = [self.buckets[bound] for bound in bounds]
        cumulative.append(max([self.buckets.get(UNBOUNDED, 0), *cumulative]))
        counts = [max(0, b - a) for a, b in zip([0, *cumulative], cumulative, strict=False)]
        return Histogram(tuple(float(bound) for bound in bounds), tuple(counts))


def added(parts: Iterable[Totals]) -> Totals:
    """All of them together. Raises AdapterError where their durations cannot be added."""
    requests = errors = refused = 0
    buckets: dict[str, int] = {}
    for part in parts:
        requests, errors, refused = requests + part.requests, errors + part.errors, refused + part.refused
        if buckets and part.buckets and buckets.keys() != part.buckets.keys():
            raise AdapterError("histograms of durations have different buckets, so they cannot be added")
        for bound, count in part.buckets.items():
            buckets[bound] = buckets.get(bound, 0) + count
    return Totals(requests=requests, errors=errors, refused=refused, buckets=buckets)


def as_json(totals: Mapping[str, Totals]) -> dict[str, Json]:
    """For a cursor."""
    return {
        name: {"n": one.requests, "e": one.errors, "r": one.refused, "b": dict(one.buckets)}
        for name, one in totals.items()
    }


def saved(cursor: JsonObject, part: str = "totals") -> dict[str, Totals]:
    """Totals that went through JSON. Raises WrongJson."""
    return {
        name: Totals(
            requests=whole_at(one, "n"),
            errors=whole_at(one, "e"),
            refused=whole_at(one, "r"),
            buckets=entries(whole_at, one, "b"),
        )
        for name, one in object_at(cursor, part).items()
    }
