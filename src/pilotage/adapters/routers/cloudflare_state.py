"""What a load balancer at Cloudflare says, as a split. Pure.

A version has a pool. A pool's description names service, environment and version, so a controller without records
finds its own. A version gets its weight as the weight of its pool, with random steering; one without weight is in no
pool list of the load balancer. Pools, rules and settings of others are neither read as ours nor changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from pilotage.adapters.ports import AdapterError
from pilotage.model.json import Json, JsonObject, WrongJson, each, entries, find, number_at, text_at
from pilotage.model.traffic import WHOLE, Split

RANDOM = "random"
GRAIN = WHOLE // 100
"""Weights are hundredths."""
RULE = "pilotage closed"
_MARK = "Pilotage"

Origin = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Sticky:
    """ttl: seconds for which a user stays at an instance · drain: seconds for which users of an instance that leaves
    stay there."""

    ttl: float = 82_800.0
    drain: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """balancer: its hostname · owner: service and environment · pools: names of pools to use in turn, empty for one of
    Pilotage's own for each version · monitor, network, host: of pools and origins, empty
    for none · addresses: what Cloudflare calls hosts of instances · message: of the maintenance page, empty for none ·
    propagation: seconds until every data center knows a change."""

    balancer: str
    owner: str
    pools: tuple[str, ...] = ()
    monitor: str = ""
    network: str = ""
    host: str = ""
    addresses: Mapping[str, str] | None = None
    message: str = ""
    sticky: Sticky | None = None
    propagation: float = 15.0


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A pool of ours. origins: where users get to · leaving: origins that are disabled, and when that was, in Unix
    seconds · raw: as Cloudflare has it."""

    id: str
    version: str
    origins: frozenset[Origin]
    leaving: Mapping[Origin, float]
    raw: JsonObject


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What decides where users get to, in the load balancer. pools: weights in hundredths, whoever's pools they are ·
    affinity: only where Pilotage sets it · closed: the name of our rule that closes the service, with the weights of
    versions; empty if it is open."""

    pools: tuple[tuple[str, int], ...]
    policy: str
    enabled: bool
    affinity: str = ""
    closed: str = ""


def pools_of(raw: Iterable[JsonObject], settings: Settings) -> dict[str, Pool]:
    """Our pools by version. Raises AdapterError for one that cannot be read."""
    found: dict[str, Pool] = {}
    back = {public: host for host, public in (settings.addresses or {}).items()}
    for one in raw:
        version = _version_of(str(find(one, "description") or ""), settings.owner)
        if version is None:
            continue
        try:
            found[version] = _pool(one, version, back)
        except WrongJson as error:
            raise AdapterError(f"Cloudflare's pool {find(one, 'name')} cannot be read: {error}") from error
    return found


def _pool(raw: JsonObject, version: str, back: Mapping[str, str]) -> Pool:
    origins, leaving = set[Origin](), dict[Origin, float]()
    for one in each(origin_at, raw, "origins"):
        address, port, disabled_at, is_on = one
        place = (back.get(address, address), port)
        if is_on:
            origins.add(place)
        else:
            leaving[place] = disabled_at
    return Pool(id=text_at(raw, "id"), version=version, origins=frozenset(origins), leaving=leaving, raw=raw)


def origin_at(raw: object, /, *path: str | int) -> tuple[str, int, float, bool]:
    one = find(raw, *path)
    weight = find(one, "weight")
    is_on = find(one, "enabled") is not False and weight != 0
    return text_at(one, "address"), int(number_at({"port": find(one, "port") or 0}, "port")), _unix(one), is_on


def _unix(origin: Json) -> float:
    try:
        return datetime.fromisoformat(str(find(origin, "disabled_at"))).timestamp()
    except ValueError:
        return 0.0


def shown_of(balancer: JsonObject, sticky: Sticky | None) -> Shown:
    """Raises AdapterError if the load balancer cannot be read."""
    try:
        named = each(text_at, balancer, "default_pools")
        steering = find(balancer, "random_steering") or {}
        given = entries(number_at, steering, "pool_weights") if find(steering, "pool_weights") else {}
        default = find(steering, "default_weight")
        rest = default if isinstance(default, int | float) else 1.0
        weights = {pool: round(100 * given.get(pool, rest)) for pool in named}
    except WrongJson as error:
        raise AdapterError(f"Cloudflare's load balancer cannot be read: {error}") from error
    return Shown(
        pools=tuple(sorted((pool, weight) for pool, weight in weights.items() if weight)),
        policy=str(find(balancer, "steering_policy") or ""),
        enabled=find(balancer, "enabled") is not False,
        affinity=str(find(balancer, "session_affinity")) if sticky else "",
        closed=next((str(find(rule, "name")) for rule in rules_of(balancer) if is_ours(rule)), ""),
    )


def in_words(shown: Shown, pools: Mapping[str, Pool]) -> str:
    """What users get, with the largest share first."""
    names = {pool.id: version for version, pool in pools.items()}
    ordered = sorted(shown.pools, key=lambda one: -one[1])
    shares = ", ".join(f"{weight} to {names.get(pool, f'pool {pool}')}" for pool, weight in ordered)
    state = "closed" if shown.closed else "enabled" if shown.enabled else "disabled"
    affinity = f", has session affinity {shown.affinity or 'none'}" if shown.affinity else ""
    return f"is {state}, steers by {shown.policy or 'off'}{affinity}, and its weights are {shares or 'none'}"


def split_of(shown: Shown, pools: Mapping[str, Pool], known: Iterable[str]) -> Split | None:
    """What users get; None while no pool of ours is used. known: versions that may stand in a closed rule. Raises
    AdapterError if users also get elsewhere, or not by weights."""
    if shown.closed:
        return _closed_split(shown.closed, {*pools, *known})
    by_id = {pool.id: version for version, pool in pools.items()}
    ours = {by_id[pool]: weight for pool, weight in shown.pools if pool in by_id}
    if not ours:
        return None
    if foreign := [pool for pool, _ in shown.pools if pool not in by_id]:
        raise AdapterError(f"the load balancer also sends users to pool {foreign[0]}, which is not Pilotage's")
    if shown.policy != RANDOM and len(ours) > 1:
        raise AdapterError(f"the load balancer steers by {shown.policy or 'off'}, not by weights")
    if not shown.enabled:
        raise AdapterError("the load balancer is disabled in Cloudflare")
    return _of_hundredths(ours)


def _of_hundredths(weights: Mapping[str, int]) -> Split:
    """Weights relative to their sum, in per mille; the largest takes what rounding leaves."""
    total = sum(weights.values())
    shares = {version: max(1, round(WHOLE * weight / total)) for version, weight in weights.items()}
    shares[max(shares, key=lambda version: shares[version])] += WHOLE - sum(shares.values())
    return Split(tuple(shares.items()))


def led_in(shown: Shown, pools: Mapping[str, Pool]) -> set[str]:
    """The pools with users, each with its version: a pool that a person named has another one later."""
    by_id = {pool.id: version for version, pool in pools.items()}
    return {f"{pool} {by_id[pool]}" for pool, _ in shown.pools if pool in by_id}


def endpoints_of(pools: Mapping[str, Pool], drain: float, now: float) -> dict[str, frozenset[Origin]]:
    """Where each version's users get to; an origin that drains still has users."""
    return {
        version: pool.origins | {place for place, at in pool.leaving.items() if at + drain > now}
        for version, pool in pools.items()
    }


def rules_of(balancer: JsonObject) -> list[JsonObject]:
    found = find(balancer, "rules")
    return [rule for rule in found if isinstance(rule, Mapping)] if isinstance(found, list) else []


def is_ours(rule: JsonObject) -> bool:
    return str(find(rule, "name")).startswith(f"{RULE} ") and find(rule, "disabled") is not True


def _version_of(description: str, owner: str) -> str | None:
    _, mark, version = description.rpartition(mark_of(owner))
    return unquote(version) if mark else None


def mark_of(owner: str) -> str:
    """Stands before the version in the description of a pool. What a person wrote there stands before it."""
    return f"{_MARK} {owner}: "


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _closed_split(name: str, known: Iterable[str]) -> Split:
    by_digest = {digest_of(version): version for version in known}
    try:
        pairs = [part.split("=") for part in name.removeprefix(RULE).strip().split(",")]
        return Split(tuple((by_digest[digest], int(weight)) for digest, weight in pairs), closed=True)
    except (KeyError, ValueError):
        raise AdapterError(f"the rule {name!r} closes the service for versions that Pilotage does not know") from None
