"""The embedded router: an Envoy that reads its routes, clusters and endpoints from files replaced by rename.

Order of writing: endpoints, then clusters, then (once Envoy has the clusters) the routes; what is no longer
routed to leaves in the other direction. So no route ever names a cluster that Envoy does not have.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pilotage.adapters import processes
from pilotage.adapters.envoy_admin import (
    BUCKETS_MS,
    ROUTE_CONFIG,
    admin_address,
    cluster_of,
    envoy_program,
    version_of,
)
from pilotage.adapters.fence import Fence
from pilotage.adapters.files import read_json, write_at_once, write_json
from pilotage.adapters.free_port import free_port
from pilotage.adapters.http import get_json
from pilotage.adapters.ports import AdapterError, Backends
from pilotage.model.traffic import WHOLE, HeaderRoute, Mirror, Split, artifact_of

_TYPE = "type.googleapis.com/envoy"
_START_DEADLINE = 10.0
_TAKE_UP_DEADLINE = 5.0
_CLOSED = "closed: "
_LARGEST_PAGE = 1 << 20
_LONGEST_NAME = 200
"""Characters of a file's name: a file system takes 255, and one is written beside it."""

_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Maintenance</title>'
    "<h1>Closed for maintenance</h1><p>We will be back soon. Nothing you did is lost.</p></html>"
)


@dataclass(frozen=True)
class Sticky:
    """What tells users apart: a header, or a cookie, which the router makes (for `cookie_ttl` seconds) if need be."""

    cookie: str = ""
    header: str = ""
    cookie_ttl: int = 30 * 86400


