"""What a configuration of Traefik's means: the split and the instances of one service. Pure.

It reads what Traefik reports (`/api/rawdata`) and what stands in our file alike: routers and services by name, in the
first with `@file` behind each name.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from urllib.parse import urlsplit

from pilotage.adapters.envoy_admin import version_of
from pilotage.adapters.routers.traefik_config import CLOSED, MIRRORED, USERS, version_in
from pilotage.adapters.strata import TESTERS
from pilotage.model.json import Json, JsonObject, WrongJson, find, list_at, object_at, optional, text_at, whole_at
from pilotage.model.traffic import HeaderRoute, Mirror, Split

_STRING = r'"(?:[^"\\]|\\.)*"'
_TESTER = re.compile(rf"&& Header\(({_STRING}), ({_STRING})\)$")


def ours_in(found: Json, prefix: str) -> JsonObject:
    """Routers and services with this prefix, without it and without the name of their provider."""
    http = find(found, "http")
    whole = found if http is None else http
    return {
        kind: {
            name.partition("@")[0].removeprefix(f"{prefix}."): value
            for name, value in (optional(object_at, whole, kind) or {}).items()
            if name.startswith(f"{prefix}.") and name.partition("@")[2] in ("", "file")
        }
        for kind in ("routers", "services")
    }


def split_of(ours: JsonObject, prefix: str) -> Split | None:
    """The split; None where there is no router for users. Raises ValueError where that is not one of ours."""
    router = find(ours, "routers", USERS)
    if router is None:
        return None
    if errors := find(router, "error"):
        raise WrongJson(f"Traefik refuses the router {prefix}.{USERS}: {_said(errors)}")
    services = object_at(ours, "services")
    weights = _weights(services, prefix, USERS)
    if not weights:
        raise WrongJson(f"the service {prefix}.{USERS} is missing or leads nowhere")
    closed = text_at(router, "service") == f"{prefix}.{CLOSED}"
    mirrored = find(services, MIRRORED) is not None and not closed
    return Split(
        tuple(weights.items()),
        tuple(_testers(ours, prefix)),
        next((Mirror(v, share) for v, share in _weights(services, prefix, MIRRORED).items()), None)
        if mirrored
        else None,
        closed,
    )


def endpoints_of(ours: JsonObject) -> dict[str, frozenset[tuple[str, int]]]:
    """The instances of each version. Raises ValueError."""
    found: dict[str, frozenset[tuple[str, int]]] = {}
    for name, service in object_at(ours, "services").items():
        if version := version_in(name):
            servers = optional(list_at, service, "loadBalancer", "servers") or []
            addresses = frozenset(_address(text_at(server, "url")) for server in servers)
            found[version] = found.get(version, frozenset()) | addresses
    return found


def _weights(services: Mapping[str, Json], prefix: str, name: str) -> dict[str, int]:
    """The share of each version in a weighted service, also through buckets."""
    shares: Counter[str] = Counter()
    for child in optional(list_at, services, name, "weighted", "services") or ():
        called = text_at(child, "name")
        if (leads := find(services, called.removeprefix(f"{prefix}."), "mirroring", "service")) is not None:
            called = str(leads)
        if version := version_of(called.removeprefix(f"{prefix}.")):
            shares[version] += optional(whole_at, child, "weight") or 1
    return dict(shares)


def _testers(ours: JsonObject, prefix: str) -> list[HeaderRoute]:
    found: list[tuple[int, HeaderRoute]] = []
    for name, router in object_at(ours, "routers").items():
        kind, _, index = name.partition("-")
        matched = _TESTER.search(text_at(router, "rule"))
        version = version_of(text_at(router, "service").removeprefix(f"{prefix}."))
        if kind == TESTERS and matched and version:
            found.append((int(index), HeaderRoute(json.loads(matched[1]), json.loads(matched[2]), version)))
    return [route for _, route in sorted(found, key=lambda one: one[0])]


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.hostname is None or parts.port is None:
        raise WrongJson(f"{url!r} is no address of an instance")
    return parts.hostname, parts.port


def _said(errors: Json) -> str:
    return "; ".join(map(str, errors)) if isinstance(errors, list) else str(errors)
