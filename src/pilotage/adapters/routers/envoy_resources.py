"""What Envoy's discovery files say of a split (listener, clusters, endpoints, routes), and the split that routes say.

Pure: data in, data out. `envoy` writes it and waits until it is so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pilotage.adapters.envoy_admin import BUCKETS_MS, ROUTE_CONFIG, cluster_of, version_of
from pilotage.model.traffic import WHOLE, HeaderRoute, Mirror, Split, artifact_of

_TYPE = "type.googleapis.com/envoy"
_CLOSED = "closed: "
_LARGEST_PAGE = 1 << 20
_LONGEST_NAME = 200
"""Characters of a file's name: a file system takes 255, and one is written beside it."""

_MAINTENANCE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Maintenance</title>'
    "<h1>Closed for maintenance</h1><p>We will be back soon. Nothing you did is lost.</p></html>"
)


@dataclass(frozen=True)
class Sticky:
    """What tells users apart: a header, or a cookie, which the router makes (for `cookie_ttl` seconds) if need be."""

    cookie: str = ""
    header: str = ""
    cookie_ttl: int = 30 * 86400


@dataclass(frozen=True)
class Settings:
    """listen: host and port that users reach · request_timeout: seconds, 0 for none · version_header: response header
    that names the version asked, empty for none · page: what users get while the service is closed, empty for one of
    ours · health: the path that is answered meanwhile, so that whoever stands before this router does not take it for
    dead.
    """

    listen: tuple[str, int]
    sticky: Sticky | None = None
    request_timeout: float = 15.0
    version_header: str = ""
    page: str = ""
    health: str = "/healthz"


