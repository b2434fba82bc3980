"""Who is sent where: the route configuration that a split means to Envoy, and the split that one says.

Order of the routes: Pilotage's own requests, testers, then the users of each route of the service, then the rest.
Every stratum has the same weights. Users without the sticky cookie have a route beside those who have it: that one
hashes the random text that becomes their cookie, so that their next request finds the same version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pilotage.adapters.envoy_admin import ROUTE_CONFIG, cluster_of, version_of
from pilotage.adapters.own_requests import SYNTHETIC_HEADER
from pilotage.adapters.routers.envoy_resources import TYPE, Settings, Sticky
from pilotage.adapters.strata import SYNTHETIC, TESTERS
from pilotage.model.traffic import WHOLE, HeaderRoute, Mirror, Split, artifact_of

USER_HEADER = "x-pilotage-user"
"""On every request as it comes in: a random text that Envoy makes, whatever the client sent by that name."""
USER = "pilotage.user"
"""Where the listener keeps that text for the length of a request."""
HEALTH_HEADER = "x-pilotage-health"
"""By which a load balancer in front asks whether the router lives, also while the service is closed."""

_CLOSED = "closed: "
_USERS = "users"
_LARGEST_PAGE = 1 << 20
_IDEMPOTENT = "GET|HEAD|OPTIONS|PUT|DELETE"
_MAINTENANCE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Maintenance</title>'
    "<h1>Closed for maintenance</h1><p>We will be back soon. Nothing you did is lost.</p></html>"
)


def routes_of(settings: Settings, split: Split, token: str) -> dict[str, Any]:
    """token: the header value of Pilotage's own requests; empty where they are not told apart."""
    routes = [_tester(settings, route) for route in split.header_routes]
    if split.closed:
        routes += _closed(settings, split)
    else:
        own = [_synthetic(settings, split, token)] if token else []
        routes = [*own, *routes, *_users(settings, split)]
    return {
        "@type": f"{TYPE}.config.route.v3.RouteConfiguration",
        "name": ROUTE_CONFIG,
        "max_direct_response_body_size_bytes": _LARGEST_PAGE,
        "virtual_hosts": [{"name": "service", "domains": ["*"], "routes": routes}],
        "validate_clusters": False,
    }


def no_routes() -> dict[str, Any]:
    return {"@type": f"{TYPE}.config.route.v3.RouteConfiguration", "name": ROUTE_CONFIG, "virtual_hosts": []}


# ── the routes ─────────────────────────────────────────────────────────────────────────────────────────────


def _users(settings: Settings, split: Split) -> Iterator[dict[str, Any]]:
    strata = [(_prefix(route.path), route.stratum) for route in settings.strata.routes]
    for match, stratum in [*strata, ({"prefix": "/"}, "")]:
        for idempotent in (True, False) if settings.retry_idempotent else (False,):
            methods = [_regex(":method", _IDEMPOTENT)] if idempotent else []
            if settings.sticky and settings.sticky.cookie:
                yield _newcomers(settings, split, match, stratum, methods, retry=idempotent)
            action = _weighted(settings, split, stratum, retry=idempotent)
            if settings.sticky:
                action["weighted_clusters"]["use_hash_policy"] = True
                action["hash_policy"] = [_hash_policy(settings.sticky)]
            yield _user_route(match, methods, action)


def _newcomers(
    settings: Settings, split: Split, match: dict[str, Any], stratum: str, methods: list[dict[str, Any]], *, retry: bool
) -> dict[str, Any]:
    """The users without the sticky cookie: they get it with the answer to their first request."""
    assert settings.sticky
    sticky = settings.sticky
    without = {
        **_regex("cookie", rf"(.*;\s*)?{re.escape(sticky.cookie)}=\"?[^;\"\s][^;]*(;.*)?"),
        "invert_match": True,
        "treat_missing_header_as_empty": True,
    }
    # An Envoy that an earlier Pilotage started sets no such header: its users are sent on as they were.
    known = {"name": USER_HEADER, "present_match": True}
    action = _weighted(settings, split, stratum, retry=retry)
    action["weighted_clusters"]["use_hash_policy"] = True
    action["hash_policy"] = [{"header": {"header_name": USER_HEADER}}]
    cookie = (
        f"{sticky.cookie}=%FILTER_STATE({USER}:PLAIN)%; Path=/; Max-Age={sticky.cookie_ttl}; HttpOnly; SameSite=Lax"
    )
    added = {"header": {"key": "set-cookie", "value": cookie}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}
    return {**_user_route(match, [*methods, without, known], action), "response_headers_to_add": [added]}


