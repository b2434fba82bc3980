"""Splits, instances and counts as a program reads and writes them: percent, seconds, `host:port`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pilotage.adapters.ports import AdapterError, Backends
from pilotage.model.flag import Ramp
from pilotage.model.observation import EMPTY, Health, Histogram, Instance, Observation
from pilotage.model.traffic import HeaderRoute, Mirror, Split

_T = TypeVar("_T")


def understood(reader: Callable[[Any], _T], value: Any, what: str) -> _T:
    """What `reader` makes of an answer. Raises AdapterError, which says what could not be understood."""
    try:
        return reader(value)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise AdapterError(f"{what} cannot be understood: {why}") from None


def percent(permille: int) -> float:
    return permille / 10


def permille(percent: Any) -> int:
    """Raises ValueError for what is finer than 0.1 %."""
    found = round(float(percent) * 10)
    if isinstance(percent, bool) or abs(found - float(percent) * 10) > 1e-6:
        raise ValueError(f"{percent} is no share in percent with one decimal")
    return found


def split_out(split: Split) -> dict[str, Any]:
    return {
        "weights": {version: percent(weight) for version, weight in split.weights},
        "header_routes": [vars(route) for route in split.header_routes],
        "mirror": {"version": split.mirror.version, "share": percent(split.mirror.share)} if split.mirror else None,
        "closed": split.closed,
    }


def split_in(given: Any) -> Split | None:
    if given is None:
        return None
    mirror = given.get("mirror")
    return Split(
        tuple((str(version), permille(weight)) for version, weight in given["weights"].items() if weight),
        tuple(HeaderRoute(**route) for route in given.get("header_routes", ())),
        Mirror(mirror["version"], permille(mirror["share"])) if mirror else None,
        closed=bool(given.get("closed", False)),
    )


def backends_out(backends: Backends) -> dict[str, list[str]]:
    return {version: [f"{host}:{port}" for host, port in sorted(found)] for version, found in backends.items()}


def endpoints_in(given: Any) -> dict[str, frozenset[tuple[str, int]]] | None:
    if given is None:
        return None
    return {str(version): frozenset(_socket(one) for one in addresses) for version, addresses in given.items()}


def _socket(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def instances_in(given: Any) -> tuple[Instance, ...]:
    return tuple(_instance(one) for one in given)


def _instance(one: Mapping[str, Any]) -> Instance:
    host, port = _socket(one["address"])
    return Instance(
        str(one.get("id", one["address"])),
        str(one["version"]),
        host,
        port,
        Health(one["health"]),
        memory=one.get("memory_bytes"),
        detail=str(one.get("detail", "")),
        cpu=one.get("cpu_seconds"),
    )


def ramp_out(ramp: Ramp) -> dict[str, Any]:
    return {"groups": list(ramp.groups), "share": percent(ramp.share)}


def ramp_in(given: Any) -> Ramp:
    return Ramp(tuple(str(group) for group in given.get("groups", ())), permille(given["share"]))


Totals = Mapping[str, Any]
"""Of one version since the source's start: `requests`, `errors`, `durations` with `bounds` (seconds) and `counts`."""


def totals_in(given: Any) -> dict[str, Totals]:
    found: dict[str, Totals] = {}
    for version, one in given.items():
        durations = one.get("durations") or vars(EMPTY)
        kept = {name: [*durations[name]] for name in ("bounds", "counts")}
        Histogram.of(kept)
        found[str(version)] = {"requests": int(one["requests"]), "errors": int(one["errors"]), "durations": kept}
    return found


def since(version: str, before: Totals | None, now: Totals) -> Observation:
    """What a version did between two readings. Raises ValueError for counters that were set back."""
    requests, errors = (now[name] - (before[name] if before else 0) for name in ("requests", "errors"))
    counts: Sequence[int] = now["durations"]["counts"]
    if before and before["durations"]["bounds"] == now["durations"]["bounds"]:
        counts = [new - old for new, old in zip(counts, before["durations"]["counts"], strict=True)]
    if min(requests, errors, *counts) < 0:
        raise ValueError(f"the counters of {version} were set back, and `started` is the same")
    return Observation(version, requests, errors, Histogram(tuple(now["durations"]["bounds"]), tuple(counts)))
