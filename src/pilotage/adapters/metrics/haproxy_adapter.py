"""`metrics: {kind: haproxy}`: requests and errors as HAProxys count them, durations from their log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from pilotage.adapters.context import Context
from pilotage.adapters.ports import AdapterError, Metrics
from pilotage.adapters.registry import Adapter
from pilotage.config.kinds import MetricsSection
from pilotage.model.capabilities import MetricsCapabilities
from pilotage.model.finding import Finding


class HAProxyMetricsSection(MetricsSection):
    """Requests and errors, as every router of kind haproxy counts them. Without a log, latency is not judged."""

    kind: Literal["haproxy"]
    log: Annotated[str, Field(pattern=r"^/[A-Za-z0-9._/+@%~,: -]{1,500}$")] | None = Field(
        None, description="HAProxy's log on its own machine, such as /var/log/haproxy.log, for latencies."
    )


def _open(section: HAProxyMetricsSection, context: Context) -> Metrics:
    from pilotage.adapters.metrics.haproxy import HAProxyMetrics

    routers = context.peers.routers or {"": context.peers.router}
    return HAProxyMetrics(context.directory, routers, section.log or "")


def _configured(section: HAProxyMetricsSection) -> MetricsCapabilities:
    return _AT_BEST if section.log else replace(_AT_BEST, provides=("application_error_rate",))


def _examine(section: HAProxyMetricsSection, context: Context) -> Iterator[Finding]:
    from pilotage.adapters.metrics.log_tail import LogTail, NoLog

    if not section.log:
        yield Finding("WARN", "HAProxy's log", "metrics have no log, so latency is not judged: name one as metrics.log")
        return
    routers = context.peers.routers or {"": context.peers.router}
    from pilotage.adapters.routers.haproxy_record import remembered

    for folder in routers.values():
        told = remembered(folder)
        host = told.place.host(context.directory) if told else None
        try:
            LogTail(section.log, host).end()
        except (NoLog, AdapterError) as error:
            yield Finding("WARN", "HAProxy's log", f"{error}, so latency is not judged")
        else:
            yield Finding("PASS", "HAProxy's log", section.log)


_AT_BEST = MetricsCapabilities(of_router="haproxy", instances=True)

ADAPTER = Adapter(
    section=HAProxyMetricsSection, capabilities=_AT_BEST, open=_open, configured=_configured, examine=_examine
)
