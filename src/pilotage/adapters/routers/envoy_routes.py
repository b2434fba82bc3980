"""Who is sent where: the route configuration that a split means to Envoy; `envoy_read_back` says what one means.

Order of the routes: Pilotage's own requests, testers, then the users of each route of the service, then the rest. Every
stratum has the same weights. Users without the sticky cookie have a route next to those who have it: that one hashes
the random text that becomes their cookie, so that their next request finds the same version. Where the split has a
cohort, its members have routes of their own (`envoy_cohort`), and Pilotage's own requests follow the weights.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pilotage.adapters.cohorts import members_of
from pilotage.adapters.envoy_admin import ROUTE_CONFIG, cluster_of
from pilotage.adapters.own_requests import SYNTHETIC_HEADER
from pilotage.adapters.routers.envoy_cohort import MOST, divided
from pilotage.adapters.routers.envoy_resources import TYPE, Settings, Sticky
from pilotage.adapters.strata import SYNTHETIC, TESTERS
from pilotage.model.json import Json, JsonObject
from pilotage.model.traffic import WHOLE, Cohort, HeaderRoute, Mirror, Split, artifact_of

USER_HEADER = "x-pilotage-user"
"""A random text that Envoy sets on every incoming request, whatever the client sent under that name."""
USER = "pilotage.user"
"""Where the listener keeps that text for the length of a request."""
HEALTH_HEADER = "x-pilotage-health"
"""With this header a load balancer in front asks whether the router is running, even while the service is closed."""

CLOSED = "closed: "
USERS = "users"
_LARGEST_PAGE = 1 << 20
_IDEMPOTENT = "GET|HEAD|OPTIONS|PUT|DELETE"
_MAINTENANCE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Maintenance</title>'
    "<h1>Closed for maintenance</h1><p>We will be back soon. Nothing you did is lost.</p></html>"
)


@dataclass(frozen=True)
class _Shares:
    """What some users get: versions by weight, in proportion."""

    weights: tuple[tuple[str, int], ...]
    mirror: Mirror | None


def routes_of(settings: Settings, split: Split, token: str) -> JsonObject:
    """token: header value of synthetic requests; empty if they are not distinguished."""
    testers = [_tester(settings, route) for route in split.header_routes]
    everyone = _Shares(split.weights, split.mirror)
    own = [_synthetic(settings, everyone, token)] if token else []
    if split.closed:
        routed: JsonObject = {"routes": [*testers, *_closed(settings, split)]}
    elif split.cohort:
        inside, outside = (tuple(_users(settings, part)) for part in _parts(split, split.cohort))
        first, members = (*own, *testers), members_of(split.cohort, MOST)
        routed = divided(split.cohort.header, members, (*first, *inside), (*first, *outside))
    else:
        routed = {"routes": [*own, *testers, *_users(settings, everyone)]}
    return {
        "@type": f"{TYPE}.config.route.v3.RouteConfiguration",
        "name": ROUTE_CONFIG,
        "max_direct_response_body_size_bytes": _LARGEST_PAGE,
        "virtual_hosts": [{"name": "service", "domains": ["*"], **routed}],
        "validate_clusters": False,
    }


def _parts(split: Split, cohort: Cohort) -> tuple[_Shares, _Shares]:
    """What members get, and what everybody else gets."""
    inside = tuple(pair for pair in split.weights if pair[0] == cohort.version)
    outside = tuple(pair for pair in split.weights if pair[0] != cohort.version)
    return _Shares(inside, split.mirror), _Shares(outside, split.mirror)


def no_routes() -> JsonObject:
    return {"@type": f"{TYPE}.config.route.v3.RouteConfiguration", "name": ROUTE_CONFIG, "virtual_hosts": []}


# ── the routes ─────────────────────────────────────────────────────────────────────────────────────────────


def _users(settings: Settings, shares: _Shares) -> Iterator[JsonObject]:
    strata = [(_prefix(route.path), route.stratum) for route in settings.strata.routes]
    for match, stratum in [*strata, (_prefix("/"), "")]:
        for idempotent in (True, False) if settings.retry_idempotent else (False,):
            methods = [_regex(":method", _IDEMPOTENT)] if idempotent else []
            if settings.sticky and settings.sticky.cookie:
                yield _newcomers(settings, shares, match, stratum, methods, retry=idempotent)
            by = _hash_policy(settings.sticky) if settings.sticky else None
            yield _user_route(match, methods, _weighted(settings, shares, stratum, retry=idempotent, by=by))


def _newcomers(
    settings: Settings, shares: _Shares, match: JsonObject, stratum: str, methods: Sequence[JsonObject], *, retry: bool
) -> JsonObject:
    """The users without the sticky cookie: they get it with the answer to their first request."""
    assert settings.sticky
    sticky = settings.sticky
    without: JsonObject = {
        **_regex("cookie", rf"(.*;\s*)?{re.escape(sticky.cookie)}=\"?[^;\"\s][^;]*(;.*)?"),
        "invert_match": True,
        "treat_missing_header_as_empty": True,
    }
    # An Envoy that an earlier Pilotage started sets no such header: its users are sent on as they were.
    known: JsonObject = {"name": USER_HEADER, "present_match": True}
    action = _weighted(settings, shares, stratum, retry=retry, by={"header": {"header_name": USER_HEADER}})
    cookie = (
        f"{sticky.cookie}=%FILTER_STATE({USER}:PLAIN)%; Path=/; Max-Age={sticky.cookie_ttl}; HttpOnly; SameSite=Lax"
        f"{'; Secure' if settings.tls else ''}"
    )
    added: JsonObject = {"header": {"key": "set-cookie", "value": cookie}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}
    return {**_user_route(match, [*methods, without, known], action), "response_headers_to_add": [added]}


def _user_route(match: JsonObject, headers: Sequence[JsonObject], action: JsonObject) -> JsonObject:
    return {
        "name": USERS,
        "match": {**match, **({"headers": headers} if headers else {})},
        "route": action,
        "request_headers_to_remove": [USER_HEADER, SYNTHETIC_HEADER],
    }


def _synthetic(settings: Settings, shares: _Shares, token: str) -> JsonObject:
    header: JsonObject = {"name": SYNTHETIC_HEADER, "string_match": {"exact": token}}
    return {
        "name": SYNTHETIC,
        "match": {"prefix": "/", "headers": [header]},
        "route": _weighted(settings, shares, SYNTHETIC, mirrored=False),
        "request_headers_to_remove": [USER_HEADER],
        # The token stays here: services see only whose request it is.
        "request_headers_to_add": [_set_header(SYNTHETIC_HEADER, "1")],
    }


def _tester(settings: Settings, route: HeaderRoute) -> JsonObject:
    header: JsonObject = {"name": route.header, "string_match": {"exact": route.value}}
    # One weighted cluster rather than a plain one: only there the response can be named.
    only = [_cluster(settings, route.version, WHOLE, TESTERS)]
    return {
        "name": TESTERS,
        "match": {"prefix": "/", "headers": [header]},
        "route": {"weighted_clusters": {"clusters": only}, **_behaviour(settings)},
        "request_headers_to_remove": [USER_HEADER, SYNTHETIC_HEADER],
    }


def _closed(settings: Settings, split: Split) -> Iterator[JsonObject]:
    """The maintenance page for everyone; its name holds the split to use when the service opens. No user's path returns
    200. Only a load balancer in front, which would otherwise consider this router dead, gets 200 with its own
    header."""
    yield {
        "match": {"path": settings.health, "headers": [{"name": HEALTH_HEADER, "present_match": True}]},
        "direct_response": {"status": 200, "body": {"inline_string": "closed for maintenance\n"}},
    }
    kept: Json = [list(pair) for pair in split.weights]
    if cohort := split.cohort:
        kept = {"weights": kept, "cohort": [cohort.header, cohort.version, cohort.digest, cohort.size]}
    yield {
        "name": CLOSED + json.dumps(kept),
        "match": {"prefix": "/"},
        "direct_response": {"status": 503, "body": {"inline_string": settings.page or _MAINTENANCE}},
        "response_headers_to_add": [
            _set_header("content-type", "text/html; charset=utf-8"),
            _set_header("retry-after", "120"),
            _set_header("cache-control", "no-store"),
        ],
    }


def _weighted(
    settings: Settings,
    shares: _Shares,
    stratum: str,
    *,
    retry: bool = False,
    mirrored: bool = True,
    by: JsonObject | None = None,
) -> JsonObject:
    """by: the hash policy, where it decides which version a user gets."""
    # With a hash the order decides who moves: the version that grows stands first, so that raising its weight
    # moves nobody back (rule 11).
    clusters = [_cluster(settings, version, weight, stratum) for version, weight in shares.weights]
    weighted: JsonObject = {"clusters": clusters, **({"use_hash_policy": True} if by else {})}
    action: dict[str, Json] = {"weighted_clusters": weighted, **_behaviour(settings, retry=retry)}
    if by:
        action["hash_policy"] = [by]
    if shares.mirror and mirrored:
        share: JsonObject = {"numerator": shares.mirror.share * 10, "denominator": "TEN_THOUSAND"}
        action["request_mirror_policies"] = [
            {"cluster": cluster_of(shares.mirror.version, stratum), "runtime_fraction": {"default_value": share}}
        ]
    return action


def _cluster(settings: Settings, version: str, weight: int, stratum: str) -> JsonObject:
    named: dict[str, Json] = {"name": cluster_of(version, stratum), "weight": weight}
    if settings.version_header:
        value = artifact_of(version).replace("%", "%%")
        named["response_headers_to_add"] = [_set_header(settings.version_header, value)]
    return named


def _behaviour(settings: Settings, *, retry: bool = False) -> JsonObject:
    """Another instance is tried only where the first cannot have seen the request: nothing is done twice. With
    `retry`, once also where the first died over it."""
    predicate = f"{TYPE}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    # Envoy's limit of a route ends a response that is still flowing. That of an attempt holds until its first byte.
    first_byte: JsonObject = {"per_try_timeout": f"{settings.request_timeout:g}s"} if settings.request_timeout else {}
    return {
        "timeout": "0s",
        "idle_timeout": f"{settings.idle_timeout:g}s",
        "retry_policy": {
            **first_byte,
            "retry_on": "connect-failure,refused-stream,reset-before-request" + (",reset" if retry else ""),
            "num_retries": 1 if retry else 3,
            "retry_host_predicate": [{"name": "previous_hosts", "typed_config": {"@type": predicate}}],
            # Each attempt draws again; five of them met the same one of two instances in 1 of 40 retries.
            "host_selection_retry_max_attempts": 20,
        },
    }


def _prefix(path: str) -> JsonObject:
    return {"prefix": path} if path.endswith("/") else {"path_separated_prefix": path}


def _regex(header: str, regex: str) -> JsonObject:
    return {"name": header, "string_match": {"safe_regex": {"regex": regex}}}


def _hash_policy(sticky: Sticky) -> JsonObject:
    # Without a lifetime Envoy sets no cookie itself: `_newcomers` does.
    return {"header": {"header_name": sticky.header}} if sticky.header else {"cookie": {"name": sticky.cookie}}


def _set_header(name: str, value: str) -> JsonObject:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