@dataclass(frozen=True)
class Resources:
    """Of one router. files: the folder in which Envoy looks for them."""

    files: Path
    settings: Settings

    def source(self, name: str) -> dict[str, Any]:
        path = {"path": str(self.files / f"{name}.json"), "watched_directory": {"path": str(self.files)}}
        return {"path_config_source": path, "resource_api_version": "V3"}

    def cluster(self, version: str) -> dict[str, Any]:
        return {
            "@type": f"{_TYPE}.config.cluster.v3.Cluster",
            "name": cluster_of(version),
            "type": "EDS",
            "connect_timeout": "1s",
            "lb_policy": "LEAST_REQUEST",
            "eds_cluster_config": {"eds_config": self.source(endpoints_file(version))},
            # A dead instance among living ones is passed over; the whole of a dead version is not.
            "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        }

    def routes(self, split: Split) -> dict[str, Any]:
        routes = [self._header_route(route) for route in split.header_routes]
        routes += self._closed(split) if split.closed else [{"match": {"prefix": "/"}, "route": self._weighted(split)}]
        return {
            "@type": f"{_TYPE}.config.route.v3.RouteConfiguration",
            "name": ROUTE_CONFIG,
            "max_direct_response_body_size_bytes": _LARGEST_PAGE,
            "virtual_hosts": [{"name": "service", "domains": ["*"], "routes": routes}],
            "validate_clusters": False,
        }

    def _closed(self, split: Split) -> list[dict[str, Any]]:
        """The health path, then the page for everything else; its name says what the split is when it opens."""
        return [
            {
                "match": {"path": self.settings.health},
                "direct_response": {"status": 200, "body": {"inline_string": "closed for maintenance\n"}},
            },
            {
                "name": _CLOSED + json.dumps(split.weights),
                "match": {"prefix": "/"},
                "direct_response": {"status": 503, "body": {"inline_string": self.settings.page or _MAINTENANCE}},
                "response_headers_to_add": [
                    _set_header("content-type", "text/html; charset=utf-8"),
                    _set_header("retry-after", "120"),
                    _set_header("cache-control", "no-store"),
                ],
            },
        ]

    def _weighted(self, split: Split) -> dict[str, Any]:
        # With a hash the order decides who moves: the version that grows stands first, so that raising its weight
        # moves nobody back (rule 11).
        clusters = [
            {"name": cluster_of(version), "weight": weight, **self._named(version)} for version, weight in split.weights
        ]
        weighted: dict[str, Any] = {"clusters": clusters}
        action: dict[str, Any] = {"weighted_clusters": weighted, **self._behaviour()}
        if self.settings.sticky:
            weighted["use_hash_policy"] = True
            action["hash_policy"] = [_hash_policy(self.settings.sticky)]
        if split.mirror:
            share = {"numerator": split.mirror.share * 10, "denominator": "TEN_THOUSAND"}
            action["request_mirror_policies"] = [
                {"cluster": cluster_of(split.mirror.version), "runtime_fraction": {"default_value": share}}
            ]
        return action

    def _header_route(self, route: HeaderRoute) -> dict[str, Any]:
        header = {"name": route.header, "string_match": {"exact": route.value}}
        # One weighted cluster rather than a plain one: only there the response can be named.
        only = [{"name": cluster_of(route.version), "weight": WHOLE, **self._named(route.version)}]
        action = {"weighted_clusters": {"clusters": only}, **self._behaviour()}
        return {"match": {"prefix": "/", "headers": [header]}, "route": action}

    def _named(self, version: str) -> dict[str, Any]:
        if not self.settings.version_header:
            return {}
        return {
            "response_headers_to_add": [
                _set_header(self.settings.version_header, artifact_of(version).replace("%", "%%"))
            ]
        }

    def _behaviour(self) -> dict[str, Any]:
        """Another instance is tried only where the first cannot have seen the request: nothing is done twice."""
        return {
            "timeout": f"{self.settings.request_timeout:g}s",
            "retry_policy": {
                "retry_on": "connect-failure,refused-stream,reset-before-request",
                "num_retries": 3,
                "retry_host_predicate": [
                    {
                        "name": "previous_hosts",
                        "typed_config": {
                            "@type": f"{_TYPE}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
                        },
                    }
                ],
                "host_selection_retry_max_attempts": 5,
            },
        }

    def bootstrap(self, admin: int, listener: str) -> dict[str, Any]:
        """What Envoy is started with. admin: its port · listener: the name of the one that users reach."""
        manager = {
            "@type": f"{_TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "pilotage",
            "codec_type": "AUTO",
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            "rds": {"route_config_name": ROUTE_CONFIG, "config_source": self.source("rds")},
            "http_filters": [
                {
                    "name": "envoy.filters.http.router",
                    "typed_config": {"@type": f"{_TYPE}.extensions.filters.http.router.v3.Router"},
                }
            ],
        }
        host, port = self.settings.listen
        return {
            "node": {"id": "pilotage", "cluster": "pilotage"},
            "admin": {"address": _address("127.0.0.1", admin)},
            # Histograms are otherwise merged every five seconds: too old for a judge that looks every second.
            "stats_flush_on_admin": True,
            "stats_config": {
                "histogram_bucket_settings": [
                    {"match": {"suffix": "upstream_rq_time"}, "buckets": [float(b) for b in BUCKETS_MS]}
                ]
            },
            "dynamic_resources": {"cds_config": self.source("cds")},
            "static_resources": {
                "listeners": [
                    {
                        "name": listener,
                        "address": _address(host, port),
                        "filter_chains": [
                            {
                                "filters": [
                                    {
                                        "name": "envoy.filters.network.http_connection_manager",
                                        "typed_config": manager,
                                    }
                                ]
                            }
                        ],
                    }
                ]
            },
        }


def endpoints_file(version: str) -> str:
    name = f"eds-{cluster_of(version)}"
    return name if len(name) <= _LONGEST_NAME else f"eds-{hashlib.sha256(name.encode()).hexdigest()}"


def endpoints_of(version: str, backends: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    endpoints = [{"endpoint": {"address": _address(host, port)}} for host, port in sorted(backends)]
    return [
        {
            "@type": f"{_TYPE}.config.endpoint.v3.ClusterLoadAssignment",
            "cluster_name": cluster_of(version),
            "endpoints": [{"lb_endpoints": endpoints}],
        }
    ]


def no_routes() -> dict[str, Any]:
    return {
        "@type": f"{_TYPE}.config.route.v3.RouteConfiguration",
        "name": ROUTE_CONFIG,
        "virtual_hosts": [],
    }


def _hash_policy(sticky: Sticky) -> dict[str, Any]:
    if sticky.header:
        return {"header": {"header_name": sticky.header}}
    return {"cookie": {"name": sticky.cookie, "ttl": f"{sticky.cookie_ttl}s", "path": "/"}}


def _set_header(name: str, value: str) -> dict[str, Any]:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def socket_of(address: dict[str, Any]) -> tuple[str, int]:
    return address["socket_address"]["address"], int(address["socket_address"]["port_value"])


def split_of(config: dict[str, Any]) -> Split | None:
    """The split that a route configuration of ours says; None when it routes nothing yet."""
    hosts = config.get("virtual_hosts", [])
    if not hosts:
        return None
    *testers, everyone = hosts[0]["routes"]
    closed = str(everyone.get("name", "")).startswith(_CLOSED)
    if closed:
        testers.pop()
        action: dict[str, Any] = {}
        weights = tuple((str(v), int(w)) for v, w in json.loads(everyone["name"].removeprefix(_CLOSED)))
    else:
        action = everyone["route"]
        weights = tuple((_version(c["name"]), int(c["weight"])) for c in action["weighted_clusters"]["clusters"])
    routes = []
    for tester in testers:
        (header,) = tester["match"]["headers"]
        (cluster,) = tester["route"]["weighted_clusters"]["clusters"]
        routes.append(HeaderRoute(header["name"], header["string_match"]["exact"], _version(cluster["name"])))
    mirror = None
    for policy in action.get("request_mirror_policies", []):
        share = int(policy["runtime_fraction"]["default_value"]["numerator"]) // 10
        mirror = Mirror(_version(policy["cluster"]), share)
    return Split(weights, tuple(routes), mirror, closed)


def _version(cluster: str) -> str:
    version = version_of(cluster)
    if version is None:
        raise ValueError(f"cluster {cluster}")
    return version


def cluster_names(node: Any) -> Iterable[str]:
    """Every cluster named anywhere in a route configuration."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("name", "cluster") and isinstance(value, str):
                yield value
            else:
                yield from cluster_names(value)
    elif isinstance(node, list):
        for item in node:
            yield from cluster_names(item)


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}
