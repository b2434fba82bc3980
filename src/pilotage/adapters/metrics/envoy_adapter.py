"""`metrics: {kind: envoy}`: requests, errors and latencies as an Envoy counts them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from pilotage.adapters.alert_series import AlertSeries, ServiceSeries, VersionSeries
from pilotage.adapters.context import Context
from pilotage.adapters.ports import Metrics
from pilotage.adapters.registry import Adapter
from pilotage.config.fields import Address
from pilotage.config.kinds import MetricsSection
from pilotage.model.capabilities import MetricsCapabilities

if TYPE_CHECKING:
    from pilotage.adapters.routers.envoy_elsewhere import EnvoyElsewhere


class EnvoyMetricsSection(MetricsSection):
    """Requests, errors and latencies, as the embedded router counts them."""

    kind: Literal["envoy"]
    admin: Address | None = Field(None, description="Admin address of another Envoy. Default: the embedded router's.")


def _open(section: EnvoyMetricsSection, context: Context) -> Metrics:
    from pilotage.adapters.envoy_admin import admin_url
    from pilotage.adapters.http import get
    from pilotage.adapters.metrics.envoy import EnvoyMetrics
    from pilotage.adapters.routers.envoy_found import ELSEWHERE

    admin, router = section.admin, context.peers.router
    if admin:
        return EnvoyMetrics(lambda: f"http://{admin}", context.peers.strata, None)

    def far() -> EnvoyElsewhere | None:
        """Where the router runs, if it was told anything on another host."""
        if not (router / ELSEWHERE).exists():
            return None
        from pilotage.adapters.routers.envoy_elsewhere import elsewhere

        return elsewhere(router)

    def base() -> str:
        return "" if far() else admin_url(router)

    def ask(url: str) -> bytes:
        place = None if url.startswith("http") else far()
        return place.get(url) if place else get(url)

    return EnvoyMetrics(base, context.peers.strata, router, ask)


def _configured(section: EnvoyMetricsSection) -> MetricsCapabilities:
    """The log of failures is the embedded router's; another's statistics come without one."""
    return replace(_AT_BEST, of_router="", users=False) if section.admin else _AT_BEST


def alert_series(version: str) -> AlertSeries:
    """Envoy's own series, as its admin port shows them under `/stats/prometheus`."""
    from pilotage.adapters.envoy_admin import CLUSTER, cluster_of

    new = f'envoy_cluster_name="{_quoted(cluster_of(version))}"'
    stable = f'envoy_cluster_name=~"{CLUSTER}.+",envoy_cluster_name!="{_quoted(cluster_of(version))}"'
    return AlertSeries(
        errors=f'sum(rate(envoy_cluster_upstream_rq_xx{{{new},envoy_response_code_class="5"}}[{{window}}]))',
        requests=f"sum(rate(envoy_cluster_upstream_rq_completed{{{new}}}[{{window}}]))",
        counted=f"sum(increase(envoy_cluster_upstream_rq_completed{{{new}}}[{{window}}]))",
        p95=_p95(new),
        stable_p95=_p95(stable),
        p95_unit="ms",
        absent=f"absent(envoy_cluster_upstream_rq_completed{{{new}}})",
        service=_service(f'envoy_cluster_name=~"{CLUSTER}.+"'),
        versions=_versions(f'envoy_cluster_upstream_rq_completed{{envoy_cluster_name=~"{CLUSTER}[^_]+"}}', CLUSTER),
    )


def _versions(series: str, prefix: str) -> VersionSeries:
    return VersionSeries(
        requests=f"sum by (envoy_cluster_name) (rate({series}[{{window}}]))", label="envoy_cluster_name", values=series,
        pattern=f"{prefix}([^_]+)",
    )  # fmt: skip


def _service(every: str) -> ServiceSeries:
    requests = f"sum(rate(envoy_cluster_upstream_rq_completed{{{every}}}[{{window}}]))"
    errors = (
        f'sum(rate(envoy_cluster_upstream_rq_xx{{{every},envoy_response_code_class="5"}}[{{window}}])) or vector(0)'
    )
    # Envoy counts milliseconds.
    return ServiceSeries(
        throughput=requests, error_rate=f"({errors}) / ({requests} > 0)", response_time=f"{_p95(every)} / 1000"
    )


def _p95(series: str) -> str:
    buckets = f"rate(envoy_cluster_upstream_rq_time_bucket{{{series}}}[{{window}}])"
    return f"histogram_quantile(0.95, sum by (le) ({buckets}))"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


_AT_BEST = MetricsCapabilities(
    of_router="envoy", errors=True, routes=True, instances=True, users=True, alert_series=True
)

ADAPTER = Adapter(
    section=EnvoyMetricsSection,
    capabilities=_AT_BEST,
    open=_open,
    configured=_configured,
    alert_series=alert_series,
)