def _user_route(match: dict[str, Any], headers: list[dict[str, Any]], action: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": _USERS,
        "match": {**match, **({"headers": headers} if headers else {})},
        "route": action,
        "request_headers_to_remove": [USER_HEADER, SYNTHETIC_HEADER],
    }


def _synthetic(settings: Settings, split: Split, token: str) -> dict[str, Any]:
    header = {"name": SYNTHETIC_HEADER, "string_match": {"exact": token}}
    return {
        "name": SYNTHETIC,
        "match": {"prefix": "/", "headers": [header]},
        "route": _weighted(settings, split, SYNTHETIC, mirrored=False),
        "request_headers_to_remove": [USER_HEADER],
        # The token stays here: services see only whose request it is.
        "request_headers_to_add": [_set_header(SYNTHETIC_HEADER, "1")],
    }


def _tester(settings: Settings, route: HeaderRoute) -> dict[str, Any]:
    header = {"name": route.header, "string_match": {"exact": route.value}}
    # One weighted cluster rather than a plain one: only there the response can be named.
    only = [_cluster(settings, route.version, WHOLE, TESTERS)]
    return {
        "name": TESTERS,
        "match": {"prefix": "/", "headers": [header]},
        "route": {"weighted_clusters": {"clusters": only}, **_behaviour(settings)},
        "request_headers_to_remove": [USER_HEADER, SYNTHETIC_HEADER],
    }


def _closed(settings: Settings, split: Split) -> Iterator[dict[str, Any]]:
    """The page for everybody; its name says what the split is when it opens. No path of a user's answers 200: only
    a load balancer in front, which would take this router for dead, may ask with a header of its own."""
    yield {
        "match": {"path": settings.health, "headers": [{"name": HEALTH_HEADER, "present_match": True}]},
        "direct_response": {"status": 200, "body": {"inline_string": "closed for maintenance\n"}},
    }
    yield {
        "name": _CLOSED + json.dumps(split.weights),
        "match": {"prefix": "/"},
        "direct_response": {"status": 503, "body": {"inline_string": settings.page or _MAINTENANCE}},
        "response_headers_to_add": [
            _set_header("content-type", "text/html; charset=utf-8"),
            _set_header("retry-after", "120"),
            _set_header("cache-control", "no-store"),
        ],
    }


def _weighted(
    settings: Settings, split: Split, stratum: str, *, retry: bool = False, mirrored: bool = True
) -> dict[str, Any]:
    # With a hash the order decides who moves: the version that grows stands first, so that raising its weight
    # moves nobody back (rule 11).
    clusters = [_cluster(settings, version, weight, stratum) for version, weight in split.weights]
    action: dict[str, Any] = {"weighted_clusters": {"clusters": clusters}, **_behaviour(settings, retry=retry)}
    if split.mirror and mirrored:
        share = {"numerator": split.mirror.share * 10, "denominator": "TEN_THOUSAND"}
        action["request_mirror_policies"] = [
            {"cluster": cluster_of(split.mirror.version, stratum), "runtime_fraction": {"default_value": share}}
        ]
    return action


def _cluster(settings: Settings, version: str, weight: int, stratum: str) -> dict[str, Any]:
    named: dict[str, Any] = {"name": cluster_of(version, stratum), "weight": weight}
    if settings.version_header:
        value = artifact_of(version).replace("%", "%%")
        named["response_headers_to_add"] = [_set_header(settings.version_header, value)]
    return named


