"""Splits, instances and counts as a program reads and writes them: percent, seconds, `host:port`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pilotage.adapters.ports import AdapterError, Backends
from pilotage.model.flag import Ramp
from pilotage.model.json import (
    Json,
    JsonObject,
    each,
    find,
    list_at,
    number_at,
    object_at,
    optional,
    read_as,
    text_at,
    whole_at,
)
from pilotage.model.observation import EMPTY, Health, Histogram, Instance, Observation
from pilotage.model.segment import Segment
from pilotage.model.traffic import Cohort, HeaderRoute, Mirror, Split, percent

_T = TypeVar("_T")


def understood(reader: Callable[[Json], _T], value: Json, what: str) -> _T:
    """What `reader` makes of an answer. Raises AdapterError, which names the part that cannot be understood."""
    try:
        return reader(value)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise AdapterError(f"cannot read {what}: {why}") from None


def permille(percent: Json) -> int:
    """Raises ValueError for what is no number, or finer than 0.1 %."""
    if not isinstance(percent, int | float | str):
        raise ValueError(f"{percent} is not a percentage")
    found = round(float(percent) * 10)
    if isinstance(percent, bool) or abs(found - float(percent) * 10) > 1e-6:
        raise ValueError(f"{percent} is not a percentage with one decimal")
    return found


def split_out(split: Split) -> JsonObject:
    return {
        "weights": {version: percent(weight) for version, weight in split.weights},
        "header_routes": [vars(route) for route in split.header_routes],
        "mirror": {"version": split.mirror.version, "weight_percent": percent(split.mirror.share)}
        if split.mirror
        else None,
        "closed": split.closed,
        "cohort": {**vars(split.cohort), "members": list(split.cohort.members)} if split.cohort else None,
    }


def split_in(given: Json) -> Split | None:
    if given is None:
        return None
    mirror = find(given, "mirror")
    return Split(
        tuple((str(version), permille(weight)) for version, weight in object_at(given, "weights").items() if weight),
        tuple(read_as(HeaderRoute, route) for route in optional(list_at, given, "header_routes") or ()),
        Mirror(text_at(mirror, "version"), permille(find(mirror, "weight_percent"))) if mirror else None,
        closed=bool(find(given, "closed")),
        cohort=_cohort(found) if (found := find(given, "cohort")) else None,
    )


def _cohort(given: Json) -> Cohort:
    """Its digest says who they are: members are not repeated at every look."""
    header, version, digest = (text_at(given, name) for name in ("header", "version", "digest"))
    return Cohort(header=header, version=version, digest=digest, size=whole_at(given, "size"))


def backends_out(backends: Backends) -> dict[str, list[str]]:
    return {version: [f"{host}:{port}" for host, port in sorted(found)] for version, found in backends.items()}


def endpoints_in(given: Json) -> dict[str, frozenset[tuple[str, int]]] | None:
    if given is None:
        return None
    return {version: frozenset(map(_socket, each(text_at, found))) for version, found in object_at(given).items()}


def _socket(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def instances_in(given: Json) -> tuple[Instance, ...]:
    return tuple(_instance(one) for one in list_at(given))


def _instance(one: Json) -> Instance:
    address = text_at(one, "address")
    host, port = _socket(address)
    return Instance(
        str(find(one, "id") or address),
        text_at(one, "version"),
        host,
        port,
        Health(text_at(one, "health")),
        memory=optional(whole_at, one, "memory_bytes"),
        detail=str(find(one, "detail") or ""),
        cpu=optional(number_at, one, "cpu_seconds"),
    )


def ramp_out(ramp: Ramp) -> JsonObject:
    return {"groups": list(ramp.groups), "weight_percent": percent(ramp.share)}


def segments_out(ramp: Ramp, segment_of: Callable[[str], Segment]) -> JsonObject:
    """The rule of each name in a ramp's groups: conditions that must all hold."""
    return {
        name: [
            {"attribute": one.attribute, "operator": one.operator.value, "values": list(one.values)}
            for one in segment_of(name).conditions
        ]
        for name in ramp.groups
    }


def ramp_in(given: Json) -> Ramp:
    groups = optional(list_at, given, "groups") or ()
    return Ramp(tuple(str(group) for group in groups), permille(find(given, "weight_percent")))


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Of one version since the source's start. durations: in seconds."""

    requests: int
    errors: int
    durations: Histogram = EMPTY

    def to_json(self) -> JsonObject:
        return {"requests": self.requests, "errors": self.errors, "durations": vars(self.durations)}


def totals_in(given: Json) -> dict[str, Totals]:
    return {version: _totals(one) for version, one in object_at(given).items()}


def _totals(one: Json) -> Totals:
    durations = Histogram.of(one, "durations") if find(one, "durations") else EMPTY
    return Totals(requests=whole_at(one, "requests"), errors=whole_at(one, "errors"), durations=durations)


def since(version: str, before: Totals | None, now: Totals) -> Observation:
    """What a version did between two readings. Raises ValueError for counters that were set back."""
    requests, errors = now.requests - (before.requests if before else 0), now.errors - (before.errors if before else 0)
    counts = now.durations.counts
    if before and before.durations.bounds == now.durations.bounds:
        counts = tuple(new - old for new, old in zip(counts, before.durations.counts, strict=True))
    if min(requests, errors, *counts) < 0:
        raise ValueError(f"the counters of {version} went down without a new `started`")
    return Observation(version, requests, errors, Histogram(now.durations.bounds, counts))
