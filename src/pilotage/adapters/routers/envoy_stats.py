"""Serves one page of Envoy's admin interface, its statistics, for Prometheus to scrape.

The admin interface can stop Envoy and reset counters, so it is a private socket. This listener leads to the one page
only. Pure: data in, data out.
"""

from __future__ import annotations

from pilotage.adapters.envoy_admin import ADMIN_SOCKET
from pilotage.adapters.routers.envoy_resources import TYPE, address
from pilotage.model.json import JsonObject

PAGE = "/stats/prometheus"
_CLUSTER = "pilotage_admin"


def admin_cluster() -> JsonObject:
    """Envoy's own admin interface as something that it can send requests to."""
    endpoint: JsonObject = {"endpoint": {"address": {"pipe": {"path": ADMIN_SOCKET}}}}
    assigned: JsonObject = {"cluster_name": _CLUSTER, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"name": _CLUSTER, "type": "STATIC", "connect_timeout": "1s", "load_assignment": assigned}


def stats_listener(at: tuple[str, int], name: str) -> JsonObject:
    """at: host and port · name: of the listener that users reach; this one's is made of it."""
    method: JsonObject = {"name": ":method", "string_match": {"exact": "GET"}}
    route: JsonObject = {"match": {"path": PAGE, "headers": [method]}, "route": {"cluster": _CLUSTER, "timeout": "10s"}}
    hosts: list[JsonObject] = [{"name": "stats", "domains": ["*"], "routes": [route]}]
    manager: JsonObject = {
        "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "pilotage_stats",
        "request_headers_timeout": "10s",
        "route_config": {"name": "stats", "virtual_hosts": hosts},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{TYPE}.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    filters: list[JsonObject] = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {
        "@type": f"{TYPE}.config.listener.v3.Listener",
        "name": f"stats-of-{name}",
        "address": address(*at),
        "filter_chains": [{"filters": filters}],
    }
