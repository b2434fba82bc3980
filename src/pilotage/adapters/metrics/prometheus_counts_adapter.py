"""`metrics: {kind: prometheus}`: requests, errors and latencies from the counters that a Prometheus scrapes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from pilotage.adapters.context import Context
from pilotage.adapters.ports import AdapterError, Metrics
from pilotage.adapters.registry import Adapter
from pilotage.config.fields import Misplaced, PlainUrl
from pilotage.config.kinds import MetricsSection
from pilotage.model.capabilities import MetricsCapabilities
from pilotage.model.finding import Finding

if TYPE_CHECKING:
    from pilotage.adapters.metrics.prometheus_counts import Asked
    from pilotage.adapters.metrics.prometheus_presets import Series

MetricName = Annotated[str, Field(pattern=r"^[A-Za-z_:][A-Za-z0-9_:]{0,199}$")]
LabelName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
_OF_APP = ("requests", "version_label", "status_label")
_SLOW = 5.0
"""Seconds between two scrapes beyond which people are told what that means."""


class PrometheusCountsSection(MetricsSection):
    """Requests, errors and latencies from the counters that a Prometheus scrapes."""

    kind: Literal["prometheus"]
    url: PlainUrl = Field(description="Address of the Prometheus, such as http://127.0.0.1:9090.")
    preset: Literal["envoy", "traefik", "haproxy", "nginx", "app"] = Field(
        description="Whose series: those of a load balancer, or the application's own, which you then name."
    )
    names: str | None = Field(
        None,
        max_length=200,
        pattern=r"^[^{}]*\{version\}[^{}]*$",
        description="Value of the label that names versions, such as shop-{version}. Default: the names that Pilotage "
        "gives to versions in Envoy and Traefik, otherwise the version itself.",
    )
    labels: dict[LabelName, Annotated[str, Field(max_length=500)]] = Field(
        default_factory=dict, description="Labels that all series must have, such as {job: shop}."
    )
    requests: MetricName | None = Field(None, description="Counter of requests, such as http_requests_total.")
    version_label: LabelName | None = Field(None, description="Its label with the version.")
    status_label: LabelName | None = Field(None, description="Its label with the status, such as 503 or 5xx.")
    durations: MetricName | None = Field(
        None, description="Histogram of durations in seconds, without _bucket. Default: latency is not judged."
    )
    instance_label: LabelName | None = Field(
        None, description="Label with host:port of the instance, as the fleet names it. Default: not counted apart."
    )

    @model_validator(mode="after")
    def _whole(self) -> PrometheusCountsSection:
        for name in _OF_APP if self.preset == "app" else ():
            if getattr(self, name) is None:
                raise Misplaced("is missing: with preset app, name the series of the application", name)
        for name in (*_OF_APP, "durations", "instance_label") if self.preset != "app" else ():
            if getattr(self, name) is not None:
                raise Misplaced("belongs to preset app: the other presets know the names of their series", name)
        return self


def _series(section: PrometheusCountsSection) -> Series:
    from pilotage.adapters.metrics.prometheus_presets import PRESETS, Series, template

    named = template(section.names) if section.names else None
    if section.preset != "app":
        found = PRESETS[section.preset]
        return replace(found, names=named, tells_instances=bool(found.instance)) if named else found
    return Series(
        requests=section.requests or "",
        status=section.status_label or "",
        version=section.version_label or "",
        names=named or template("{version}"),
        durations=section.durations or "",
        instance=section.instance_label or "",
        tells_instances=section.instance_label is not None,
    )


def _asked(section: PrometheusCountsSection) -> Asked:
    from pilotage.adapters.metrics.prometheus_counts import Asked

    return Asked(base=section.url, series=_series(section), labels=section.labels)


def _open(section: PrometheusCountsSection, context: Context) -> Metrics:
    from pilotage.adapters.metrics.prometheus_counts import PrometheusCounts

    return PrometheusCounts(_asked(section), context.peers.strata)


def _configured(section: PrometheusCountsSection) -> MetricsCapabilities:
    series = _series(section)
    provides = ("application_error_rate", "response_time_p95") if series.durations else ("application_error_rate",)
    return MetricsCapabilities(provides=provides, errors=series.exact, grpc=False, instances=series.tells_instances)


def _examine(section: PrometheusCountsSection, _context: Context) -> Iterator[Finding]:
    asked = _asked(section)
    labels = "".join(f",{name}={value!r}" for name, value in section.labels.items())
    try:
        # Every version's; which there will be nobody knows yet.
        anyone = replace(asked.series.names, pattern=lambda _: ".+")
        every = replace(asked, series=replace(asked.series, names=anyone))
        scraped = every.vector(f"max(count_over_time({every.selector([''], every.names)}[2m]))")
    except AdapterError as error:
        yield Finding("FAIL", "Prometheus", str(error))
        return
    if not scraped:
        yield Finding(
            "WARN", "Prometheus", f"{section.url} has no series {asked.series.requests}{{{labels[1:]}}} yet: see "
            "whether it scrapes the target, and what its series are called"
        )  # fmt: skip
        return
    interval = 120.0 / max(1.0, scraped[0][2])
    if interval > _SLOW:
        yield Finding(
            "WARN", "Prometheus", f"it scrapes about every {interval:.0f} s, so harm is seen up to {interval:.0f} s "
            "later than it happens, and steps shorter than two scrapes see nothing. Set scrape_interval to 5s or less"
        )  # fmt: skip
        return
    yield Finding("PASS", "Prometheus", f"{section.url} scrapes {asked.series.requests} about every {interval:.1f} s")


ADAPTER = Adapter(
    section=PrometheusCountsSection,
    capabilities=MetricsCapabilities(errors=True, grpc=False, instances=True),
    open=_open,
    configured=_configured,
    examine=_examine,
)
