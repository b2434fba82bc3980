"""`metrics: {kind: cloudwatch}` and `queries: {kind: cloudwatch}`: what AWS counts, and questions to CloudWatch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pilotage.adapters.context import Context
from pilotage.adapters.ports import Metrics, Queries
from pilotage.adapters.registry import Adapter
from pilotage.adapters.routers.alb_adapter import Region, RoleArn
from pilotage.config.fields import Duration
from pilotage.config.kinds import MetricsSection, QueriesSection
from pilotage.model.capabilities import MetricsCapabilities, QueriesCapabilities
from pilotage.model.finding import Finding

_MINUTE = 60.0


def _period(seconds: float) -> float:
    if seconds not in (1, 5, 10, 30) and seconds % 60:
        raise ValueError("must be 1s, 5s, 10s, 30s or whole minutes: CloudWatch has no other periods")
    return seconds


Period = Annotated[Duration, Field(ge=1, le=300), AfterValidator(_period)]


class CloudWatchMetricsSection(MetricsSection):
    """Requests, errors and latencies of each version's target group, as a router of kind alb publishes them."""

    kind: Literal["cloudwatch"]
    late: Annotated[Duration, Field(ge=0, le=600)] = Field(
        60.0, description="Time after a minute until its figures are complete."
    )
    namespace: Annotated[str, Field(pattern=r"^[^:]{1,255}$")] = Field(
        "AWS/ApplicationELB", description="Where the figures are. Another one needs the same metrics and dimensions."
    )
    period: Period = Field(
        _MINUTE, description="Time that each figure covers. AWS publishes each minute; high resolution is for your own."
    )


class CloudWatchQueriesSection(QueriesSection):
    """CloudWatch: metric math, or a query of Metrics Insights."""

    kind: Literal["cloudwatch"]
    region: Region | None = Field(None, description="Region of the metrics. Default: AWS's own chain.")
    profile: str | None = Field(None, description="Profile of AWS's configuration files. Default: AWS's own chain.")
    role: RoleArn | None = Field(None, description="ARN of a role to assume.")
    period: Period = Field(_MINUTE, description="Time that each value covers.")
    window: Annotated[Duration, Field(ge=1, le=86_400)] = Field(
        300.0, description="How far back to look for the newest value."
    )


def _open_metrics(section: CloudWatchMetricsSection, context: Context) -> Metrics:
    from pilotage.adapters.metrics.cloudwatch import CloudWatchMetrics

    routers = context.peers.routers or {"": context.peers.router}
    return CloudWatchMetrics(
        tuple(routers.values()), late=section.late, period=round(section.period), namespace=section.namespace
    )


def _metrics_configured(section: CloudWatchMetricsSection) -> MetricsCapabilities:
    return MetricsCapabilities(of_router="alb", grpc=False, period=section.period, late=section.late)


def _examine_metrics(section: CloudWatchMetricsSection, context: Context) -> Iterator[Finding]:
    from pilotage.adapters.metrics.cloudwatch_setup import examined

    routers = context.peers.routers or {"": context.peers.router}
    yield from examined(routers.values(), section.namespace)


def _open_queries(section: CloudWatchQueriesSection, _context: Context) -> Queries:
    from pilotage.adapters.aws import Access
    from pilotage.adapters.metrics.cloudwatch_queries import CloudWatchQueries

    access = Access(region=section.region or "", profile=section.profile or "", role=section.role or "")
    return CloudWatchQueries(access, period=round(section.period), window=section.window)


METRICS = Adapter(
    section=CloudWatchMetricsSection,
    capabilities=MetricsCapabilities(of_router="alb", grpc=False, period=_MINUTE, late=60.0),
    open=_open_metrics,
    configured=_metrics_configured,
    examine=_examine_metrics,
)

QUERIES = Adapter(
    section=CloudWatchQueriesSection,
    capabilities=QueriesCapabilities(language="metric math or Metrics Insights", interval=_MINUTE),
    open=_open_queries,
    configured=lambda section: QueriesCapabilities(
        language="metric math or Metrics Insights", interval=float(section.period)
    ),
)
