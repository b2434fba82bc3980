"""The plan's alerts as a Prometheus rules file (R20): the same limits, for the series of the metrics adapter."""

from __future__ import annotations

import json

from pilotage.adapters.alert_series import AlertSeries
from pilotage.adapters.series import series_of
from pilotage.model.errors import Invalid
from pilotage.model.json import Json, JsonObject
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration
from pilotage.model.schedule import AlertRule
from pilotage.plan.monitoring import needs_page, rule_name
from pilotage.plan.values import origin, show_value

CANARY_HEALTH = "pilotage_canary_health_score"
"""Series of Pilotage's metrics page: ready canaries over those that have users, 0…1."""


class NoSeries(Invalid):
    """Prometheus cannot scrape this environment's metrics, so the plan has no alert rules."""


def to_rules(plan: Plan, *, page: bool = False) -> str:
    """YAML that `promtool check rules` accepts. page: Prometheus scrapes Pilotage's metrics page, too; without it there
    is no rule about canaries that are not ready. Raises NoSeries when the metrics have none."""
    import yaml

    series = series_of(plan)
    if series is None:
        raise NoSeries("no health metric of this plan has series for Prometheus; use `metrics: {kind: envoy}`")
    known = [alert for alert in plan.alerts if page or series.healthy or not needs_page(alert)]
    group = {
        "name": f"{plan.service}/{plan.environment}/{plan.version}",
        "rules": [_rule(plan, alert, series, page=page) for alert in known],
    }
    text = yaml.safe_dump({"groups": [group]}, sort_keys=False, allow_unicode=True, width=1000)
    return f"# {plan.service} {plan.version} in {plan.environment}, plan {plan.hash}\n{text}"


def _rule(plan: Plan, alert: AlertRule, series: AlertSeries, *, page: bool) -> JsonObject:
    setting = plan.setting(alert.limit_from)
    limit = show_value(setting.unit, setting.value)
    rule: dict[str, Json] = {"alert": rule_name(alert), "expr": _expression(plan, alert, series, page=page)}
    if alert.seconds:
        rule["for"] = format_duration(alert.seconds)
    rule["labels"] = {
        "severity": alert.severity, "action": alert.action, "service": plan.service,
        "environment": plan.environment, "version": plan.version, "channels": ",".join(alert.channels),
    }  # fmt: skip
    rule["annotations"] = {
        "summary": f"{alert.title}: {plan.service} {plan.version} in {plan.environment}",
        "description": f"limit {limit}, {alert.limit_from} ({origin(setting.source)})",
        "plan": plan.hash,
    }
    return rule


def _expression(plan: Plan, alert: AlertRule, found: AlertSeries, *, page: bool) -> str:
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
            if page:
                return f"{CANARY_HEALTH}{{{labels_of(plan)}}} < {limit}"
            return f"{found.healthy} / {found.total} < {limit} and {found.total} > 0"
        case "no_data":
            return found.absent
        case other:
            raise ValueError(f"no series for the alert {other}")


def labels_of(plan: Plan, *, version: bool = True) -> str:
    """The labels of series on Pilotage's metrics page."""
    named = {"service": plan.service, "environment": plan.environment, **({"version": plan.version} if version else {})}
    return ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in named.items())


def _window(plan: Plan) -> str:
    return format_duration(max(plan.number("alerts.window"), 60))
