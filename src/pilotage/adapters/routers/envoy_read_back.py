"""What Envoy has: the split that a route configuration says, and the clusters that it names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pilotage.adapters.envoy_admin import ROUTE_CONFIG, version_of
from pilotage.adapters.routers.envoy_routes import CLOSED, USERS
from pilotage.adapters.strata import SYNTHETIC, TESTERS
from pilotage.model.json import Json, JsonObject, each, find, list_at, object_at, optional, text_at, whole_at
from pilotage.model.traffic import HeaderRoute, Mirror, Split


def split_of(config: JsonObject) -> Split | None:
    """The split that a route configuration of Pilotage expresses, of any version; None if it routes nothing yet. Raises
    ValueError if its strata are split differently."""
    if not find(config, "virtual_hosts"):
        return None
    *before, last = each(object_at, config, "virtual_hosts", 0, "routes")
    testers = tuple(_tester_of(route) for route in before if _is_tester(route))
    if (title := optional(text_at, last, "name") or "").startswith(CLOSED):
        weights = tuple((text_at(pair, 0), whole_at(pair, 1)) for pair in json.loads(title.removeprefix(CLOSED)))
        return Split(weights, testers, closed=True)
    weights, mirror = _weights_of(last), _mirror_of(last)
    for route in before:
        name = route.get("name", "")
        if name in (SYNTHETIC, USERS) and _weights_of(route) != weights:
            shown = f"{dict(_weights_of(route))}, the rest {dict(weights)}"
            raise ValueError(f"the routes disagree: {_shown(route)} is split {shown}")
        if name == USERS and _mirror_of(route) != mirror:
            raise ValueError(f"the routes disagree: {_shown(route)} is mirrored differently from the rest")
    return Split(weights, testers, mirror)


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
    path = find(route, "match", "path_separated_prefix") or find(route, "match", "prefix")
    return "Pilotage's own traffic" if find(route, "name") == SYNTHETIC else str(path)


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
