"""Where alert rules of a plan find their figures: what a metrics source counts, in the words of Prometheus."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ServiceSeries:
    """The same of all versions together."""

    throughput: str
    """Requests a second."""
    error_rate: str
    """Share of failed requests, 0…1; 0 while there are none, and nothing while there are no requests."""
    response_time: str
    """95th percentile of durations, in seconds."""


@dataclass(frozen=True, kw_only=True)
class VersionSeries:
    """Every version by its label, for a dashboard that any version is chosen in."""

    requests: str
    """Requests a second, by the label."""
    label: str
    values: str
    """Series that have the label, as PromQL's selector."""
    pattern: str
    """Regular expression whose group is the version in the label's value, as the series of one version write it."""


@dataclass(frozen=True, kw_only=True)
class AlertSeries:
    """The figures of one version as PromQL, in which `{window}` stands for a duration such as `5m`."""

    errors: str
    """Failed requests a second."""
    requests: str
    """Requests a second."""
    counted: str
    """Requests within the window."""
    p95: str
    """95th percentile of durations."""
    stable_p95: str
    """The same of all other versions together."""
    absent: str
    """True while there are no figures."""
    p95_unit: str = "s"
    """`s` or `ms`."""
    healthy: str = ""
    """Healthy instances. Empty, like `total`, for a router that knows only those that are healthy."""
    total: str = ""
    """Instances."""
    service: ServiceSeries | None = None
    """All versions together, for reports."""
    versions: VersionSeries | None = None
    """Each version, for dashboards."""
