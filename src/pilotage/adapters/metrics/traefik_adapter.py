"""`metrics: {kind: traefik}`: requests, errors and latencies as the embedded Traefik counts them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from pilotage.adapters.alert_series import AlertSeries, ServiceSeries, VersionSeries
from pilotage.adapters.context import Context
from pilotage.adapters.ports import Metrics
from pilotage.adapters.registry import Adapter
from pilotage.config.fields import BaseUrl
from pilotage.config.kinds import MetricsSection
from pilotage.model.capabilities import MetricsCapabilities


class TraefikMetricsSection(MetricsSection):
    """Requests, errors and latencies, as the embedded Traefik counts them."""

    kind: Literal["traefik"]
    url: BaseUrl | None = Field(
        None, description="Address of another Traefik, whose /metrics is read. Default: the embedded router's."
    )


def _open(section: TraefikMetricsSection, context: Context) -> Metrics:
    from pilotage.adapters.metrics.traefik import TraefikMetrics
    from pilotage.adapters.routers.traefik_config import Settings
    from pilotage.adapters.routers.traefik_process import api_in
    from pilotage.adapters.traefik_api import TraefikApi

    if section.url:
        settings = Settings(prefix=f"pilotage-{context.service}_{context.environment}")
        return TraefikMetrics(TraefikApi(section.url).metrics, context.peers.strata, settings)
    router = context.peers.router
    return TraefikMetrics(lambda: api_in(router).metrics(), context.peers.strata)


def _configured(section: TraefikMetricsSection) -> MetricsCapabilities:
    return replace(_AT_BEST, of_router="") if section.url else _AT_BEST


def alert_series(version: str) -> AlertSeries:
    """Traefik's own series, as `router.stats` shows them under `/metrics`."""
    from pilotage.adapters.envoy_admin import CLUSTER, cluster_of

    every = f"pilotage[^.]*[.]{CLUSTER}[^_]+#.+@file"
    mine = f"pilotage[^.]*[.]{_escaped(cluster_of(version))}#.+@file"
    new, stable = f'service=~"{mine}"', f'service=~"{every}",service!~"{mine}"'
    requests = "traefik_service_requests_total"
    return AlertSeries(
        errors=f'sum(rate({requests}{{{new},code=~"5.."}}[{{window}}]))',
        requests=f"sum(rate({requests}{{{new}}}[{{window}}]))",
        counted=f"sum(increase({requests}{{{new}}}[{{window}}]))",
        p95=_p95(new),
        stable_p95=_p95(stable),
        absent=f"absent({requests}{{{new}}})",
        service=_service(requests, f'service=~"{every}"'),
        versions=VersionSeries(
            requests=f'sum by (service) (rate({requests}{{service=~"{every}"}}[{{window}}]))', label="service",
            values=f'{requests}{{service=~"{every}"}}', pattern=f"pilotage[^.]*[.]{CLUSTER}([^_]+)#.+@file",
        ),
    )  # fmt: skip


def _service(requests: str, every: str) -> ServiceSeries:
    answered = f"sum(rate({requests}{{{every}}}[{{window}}]))"
    errors = f'sum(rate({requests}{{{every},code=~"5.."}}[{{window}}])) or vector(0)'
    return ServiceSeries(throughput=answered, error_rate=f"({errors}) / ({answered} > 0)", response_time=_p95(every))


def _p95(series: str) -> str:
    buckets = f"rate(traefik_service_request_duration_seconds_bucket{{{series}}}[{{window}}])"
    return f"histogram_quantile(0.95, sum by (le) ({buckets}))"


def _escaped(name: str) -> str:
    """A name as a regular expression inside a string of PromQL; the names have only letters, digits and -+~."""
    return name.replace("+", "[+]")


_AT_BEST = MetricsCapabilities(of_router="traefik", errors=True, grpc=False, instances=True, alert_series=True)

ADAPTER = Adapter(
    section=TraefikMetricsSection,
    capabilities=_AT_BEST,
    open=_open,
    configured=_configured,
    alert_series=alert_series,
)