def _behaviour(settings: Settings, *, retry: bool = False) -> dict[str, Any]:
    """Another instance is tried only where the first cannot have seen the request: nothing is done twice. With
    `retry`, once also where the first died over it."""
    predicate = f"{TYPE}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    return {
        "timeout": f"{settings.request_timeout:g}s",
        "retry_policy": {
            "retry_on": "connect-failure,refused-stream,reset-before-request" + (",reset" if retry else ""),
            "num_retries": 1 if retry else 3,
            "retry_host_predicate": [{"name": "previous_hosts", "typed_config": {"@type": predicate}}],
            # Each attempt draws anew; five of them met the same one of two instances in 1 of 40 retries.
            "host_selection_retry_max_attempts": 20,
        },
    }


def _prefix(path: str) -> dict[str, Any]:
    return {"prefix": path} if path.endswith("/") else {"path_separated_prefix": path}


def _regex(header: str, regex: str) -> dict[str, Any]:
    return {"name": header, "string_match": {"safe_regex": {"regex": regex}}}


def _hash_policy(sticky: Sticky) -> dict[str, Any]:
    # Without a lifetime Envoy makes no cookie of its own: `_newcomers` makes it.
    return {"header": {"header_name": sticky.header}} if sticky.header else {"cookie": {"name": sticky.cookie}}


def _set_header(name: str, value: str) -> dict[str, Any]:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


# ── the split that routes say ──────────────────────────────────────────────────────────────────────────────


def split_of(config: dict[str, Any]) -> Split | None:
    """The split that a route configuration of ours says, also one that an earlier Pilotage wrote; None when it
    routes nothing yet. Raises ValueError where strata are split differently."""
    hosts = config.get("virtual_hosts", [])
    if not hosts:
        return None
    *before, last = hosts[0]["routes"]
    testers = tuple(_tester_of(route) for route in before if _is_tester(route))
    if str(last.get("name", "")).startswith(_CLOSED):
        weights = tuple((str(v), int(w)) for v, w in json.loads(last["name"].removeprefix(_CLOSED)))
        return Split(weights, testers, closed=True)
    weights, mirror = _weights_of(last), _mirror_of(last)
    for route in before:
        name = route.get("name", "")
        if name in (SYNTHETIC, _USERS) and _weights_of(route) != weights:
            shown = f"{dict(_weights_of(route))}, the rest {dict(weights)}"
            raise ValueError(f"the routes disagree: {_shown(route)} is split {shown}")
        if name == _USERS and _mirror_of(route) != mirror:
            raise ValueError(f"the routes disagree: {_shown(route)} is mirrored otherwise than the rest")
    return Split(weights, testers, mirror)


def _is_tester(route: dict[str, Any]) -> bool:
    return "route" in route and route.get("name", TESTERS) == TESTERS


def _tester_of(route: dict[str, Any]) -> HeaderRoute:
    (header,) = route["match"]["headers"]
    (cluster,) = route["route"]["weighted_clusters"]["clusters"]
    return HeaderRoute(header["name"], header["string_match"]["exact"], _version(cluster["name"]))


def _weights_of(route: dict[str, Any]) -> tuple[tuple[str, int], ...]:
    return tuple((_version(c["name"]), int(c["weight"])) for c in route["route"]["weighted_clusters"]["clusters"])


def _mirror_of(route: dict[str, Any]) -> Mirror | None:
    for policy in route["route"].get("request_mirror_policies", []):
        share = int(policy["runtime_fraction"]["default_value"]["numerator"]) // 10
        return Mirror(_version(policy["cluster"]), share)
    return None


def _shown(route: dict[str, Any]) -> str:
    match = route["match"]
    path = match.get("path_separated_prefix") or match["prefix"]
    return "Pilotage's own traffic" if route["name"] == SYNTHETIC else str(path)


def _version(cluster: str) -> str:
    version = version_of(cluster)
    if version is None:
        raise ValueError(f"cluster {cluster}")
    return version


def cluster_names(node: Any) -> Iterator[str]:
    """Every cluster of ours named anywhere in a route configuration."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("name", "cluster") and isinstance(value, str):
                if version_of(value):
                    yield value
            else:
                yield from cluster_names(value)
    elif isinstance(node, list):
        for item in node:
            yield from cluster_names(item)
