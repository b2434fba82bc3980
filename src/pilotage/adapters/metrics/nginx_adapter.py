"""`metrics: {kind: nginx}`: what an access log of nginx counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pilotage.adapters.context import Context
from pilotage.adapters.ports import AdapterError, Metrics
from pilotage.adapters.registry import Adapter
from pilotage.config.fields import Misplaced
from pilotage.config.hosts import HostSection
from pilotage.config.kinds import MetricsSection
from pilotage.model.capabilities import MetricsCapabilities
from pilotage.model.finding import Finding


class NginxMetricsSection(MetricsSection):
    """Requests, errors and latencies from nginx's access log, as JSON lines."""

    kind: Literal["nginx"]
    log: Annotated[str, Field(pattern=r"^/[A-Za-z0-9._/-]{1,200}$")] | None = Field(
        None,
        description="Absolute path of a log in the documented format. Default: those of the environment's routers of "
        "kind nginx.",
    )
    host: HostSection | None = Field(
        None, description="Where that log lies, reached by SSH. Default: this machine; of a router, its host."
    )

    @model_validator(mode="after")
    def _named(self) -> NginxMetricsSection:
        if self.host and not self.log:
            raise Misplaced("name the log on that host as well", "log")
        if self.host and not self.host.address:
            raise Misplaced("name the host, such as lb1.example.org", "host", "address")
        return self


def _open(section: NginxMetricsSection, context: Context) -> Metrics:
    from pilotage.adapters.metrics.nginx import NginxMetrics
    from pilotage.adapters.metrics.nginx_logs import log_at, logs_of

    if section.log:
        log = log_at(section.log, section.host, context.directory, context.folder)
        return NginxMetrics(lambda: {"": log}, context.peers.strata)
    routers = context.peers.routers or {"": context.peers.router}
    return NginxMetrics(lambda: logs_of(routers), context.peers.strata)


def _configured(section: NginxMetricsSection) -> MetricsCapabilities:
    """A log that is named is nobody's but nginx's; the routers' own come with routers of that kind."""
    return replace(_AT_BEST, of_router="") if section.log else _AT_BEST


def _examine(section: NginxMetricsSection, context: Context) -> Iterator[Finding]:
    from pilotage.adapters.metrics.nginx_logs import log_at

    if not section.log:
        return
    try:
        log_at(section.log, section.host, context.directory, context.folder).end()
    except AdapterError as error:
        yield Finding("FAIL", "nginx's log", str(error))
    else:
        yield Finding("PASS", "nginx's log", section.log)


_AT_BEST = MetricsCapabilities(of_router="nginx", errors=True, routes=True, instances=True, users=True)

ADAPTER = Adapter(
    section=NginxMetricsSection, capabilities=_AT_BEST, open=_open, configured=_configured, examine=_examine
)
