"""Which series a plan's alerts are about, as the adapter of its metrics says."""

from __future__ import annotations

from pilotage.adapters import registry
from pilotage.adapters.alert_series import AlertSeries
from pilotage.model.capabilities import Port
from pilotage.model.plan import Plan


def series_of(plan: Plan) -> AlertSeries | None:
    """The series of the plan's version; None where no metric of it has any for Prometheus."""
    for kind in dict.fromkeys(metric.provided_by for metric in plan.health):
        adapter = registry.find(Port.METRICS, kind)
        if adapter is not None and adapter.alert_series:
            return adapter.alert_series(plan.version)
    return None
