"""A split, as what a load balancer at Cloudflare and its pools should say. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from pilotage.adapters.routers.cloudflare_state import (
    GRAIN,
    RANDOM,
    RULE,
    Origin,
    Pool,
    Settings,
    Sticky,
    digest_of,
    is_ours,
    mark_of,
    origin_at,
    rules_of,
)
from pilotage.model.json import JsonObject, each, find, text_at
from pilotage.model.traffic import Split

_RULE_LONGEST = 200
_LEAVES = " leaves"
"""Ends the name of an origin that Pilotage disabled. One that a person disabled keeps its name, and stays disabled."""


def pool_name(settings: Settings, version: str) -> str:
    """Letters, digits, hyphens and underscores, for this service, environment and version alone."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", settings.owner)[:60]
    return f"pilotage-{plain}-{digest_of(f'{settings.owner} {version}')}"


def pool_content(settings: Settings, version: str, origins: Sequence[JsonObject]) -> JsonObject:
    """A new pool."""
    more = {"monitor": settings.monitor} if settings.monitor else {}
    return {
        "name": pool_name(settings, version),
        "description": described("", settings.owner, version),
        "enabled": True,
        "minimum_origins": 1,
        "origins": list(origins),
        **more,
    }


def described(before: str, owner: str, version: str = "") -> str:
    """A pool's description with its version, or without one. before: the present one."""
    mark = mark_of(owner)
    written = (before.rpartition(mark)[0] if mark in before else before).rstrip()
    return f"{written} {mark}{quote(version, safe='')}".lstrip() if version else written


def origins_for(settings: Settings, places: Iterable[Origin], present: Pool | None, now: float) -> list[JsonObject]:
    """The origins of a pool so that users get to these places. What somebody set at an origin stays. With a drain, one
    that leaves is disabled first, and removed when its users have left. now: Unix seconds."""
    drain = settings.sticky.drain if settings.sticky else 0.0
    wanted = dict.fromkeys(places)
    back = {public: host for host, public in (settings.addresses or {}).items()}
    kept: list[JsonObject] = []
    for raw in raw_origins(present):
        address, port, _, is_on = origin_at(raw)
        if wanted.pop(place := (back.get(address, address), port), place) is None:
            kept.append({**raw, "enabled": True, "name": _origin_name(address, port)} if _left_by_us(raw) else raw)
        elif drain and is_on:
            kept.append({**raw, "enabled": False, "name": f"{_origin_name(address, port)}{_LEAVES}"})
        elif drain and _left_by_us(raw) and present and present.leaving.get(place, 0.0) + drain > now:
            kept.append(raw)
    return kept + [_new_origin(settings, place) for place in wanted]


def _left_by_us(raw: JsonObject) -> bool:
    return str(find(raw, "name")).endswith(_LEAVES) and find(raw, "enabled") is False


def raw_origins(pool: Pool | None) -> list[JsonObject]:
    """As they can be sent back: without what Cloudflare alone sets."""
    found = find(pool.raw, "origins") if pool else None
    whole = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
    return [{name: value for name, value in one.items() if name != "disabled_at"} for one in whole]


def _new_origin(settings: Settings, place: Origin) -> JsonObject:
    host, port = place
    address = (settings.addresses or {}).get(host, host)
    network: JsonObject = {"virtual_network_id": settings.network} if settings.network else {}
    header: JsonObject = {"header": {"Host": [settings.host]}} if settings.host else {}
    name = _origin_name(address, port)
    return {"name": name, "address": address, "port": port, "enabled": True, "weight": 1, **network, **header}


def _origin_name(address: str, port: int) -> str:
    return f"{address}:{port}"


def weights_for(split: Split) -> dict[str, int]:
    """Hundredths of each version, which sum to a hundred. A split that is finer is rounded to what Cloudflare knows;
    no version loses all."""
    shares = {version: max(1, weight // GRAIN) for version, weight in split.weights}
    order = sorted(split.weights, key=lambda one: (-(one[1] % GRAIN), -one[1]))
    for version, _ in order * 2:
        if (missing := 100 - sum(shares.values())) > 0:
            shares[version] += 1
        elif missing < 0 and shares[version] > 1:
            shares[version] -= 1
    return shares


def led(balancer: JsonObject, weights: Mapping[str, int], ours: Iterable[str]) -> JsonObject:
    """The properties that lead users by these weights (pool to hundredths). ours: ids of all our pools. What the load
    balancer says of other pools stays."""
    mine = {*ours, *weights}
    others = [pool for pool in each(text_at, balancer, "default_pools") if pool not in mine]
    steering = find(balancer, "random_steering") or {}
    given = find(steering, "pool_weights") or {}
    kept = {pool: weight for pool, weight in given.items() if pool not in mine} if isinstance(given, Mapping) else {}
    shares = {pool: weight / 100 for pool, weight in weights.items()}
    steered = {**steering, "pool_weights": {**kept, **shares}} if isinstance(steering, Mapping) else {}
    return {"default_pools": [*weights, *others], "random_steering": steered, "steering_policy": RANDOM}


def sticky_content(balancer: JsonObject, sticky: Sticky) -> JsonObject:
    """The properties that keep users at their instance; attributes of others stay."""
    before = find(balancer, "session_affinity_attributes")
    attributes = {**(before if isinstance(before, Mapping) else {}), "drain_duration": round(sticky.drain)}
    return {
        "session_affinity": "cookie",
        "session_affinity_ttl": round(sticky.ttl),
        "session_affinity_attributes": attributes,
    }


def rules_for(balancer: JsonObject, split: Split, message: str) -> list[JsonObject]:
    """The rules of the load balancer, with ours first while the service is closed, and without it while it is open.
    Rules of others stay as they are."""
    others = [rule for rule in rules_of(balancer) if not is_ours(rule)]
    if not split.closed:
        return others
    weights = ",".join(f"{digest_of(version)}={weight}" for version, weight in sorted(split.weights))
    ours: JsonObject = {
        "name": f"{RULE} {weights}"[:_RULE_LONGEST],
        "condition": "",
        "priority": 0,
        "terminates": True,
        "disabled": False,
        "fixed_response": {"status_code": 503, "content_type": "text/html", "message_body": message},
    }
    return [ours, *others]


def differs(balancer: JsonObject, content: JsonObject) -> bool:
    """Whether the load balancer does not say this yet."""
    return any(find(balancer, name) != value for name, value in content.items())
