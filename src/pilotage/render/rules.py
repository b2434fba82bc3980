"""The plan's alerts as a Prometheus rules file (R20): the same limits, for the series that the router exposes.

Series are Envoy's own, as its admin port shows them under `/stats/prometheus`.
"""

from __future__ import annotations

from typing import Any

from pilotage.adapters.envoy_admin import CLUSTER, cluster_of
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration
from pilotage.model.schedule import AlertRule
from pilotage.plan.values import show_value

PROVIDER = "envoy"


class NoSeries(ValueError):
    """The environment's metrics have no series that Prometheus could read."""


def to_rules(plan: Plan) -> str:
    """YAML that `promtool check rules` accepts. Raises NoSeries when no health metric comes from Envoy."""
    import yaml

    if PROVIDER not in {metric.provided_by for metric in plan.health}:
        raise NoSeries("no health metric of this plan comes from Envoy: `metrics: {kind: envoy}` gives the series")
    group = {
        "name": f"{plan.service}/{plan.environment}/{plan.version}",
        "rules": [_rule(plan, alert) for alert in plan.alerts],
    }
    text = yaml.safe_dump({"groups": [group]}, sort_keys=False, allow_unicode=True, width=1000)
    return f"# {plan.service} {plan.version} in {plan.environment}, plan {plan.hash}\n{text}"


def _rule(plan: Plan, alert: AlertRule) -> dict[str, Any]:
    setting = plan.setting(alert.limit_from)
    rule: dict[str, Any] = {"alert": alert.title.replace(" ", ""), "expr": _expression(plan, alert)}
    if alert.seconds:
        rule["for"] = format_duration(alert.seconds)
    rule["labels"] = {
        "severity": alert.severity, "action": alert.action, "service": plan.service,
        "environment": plan.environment, "version": plan.version,
    }  # fmt: skip
    rule["annotations"] = {
        "summary": f"{alert.title}: {plan.service} {plan.version} in {plan.environment}",
        "description": f"limit {show_value(setting.unit, setting.value)}, {setting.source} ({alert.limit_from})",
        "plan": plan.hash,
        "channels": ", ".join(alert.channels),
    }
    return rule


def _expression(plan: Plan, alert: AlertRule) -> str:
    new, window = f'envoy_cluster_name="{_quoted(cluster_of(plan.version))}"', _window(plan)
    errors = f'sum(rate(envoy_cluster_upstream_rq_xx{{{new},envoy_response_code_class="5"}}[{window}]))'
    requests = f"sum(rate(envoy_cluster_upstream_rq_completed{{{new}}}[{window}]))"
    least = plan.number("alerts.min_requests")
    enough = f"and sum(increase(envoy_cluster_upstream_rq_completed{{{new}}}[{window}])) >= {least:g}"
    match alert.id:
        case "high_error_rate":
            return f"{errors} / {requests} > {alert.limit} {enough}"
        case "low_success_rate":
            return f"1 - {errors} / {requests} < {alert.limit} {enough}"
        case "performance_degradation":
            stable = f'envoy_cluster_name=~"{CLUSTER}.+",envoy_cluster_name!="{_quoted(cluster_of(plan.version))}"'
            return f"{_p95(new, window)} > {alert.limit} * {_p95(stable, window)} {enough}"
        case "canary_health_check_failed":
            healthy, total = (f"sum(envoy_cluster_membership_{name}{{{new}}})" for name in ("healthy", "total"))
            return f"{healthy} / {total} < {alert.limit} and {total} > 0"
        case "no_data":
            return f"absent(envoy_cluster_upstream_rq_completed{{{new}}})"
        case other:
            raise ValueError(f"no series for the alert {other}")


def _p95(series: str, window: str) -> str:
    return f"histogram_quantile(0.95, sum by (le) (rate(envoy_cluster_upstream_rq_time_bucket{{{series}}}[{window}])))"


def _window(plan: Plan) -> str:
    return format_duration(max(plan.number("alerts.window"), 60))


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
