"""How the series of well-known sources are called, and what each of them cannot tell. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pilotage.adapters.envoy_admin import cluster_of

_ROUTE = re.compile(r"(_r[0-9a-f]{10})?")
_TRAEFIKS = re.compile(r"pilotage[^.]*[.]([^#]+)#(.+)@file")


@dataclass(frozen=True, kw_only=True)
class Names:
    """How a label names versions. pattern: of the values that are users' requests to a version, for Prometheus · told:
    whether a value is of a version: the address of its instance, empty if it names none; None if it is not."""

    pattern: Callable[[str], str]
    told: Callable[[str, str], str | None]


@dataclass(frozen=True, kw_only=True)
class Series:
    """Series that tell versions apart.

    requests: counter of requests · status: its label with the status, such as 503, 5xx or 5 · version: the label that
    names versions · names: how · durations: name of a histogram without `_bucket`, empty for none ·
    unit: its units in a second · instance: label with `host:port` of an instance, empty for none · apart: labels of
    counters that start again by themselves.
    """

    requests: str
    status: str
    version: str
    names: Names
    durations: str = ""
    unit: float = 1.0
    instance: str = ""
    apart: tuple[str, ...] = ()
    exact: bool = True
    """Whether each status is counted, or only classes such as 5xx."""
    tells_instances: bool = False


def template(written: str) -> Names:
    """Names such as `shop-{version}`."""
    before, _, after = written.partition("{version}")
    return Names(
        pattern=lambda version: re.escape(f"{before}{version}{after}"),
        told=lambda version, value: "" if value == f"{before}{version}{after}" else None,
    )


def _told_by_envoy(version: str, value: str) -> str | None:
    """The clusters of users' requests, whatever route they are of; those of testers and of Pilotage are not."""
    cluster = cluster_of(version)
    ours = value.startswith(cluster) and _ROUTE.fullmatch(value.removeprefix(cluster))
    return "" if ours else None


def _told_by_traefik(version: str, value: str) -> str | None:
    ours = _TRAEFIKS.fullmatch(value)
    return ours[2] if ours and ours[1] == cluster_of(version) else None


_OF_ENVOY = Names(pattern=lambda version: re.escape(cluster_of(version)) + _ROUTE.pattern, told=_told_by_envoy)
_OF_TRAEFIK = Names(
    pattern=lambda version: rf"pilotage[^.]*[.]{re.escape(cluster_of(version))}#.+@file", told=_told_by_traefik
)

ENVOY = Series(
    requests="envoy_cluster_upstream_rq",
    status="envoy_response_code",
    version="envoy_cluster_name",
    names=_OF_ENVOY,
    durations="envoy_cluster_upstream_rq_time",
    unit=1000.0,
)
TRAEFIK = Series(
    requests="traefik_service_requests_total",
    status="code",
    version="service",
    names=_OF_TRAEFIK,
    durations="traefik_service_request_duration_seconds",
    tells_instances=True,
)
HAPROXY = Series(
    requests="haproxy_server_http_responses_total",
    status="code",
    version="proxy",
    names=template("{version}"),
    # A server that is removed takes its counters along.
    apart=("server",),
    exact=False,
)
NGINX = Series(
    requests="nginx_vts_upstream_requests_total",
    status="code",
    version="upstream",
    names=template("{version}"),
    durations="nginx_vts_upstream_response_duration_seconds",
    instance="backend",
    exact=False,
    tells_instances=True,
)
PRESETS = {"envoy": ENVOY, "traefik": TRAEFIK, "haproxy": HAPROXY, "nginx": NGINX}
