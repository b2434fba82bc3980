"""`metrics: {kind: envoy}`: requests, errors and latencies as an Envoy counts them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from pilotage.adapters.alert_series import AlertSeries
from pilotage.adapters.context import Context
from pilotage.adapters.ports import Metrics
from pilotage.adapters.registry import Adapter
from pilotage.config.fields import Address
from pilotage.config.kinds import MetricsSection
from pilotage.model.capabilities import MetricsCapabilities


class EnvoyMetricsSection(MetricsSection):
    """Requests, errors and latencies, as the embedded router counts them."""

    kind: Literal["envoy"]
    admin: Address | None = Field(None, description="Admin address of another Envoy. Default: the embedded router's.")


def _open(section: EnvoyMetricsSection, context: Context) -> Metrics:
    from pilotage.adapters.envoy_admin import admin_url
    from pilotage.adapters.metrics.envoy import EnvoyMetrics

    admin, router = section.admin, context.peers.router
    if admin:
        return EnvoyMetrics(lambda: f"http://{admin}", context.peers.strata, None)
    return EnvoyMetrics(lambda: admin_url(router), context.peers.strata, router)


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
        absent=f"absent(envoy_cluster_upstream_rq_completed{{{new}}})",
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
