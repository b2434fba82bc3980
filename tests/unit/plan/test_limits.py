"""Limits, health metrics and alerts (R18–R20)."""

from __future__ import annotations

import pytest

from pilotage import Service
from pilotage.model.answers import (
    DeploymentStrategy,
)
from tests.plans import overrides
from tests.plans import planned as plan

M = 60


@pytest.mark.parametrize(
    ("metric", "limit"),
    [
        ("application_error_rate", "rollback_triggers.error_rate"),
        ("response_time_p95", "rollback_triggers.response_time_factor"),
        ("memory_utilization", "rollback_triggers.memory_factor"),
        ("cpu_utilization", "rollback_triggers.cpu_factor"),
        ("database_connection_pool", "rollback_triggers.connection_pool_utilization"),
        ("external_service_latency", "rollback_triggers.external_service_latency_factor"),
        ("user_session_health", "rollback_triggers.session_loss"),
        ("business_conversion_rate", "rollback_triggers.conversion_loss"),
    ],
)
def test_r19_health_metrics(metric: str, limit: str) -> None:
    made = plan(Service(measured={"application_error_rate": "envoy"}))
    (found,) = [health for health in made.health if health.id == metric]
    assert found.limit == limit
    assert made.setting(limit)
    assert found.provided_by == ("envoy" if metric == "application_error_rate" else "")
    assert len(made.health) == 8


@pytest.mark.parametrize(
    ("strategy", "tolerance", "alert", "limit", "severity", "action"),
    [
        ("canary", "medium", "high_error_rate", 5, "critical", "immediate_rollback"),
        ("canary", "low", "high_error_rate", 1, "critical", "immediate_rollback"),
        ("blue-green", "medium", "high_error_rate", 1, "critical", "immediate_rollback"),
        ("canary", "medium", "performance_degradation", 1.5, "warning", "investigation_required"),
        ("canary", "high", "performance_degradation", 2, "warning", "investigation_required"),
        ("canary", "medium", "low_success_rate", 99, "warning", "deployment_pause"),
        ("canary", "medium", "canary_health_check_failed", 90, "critical", "stop_canary_rollout"),
        ("rolling", "medium", "no_data", 15 * M, "warning", "hold"),
    ],
)
def test_r20_c2_alerts_have_the_limits_of_the_plan(
    strategy: str, tolerance: str, alert: str, limit: float, severity: str, action: str
) -> None:
    made = plan(deployment_strategy=strategy, risk_tolerance=tolerance)
    (found,) = [rule for rule in made.alerts if rule.id == alert]
    assert (found.limit, found.severity, found.action) == (limit, severity, action)
    assert made.setting(found.limit_from).value == limit
    if severity == "critical":
        assert found.channels == ("slack", "email", "pagerduty", "teams")


@pytest.mark.parametrize(
    ("strategy", "tolerance", "present"),
    [
        ("canary", "medium", True),
        ("canary", "high", True),
        ("canary", "low", False),
        ("canary", "zero-downtime", False),
        ("blue-green", "high", False),
    ],
)
def test_c24_one_event_has_one_alert(strategy: str, tolerance: str, present: bool) -> None:
    made = plan(deployment_strategy=strategy, risk_tolerance=tolerance)
    assert ("low_success_rate" in {rule.id for rule in made.alerts}) == present
    assert any("already critical" in note for note in made.notes) != present


def test_r20_the_canarys_health_is_the_canarys_alone() -> None:
    rules = {
        strategy: {rule.id for rule in plan(deployment_strategy=strategy).alerts} for strategy in DeploymentStrategy
    }
    assert [name for name in rules if "canary_health_check_failed" in rules[name]] == ["canary"]


def test_an_override_reaches_steps_alerts_and_rollback() -> None:
    service = Service(overrides=overrides({"rollback_triggers.error_rate": "2%"}))
    made = plan(service)
    assert next(rule.limit for rule in made.alerts if rule.id == "high_error_rate") == 2
    assert "error rate above 2%" in made.rollback.triggers[0]
