"""Where alert rules of a plan find their figures: what a metrics source counts, in the words of Prometheus."""

from __future__ import annotations

from dataclasses import dataclass


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
    healthy: str = ""
    """Healthy instances. Empty, like `total`, for a router that knows only those that are healthy."""
    total: str = ""
    """Instances."""
