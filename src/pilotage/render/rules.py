"""The plan's alerts as a Prometheus rules file (R20): the same limits, for the series of the metrics adapter."""

from __future__ import annotations

from pilotage.adapters import registry
from pilotage.adapters.alert_series import AlertSeries
from pilotage.model.capabilities import Port
from pilotage.model.errors import Invalid
from pilotage.model.json import Json, JsonObject
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration
from pilotage.model.schedule import AlertRule
from pilotage.plan.values import origin, show_value


class NoSeries(Invalid):
    """Prometheus cannot scrape this environment's metrics, so the plan has no alert rules."""


def to_rules(plan: Plan) -> str:
    """YAML that `promtool check rules` accepts. Raises NoSeries when the metrics have none."""
    import yaml

    series = _series(plan)
    group = {
        "name": f"{plan.service}/{plan.environment}/{plan.version}",
        "rules": [_rule(plan, alert, series) for alert in plan.alerts],
    }
    text = yaml.safe_dump({"groups": [group]}, sort_keys=False, allow_unicode=True, width=1000)
    return f"# {plan.service} {plan.version} in {plan.environment}, plan {plan.hash}\n{text}"


def _series(plan: Plan) -> AlertSeries:
    for kind in dict.fromkeys(metric.provided_by for metric in plan.health):
        adapter = registry.find(Port.METRICS, kind)
        if adapter is not None and adapter.alert_series:
            return adapter.alert_series(plan.version)
    raise NoSeries("no health metric of this plan has series for Prometheus; use `metrics: {kind: envoy}`")


def _rule(plan: Plan, alert: AlertRule, series: AlertSeries) -> JsonObject:
    setting = plan.setting(alert.limit_from)
    limit = show_value(setting.unit, setting.value)
    rule: dict[str, Json] = {"alert": alert.title.replace(" ", ""), "expr": _expression(plan, alert, series)}
    if alert.seconds:
        rule["for"] = format_duration(alert.seconds)
    rule["labels"] = {
        "severity": alert.severity, "action": alert.action, "service": plan.service,
        "environment": plan.environment, "version": plan.version,
    }  # fmt: skip
    rule["annotations"] = {
        "summary": f"{alert.title}: {plan.service} {plan.version} in {plan.environment}",
        "description": f"limit {limit}, {alert.limit_from} ({origin(setting.source)})",
        "plan": plan.hash,
        "channels": ", ".join(alert.channels),
    }
    return rule


def _expression(plan: Plan, alert: AlertRule, found: AlertSeries) -> str:
    def of(series: str) -> str:
        return series.replace("{window}", window)

    window = _window(plan)
    errors, requests = of(found.errors), of(found.requests)
    limit = plan.setting(alert.limit_from).number
    enough = f"and {of(found.counted)} >= {plan.number('alerts.min_requests'):g}"
    match alert.id:
        case "high_error_rate":
            return f"{errors} / {requests} > {limit} {enough}"
        case "low_success_rate":
            return f"1 - {errors} / {requests} < {limit} {enough}"
        case "performance_degradation":
            return f"{of(found.p95)} > {limit} * {of(found.stable_p95)} {enough}"
        case "canary_health_check_failed":
            return f"{found.healthy} / {found.total} < {limit} and {found.total} > 0"
        case "no_data":
            return found.absent
        case other:
            raise ValueError(f"no series for the alert {other}")


def _window(plan: Plan) -> str:
    return format_duration(max(plan.number("alerts.window"), 60))
