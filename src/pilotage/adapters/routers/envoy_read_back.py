"""What Envoy has: the split that a route configuration says, and the clusters that it names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pilotage.adapters.envoy_admin import ROUTE_CONFIG, version_of
from pilotage.adapters.routers import envoy_cohort
from pilotage.adapters.routers.envoy_routes import CLOSED, USERS
from pilotage.adapters.strata import SYNTHETIC, TESTERS
from pilotage.model.json import Json, JsonObject, find, list_at, object_at, optional, text_at, whole_at
from pilotage.model.traffic import Cohort, HeaderRoute, Mirror, Split
from pilotage.model.wave import digest_of


@dataclass(frozen=True)
class _Routed:
    """What some routes say of users · own: the weights of Pilotage's own requests, None without a route for them."""

    weights: tuple[tuple[str, int], ...]
    testers: tuple[HeaderRoute, ...]
    mirror: Mirror | None
    own: tuple[tuple[str, int], ...] | None


def split_of(config: JsonObject) -> Split | None:
    """The split that a route configuration of Pilotage expresses, of any version; None if it routes nothing yet. Raises
    ValueError if its strata are split differently."""
    if not find(config, "virtual_hosts"):
        return None
    host = object_at(config, "virtual_hosts", 0)
    if "matcher" in host:
        return _split_by_cohort(host)
    routes = envoy_cohort.outside(host)
    if (title := optional(text_at, routes[-1], "name") or "").startswith(CLOSED):
        testers = tuple(_tester_of(route) for route in routes[:-1] if _is_tester(route))
        return _closed_split(json.loads(title.removeprefix(CLOSED)), testers)
    routed = _routed(routes)
    if routed.own not in (None, routed.weights):
        raise ValueError(f"the routes disagree: Pilotage's own traffic is {_differs(routed.own, routed.weights)}")
    return Split(routed.weights, routed.testers, routed.mirror)


def _split_by_cohort(host: JsonObject) -> Split:
    """Of routes for the members of a cohort, and others for everybody else."""
    inside, outside = _routed(envoy_cohort.inside(host)), _routed(envoy_cohort.outside(host))
    header, members = envoy_cohort.members_in(host)
    ((version, _),) = inside.weights
    weights = (*inside.weights, *outside.weights)
    same = (inside.testers, inside.mirror, inside.own) == (outside.testers, outside.mirror, outside.own)
    if not same or (inside.own and frozenset(inside.own) != frozenset(weights)):
        raise ValueError("the routes of the cohort and those of everybody else disagree")
    cohort = Cohort(header=header, version=version, digest=digest_of(members), size=len(members))
    return Split(weights, inside.testers, inside.mirror, cohort=cohort)


def _closed_split(kept: Json, testers: tuple[HeaderRoute, ...]) -> Split:
    """What holds when the service opens again, from the name of its route."""
    told = list_at(kept, "weights") if isinstance(kept, Mapping) else list_at(kept)
    weights = tuple((text_at(pair, 0), whole_at(pair, 1)) for pair in told)
    cohort = None
    if isinstance(kept, Mapping):
        header, version, digest = (text_at(kept, "cohort", at) for at in range(3))
        cohort = Cohort(header=header, version=version, digest=digest, size=whole_at(kept, "cohort", 3))
    return Split(weights, testers, closed=True, cohort=cohort)


def _routed(routes: Sequence[JsonObject]) -> _Routed:
    """Raises ValueError if its strata are split differently."""
    *before, last = routes
    weights, mirror, own = _weights_of(last), _mirror_of(last), None
    for route in before:
        name = route.get("name", "")
        if name == SYNTHETIC:
            own = _weights_of(route)
        elif name == USERS and _weights_of(route) != weights:
            raise ValueError(f"the routes disagree: {_shown(route)} is {_differs(_weights_of(route), weights)}")
        elif name == USERS and _mirror_of(route) != mirror:
            raise ValueError(f"the routes disagree: {_shown(route)} is mirrored differently from the rest")
    return _Routed(weights, tuple(_tester_of(route) for route in before if _is_tester(route)), mirror, own)


def _differs(one: tuple[tuple[str, int], ...] | None, rest: tuple[tuple[str, int], ...]) -> str:
    return f"split {dict(one or ())}, the rest {dict(rest)}"


def _is_tester(route: JsonObject) -> bool:
    return "route" in route and route.get("name", TESTERS) == TESTERS


def _tester_of(route: JsonObject) -> HeaderRoute:
    (header,) = list_at(route, "match", "headers")
    ((version, _),) = _weights_of(route)
    return HeaderRoute(text_at(header, "name"), text_at(header, "string_match", "exact"), version)


def _weights_of(route: JsonObject) -> tuple[tuple[str, int], ...]:
    clusters = list_at(route, "route", "weighted_clusters", "clusters")
    return tuple((_version(text_at(one, "name")), whole_at(one, "weight")) for one in clusters)


def _mirror_of(route: JsonObject) -> Mirror | None:
    policies = optional(list_at, route, "route", "request_mirror_policies")
    if not policies:
        return None
    share = whole_at(policies, 0, "runtime_fraction", "default_value", "numerator") // 10
    return Mirror(_version(text_at(policies, 0, "cluster")), share)


def _shown(route: JsonObject) -> str:
    return str(find(route, "match", "path_separated_prefix") or find(route, "match", "prefix"))


def _version(cluster: str) -> str:
    version = version_of(cluster)
    if version is None:
        raise ValueError(f"cluster {cluster}")
    return version


def cluster_names(node: Json) -> Iterator[str]:
    """Every cluster of Pilotage that a route configuration names."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key in ("name", "cluster") and isinstance(value, str):
                if version_of(value):
                    yield value
            else:
                yield from cluster_names(value)
    elif isinstance(node, list):
        for item in node:
            yield from cluster_names(item)


# ── what Envoy says of itself ──────────────────────────────────────────────────────────────────────────────


def config_in(dump: Json) -> JsonObject | None:
    """Our route configuration in a dump of `dynamic_route_configs`. Raises WrongJson."""
    configs = (object_at(entry, "route_config") for entry in optional(list_at, dump, "configs") or ())
    return next((config for config in configs if config.get("name") == ROUTE_CONFIG), None)


def clusters_in(dump: Json) -> set[str]:
    """The names in a dump of `dynamic_active_clusters`. Raises WrongJson."""
    return {text_at(entry, "cluster", "name") for entry in optional(list_at, dump, "configs") or ()}


def seen_in(dump: Json) -> tuple[str, ...]:
    """What tells one loading of a route configuration from another, in a dump of `dynamic_route_configs`. Raises
    WrongJson."""
    configs = optional(list_at, dump, "configs") or ()
    return tuple(f"{find(entry, 'version_info')} {text_at(entry, 'last_updated')}" for entry in configs)