class EnvoyRouter:
    """The Router port over Envoy.

    listen: host and port that users reach · request_timeout: seconds, 0 for none · version_header: response header
    that names the version asked, empty for none · page: what users get while the service is closed · health: the path
    that is answered meanwhile, so that whoever stands before this router does not take it for dead.
    """

    def __init__(
        self,
        directory: Path,
        fence: Fence,
        *,
        listen: tuple[str, int],
        sticky: Sticky | None = None,
        request_timeout: float = 15.0,
        version_header: str = "",
        page: str = "",
        health: str = "/healthz",
        stop_deadline: float = 5.0,
    ) -> None:
        self._directory, self._fence, self._listen = directory.resolve(), fence, listen
        self._sticky, self._timeout, self._version_header = sticky, request_timeout, version_header
        self._page, self._health = page or _PAGE, health
        self._stop_deadline = stop_deadline
        self._files = self._directory / "xds"
        self._has_clusters: processes.Record | None = None

    # ── the port ───────────────────────────────────────────────────────────────────────────────────────────

    def apply(self, split: Split, backends: Backends) -> None:
        self._fence.check()
        wanted = [] if split.closed else [version for version, _ in split.weights]
        wanted += [route.version for route in split.header_routes] + ([split.mirror.version] if split.mirror else [])
        missing = [version for version in wanted if not backends.get(version)]
        if missing:
            raise AdapterError(f"no instance of {missing[0]} to send requests to")
        for version, addresses in backends.items():
            if addresses or not (self._files / f"{_endpoints_file(version)}.json").exists():
                self._write(_endpoints_file(version), _endpoints(version, addresses))
        routed_before = {name for name in map(version_of, self._routed_clusters()) if name}
        # A version keeps its cluster as long as it has instances: requests in flight end there.
        kept = {*wanted, *backends}
        changed = self._write("cds", [self._cluster(version) for version in sorted(kept | routed_before)])
        running = self._ensure_running()
        # Only what this router has itself seen taken up by this Envoy need not be waited for.
        if changed or running != self._has_clusters:
            self._wait_for_clusters(kept | routed_before)
            self._has_clusters = running
        self._write("rds", [self._routes(split)])
        if routed_before - kept:
            self._wait_for_split(split)
            self._write("cds", [self._cluster(version) for version in sorted(kept)])
            self._has_clusters = None

    def read(self) -> Split | None:
        if not (self._files / "rds.json").exists():
            return None
        dump = get_json(f"http://{admin_address(self._directory)}/config_dump?resource=dynamic_route_configs")
        try:
            configs = [entry["route_config"] for entry in dump.get("configs", [])]
            return next((_split_of(config) for config in configs if config["name"] == ROUTE_CONFIG), None)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise AdapterError(f"Envoy shows a route that Pilotage did not write: {error}") from error

    def endpoints(self) -> dict[str, frozenset[tuple[str, int]]] | None:
        if not (self._files / "rds.json").exists():
            return None
        answer = get_json(f"http://{admin_address(self._directory)}/clusters?format=json")
        try:
            found = {
                version: frozenset(_socket(host["address"]) for host in cluster.get("host_statuses", []))
                for cluster in answer["cluster_statuses"]
                if (version := version_of(cluster["name"]))
            }
        except (KeyError, TypeError) as error:
            raise AdapterError(f"Envoy shows endpoints that cannot be read: {error}") from error
        return found

    def stop(self) -> None:
        self._fence.check()
        record = processes.load(self._record)
        while record is not None:
            record = processes.stop(record, self._stop_deadline) and processes.load(self._record)
            time.sleep(0.02)
        for file in (*self._files.glob("*.json"), self._directory / "admin"):
            file.unlink(missing_ok=True)

    # ── the process ────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _record(self) -> Path:
        return self._directory / "envoy.json"

    def _ensure_running(self) -> processes.Record:
        """Adopt the Envoy of before, or start one; it then has taken up the files."""
        record = processes.load(self._record)
        if record is not None and record.process() is not None:
            return record
        if not (self._files / "rds.json").exists():
            self._write("rds", [_no_routes()])
        admin = free_port()
        (self._directory / "admin").write_text(f"127.0.0.1:{admin}\n")
        write_json(self._directory / "bootstrap.json", self._bootstrap(admin))
        command = [
            envoy_program(), "-c", str(self._directory / "bootstrap.json"), "--disable-hot-restart",
            "--concurrency", "2", "--log-level", "warning",
        ]  # fmt: skip
        log = self._directory / "envoy.log"
        record = processes.start(self._record, command, {}, log)
        deadline = time.monotonic() + _START_DEADLINE
        while time.monotonic() < deadline:
            if record.process() is None:
                raise AdapterError(f"Envoy ended at once; {log} ends: {processes.last_lines(log)}")
            try:
                if get_json(f"http://127.0.0.1:{admin}/server_info", timeout=0.5)["state"] == "LIVE":
                    return record
            except AdapterError:
                pass
            time.sleep(0.02)
        raise AdapterError(f"Envoy is not ready after {_START_DEADLINE:g} s; see {log}")

    def _wait_for_clusters(self, versions: Iterable[str]) -> None:
        wanted = {cluster_of(version) for version in versions}

        def there() -> bool:
            url = f"http://{admin_address(self._directory)}/config_dump?resource=dynamic_active_clusters"
            dump = get_json(url)
            return wanted <= {entry["cluster"]["name"] for entry in dump.get("configs", [])}

        _wait(there, "Envoy has not taken up the clusters")

    def _wait_for_split(self, split: Split) -> None:
        _wait(lambda: self.read() == split, "Envoy has not taken up the routes")

    def _routed_clusters(self) -> set[str]:
        rds = self._written("rds")
        return set(_cluster_names(rds)) if rds else set()

    # ── the files ──────────────────────────────────────────────────────────────────────────────────────────

    def _write(self, name: str, resources: list[dict[str, Any]]) -> bool:
        """Replace a discovery file, unless it says the same already; returns whether it was replaced."""
        version = hashlib.sha256(json.dumps(resources, sort_keys=True).encode()).hexdigest()[:16]
        if (self._written(name) or {}).get("version_info") == version:
            return False
        content = {"version_info": version, "resources": resources}
        write_at_once(self._files / f"{name}.json", json.dumps(content, indent=1, sort_keys=True).encode())
        return True

    def _written(self, name: str) -> dict[str, Any] | None:
        """What a discovery file says; None when there is none, or a crash of the machine has torn it."""
        try:
            found: dict[str, Any] | None = read_json(self._files / f"{name}.json")
            return found
        except ValueError:
            return None

    def _source(self, name: str) -> dict[str, Any]:
        path = {"path": str(self._files / f"{name}.json"), "watched_directory": {"path": str(self._files)}}
        return {"path_config_source": path, "resource_api_version": "V3"}

    def _cluster(self, version: str) -> dict[str, Any]:
        return {
            "@type": f"{_TYPE}.config.cluster.v3.Cluster",
            "name": cluster_of(version),
            "type": "EDS",
            "connect_timeout": "1s",
            "lb_policy": "LEAST_REQUEST",
            "eds_cluster_config": {"eds_config": self._source(_endpoints_file(version))},
            # A dead instance among living ones is passed over; the whole of a dead version is not.
            "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        }

    def _routes(self, split: Split) -> dict[str, Any]:
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
                "match": {"path": self._health},
                "direct_response": {"status": 200, "body": {"inline_string": "closed for maintenance\n"}},
            },
            {
                "name": _CLOSED + json.dumps(split.weights),
                "match": {"prefix": "/"},
                "direct_response": {"status": 503, "body": {"inline_string": self._page}},
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
        if self._sticky:
            weighted["use_hash_policy"] = True
            action["hash_policy"] = [_hash_policy(self._sticky)]
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
        if not self._version_header:
            return {}
        return {"response_headers_to_add": [_set_header(self._version_header, artifact_of(version).replace("%", "%%"))]}

    def _behaviour(self) -> dict[str, Any]:
        """Another instance is tried only where the first cannot have seen the request: nothing is done twice."""
        return {
            "timeout": f"{self._timeout:g}s",
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

    def _bootstrap(self, admin: int) -> dict[str, Any]:
        manager = {
            "@type": f"{_TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "pilotage",
            "codec_type": "AUTO",
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            "rds": {"route_config_name": ROUTE_CONFIG, "config_source": self._source("rds")},
            "http_filters": [
                {
                    "name": "envoy.filters.http.router",
                    "typed_config": {"@type": f"{_TYPE}.extensions.filters.http.router.v3.Router"},
                }
            ],
        }
        host, port = self._listen
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
            "dynamic_resources": {"cds_config": self._source("cds")},
            "static_resources": {
                "listeners": [
                    {
                        "name": f"users-{uuid.uuid4().hex}",
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


def _wait(there: Any, complaint: str) -> None:
    deadline = time.monotonic() + _TAKE_UP_DEADLINE
    while not there():
        if time.monotonic() > deadline:
            raise AdapterError(f"{complaint} after {_TAKE_UP_DEADLINE:g} s")
        time.sleep(0.005)


def _endpoints_file(version: str) -> str:
    name = f"eds-{cluster_of(version)}"
    return name if len(name) <= _LONGEST_NAME else f"eds-{hashlib.sha256(name.encode()).hexdigest()}"


def _endpoints(version: str, backends: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    endpoints = [{"endpoint": {"address": _address(host, port)}} for host, port in sorted(backends)]
    return [
        {
            "@type": f"{_TYPE}.config.endpoint.v3.ClusterLoadAssignment",
            "cluster_name": cluster_of(version),
            "endpoints": [{"lb_endpoints": endpoints}],
        }
    ]


def _no_routes() -> dict[str, Any]:
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


def _socket(address: dict[str, Any]) -> tuple[str, int]:
    return address["socket_address"]["address"], int(address["socket_address"]["port_value"])


def _split_of(config: dict[str, Any]) -> Split | None:
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


def _cluster_names(node: Any) -> Iterable[str]:
    """Every cluster named anywhere in a route configuration."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("name", "cluster") and isinstance(value, str):
                yield value
            else:
                yield from _cluster_names(value)
    elif isinstance(node, list):
        for item in node:
            yield from _cluster_names(item)


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}
