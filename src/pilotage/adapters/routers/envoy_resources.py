"""What Envoy's discovery files say of versions: clusters and endpoints; and the settings of a router.

Pure: data in, data out. `envoy` writes it and waits until it is so; `envoy_routes` says who is sent where, and
`envoy_listener` what Envoy is started with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pilotage.adapters.envoy_admin import cluster_of
from pilotage.adapters.strata import Strata
from pilotage.model.json import Json, JsonObject, find, text_at, whole_at

TYPE = "type.googleapis.com/envoy"
_IDLE = "1.5s"
"""How long a connection to an instance is kept without a request. Servers close idle ones, too, gunicorn after 2 s and
uvicorn and Node after 5 s; a request sent at that very moment is lost. Whoever closes first loses nothing."""

_LONGEST_NAME = 200
"""Characters of a file's name: a file system takes 255, and one is written next to it."""


@dataclass(frozen=True)
class Sticky:
    """What identifies users: a header, or a cookie, which the router sets (for `cookie_ttl` seconds) if it is
    missing."""

    cookie: str = ""
    header: str = ""
    cookie_ttl: int = 30 * 86400


@dataclass(frozen=True)
class Tls:
    """certificate, key: paths of PEM files · redirect: host and port where plain HTTP is sent on to TLS."""

    certificate: str
    key: str
    redirect: tuple[str, int] | None = None


@dataclass(frozen=True)
class Settings:
    """listen: host and port that users reach · request_timeout: seconds until a response begins, 0 for none ·
    idle_timeout: seconds without a byte in either direction, 0 for none · version_header: response header
    that names the version asked, empty for none · page: what users get while the service is closed, empty for one of
    ours · health: the path on which a load balancer in front may then ask whether this router lives · strata: what is
    counted apart · synthetic: requests of Pilotage's own are told from those of users · http2: instances speak HTTP/2
    without TLS, as gRPC needs · retry_idempotent: requests that may be made twice are, when an instance dies under
    them · headers_timeout: seconds in which the whole head of a request must be there · stats:
    host and port at which a Prometheus may read Envoy's statistics · tls: what users speak, None for plain HTTP · url:
    where users reach the service, if that is not `listen`.
    """

    listen: tuple[str, int]
    sticky: Sticky | None = None
    request_timeout: float = 60.0
    idle_timeout: float = 300.0
    version_header: str = ""
    page: str = ""
    health: str = "/healthz"
    strata: Strata = field(default_factory=Strata)
    synthetic: bool = False
    http2: bool = False
    retry_idempotent: bool = False
    headers_timeout: float = 10.0
    stats: tuple[str, int] | None = None
    tls: Tls | None = None
    url: str = ""


WATCHED = Path("xds")
"""The folder of discovery files as Envoy names it, relative to its working folder, so that it finds both after a
move."""


def watched_by(bootstrapped: Json) -> Path:
    """That folder as an Envoy that was so started names it; one that an earlier Pilotage started does it by its whole
    path."""
    path = find(bootstrapped, "dynamic_resources", "cds_config", "path_config_source", "path")
    return Path(path).parent if isinstance(path, str) else WATCHED


def source(files: Path, name: str) -> JsonObject:
    """Where Envoy finds a discovery file. files: the folder it watches, as it names it."""
    path: JsonObject = {"path": str(files / f"{name}.json"), "watched_directory": {"path": str(files)}}
    return {"path_config_source": path, "resource_api_version": "V3"}


def cluster(files: Path, version: str, stratum: str, *, http2: bool = False) -> JsonObject:
    """One stratum of a version. All of a version's strata read the same file of endpoints."""
    made: dict[str, Json] = {
        "@type": f"{TYPE}.config.cluster.v3.Cluster",
        "name": cluster_of(version, stratum),
        "type": "EDS",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "eds_cluster_config": {
            "service_name": cluster_of(version),
            "eds_config": source(files, endpoints_file(version)),
        },
        # One dead instance among living ones is skipped; a version of which all are dead is not.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
    }
    options = "extensions.upstreams.http.v3.HttpProtocolOptions"
    protocol: dict[str, Json] = {"http2_protocol_options": {}} if http2 else {"http_protocol_options": {}}
    made["typed_extension_protocol_options"] = {
        f"envoy.{options}": {
            "@type": f"{TYPE}.{options}",
            "common_http_protocol_options": {"idle_timeout": _IDLE},
            "explicit_http_config": protocol,
        }
    }
    return made


def endpoints_file(version: str) -> str:
    name = f"eds-{cluster_of(version)}"
    return name if len(name) <= _LONGEST_NAME else f"eds-{hashlib.sha256(name.encode()).hexdigest()}"


def endpoints_of(version: str, backends: Iterable[tuple[str, int]]) -> list[JsonObject]:
    endpoints = [{"endpoint": {"address": address(host, port)}} for host, port in sorted(backends)]
    return [
        {
            "@type": f"{TYPE}.config.endpoint.v3.ClusterLoadAssignment",
            "cluster_name": cluster_of(version),
            "endpoints": [{"lb_endpoints": endpoints}],
        }
    ]


def address(host: str, port: int) -> JsonObject:
    # A listener at `::` serves IPv4 as well, as servers do by default.
    both: JsonObject = {"ipv4_compat": True} if host == "::" else {}
    return {"socket_address": {"address": host, "port_value": port, **both}}


def socket_of(found: JsonObject) -> tuple[str, int]:
    return text_at(found, "socket_address", "address"), whole_at(found, "socket_address", "port_value")
