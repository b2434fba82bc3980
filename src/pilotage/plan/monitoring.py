"""What is watched, and which alerts say so: one source of limits a release (R18–R20, C2, C24)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pilotage.model.answers import DeploymentStrategy
from pilotage.model.plan import Step, StepKind, Unit
from pilotage.model.quantity import format_share
from pilotage.model.schedule import AlertRule, HealthMetric
from pilotage.plan.steps import Numbers

_HEALTH = (
    ("application_error_rate", "error rate", Unit.PERCENT, "a limit, and stable", "error_rate"),
    ("response_time_p95", "p95 response time", Unit.SECONDS, "stable", "response_time_factor"),
    ("memory_utilization", "memory per instance", Unit.FACTOR, "stable", "memory_factor"),
    ("cpu_utilization", "CPU per instance", Unit.FACTOR, "stable", "cpu_factor"),
    ("database_connection_pool", "database connections in use", Unit.PERCENT, "a limit", "connection_pool_utilization"),
    ("external_service_latency", "external service latency", Unit.SECONDS, "stable", "external_service_latency_factor"),
    ("user_session_health", "broken sessions", Unit.PERCENT, "stable", "session_loss"),
    ("business_conversion_rate", "conversions", Unit.PERCENT, "stable", "conversion_loss"),
)  # fmt: skip

_MEASURED_ALWAYS = 4
"""The first four come from the router and the fleet; the others are signals that the user configures."""

CHANNELS = ("slack", "email", "pagerduty", "teams")
"""R20's four, in its order."""


TIMES_BASELINE, UNKNOWN_FOR = "> baseline ×", "unknown for"
"""Comparisons that are no sign alone."""


def health_of(measured: Mapping[str, str]) -> tuple[HealthMetric, ...]:
    """The eight metrics of R19. `measured` says which source provides which; one without a source is not judged."""
    return tuple(
        HealthMetric(name, title, str(unit), against, f"rollback_triggers.{limit}", measured.get(name, ""), "R19")
        for name, title, unit, against, limit in _HEALTH
    )


def alerts_of(strategy: DeploymentStrategy, numbers: Numbers) -> tuple[AlertRule, ...]:
    """R20's rules with this plan's limits: an event has one rule, the most severe (C24)."""
    return tuple(_alerts(strategy, numbers))


def _alerts(strategy: DeploymentStrategy, n: Numbers) -> Iterator[AlertRule]:
    window, error = n.value("alerts.window"), n.value("rollback_triggers.error_rate")
    yield AlertRule(
        "high_error_rate", "High Error Rate", "application_error_rate", ">",
        n.limit("rollback_triggers.error_rate"), "rollback_triggers.error_rate",
        0, "critical", "immediate_rollback", CHANNELS, "R20",
    )  # fmt: skip
    yield AlertRule(
        "performance_degradation", "Performance Degradation", "response_time_p95", TIMES_BASELINE,
        n.limit("rollback_triggers.response_time_factor"), "rollback_triggers.response_time_factor", window,
        "warning", "investigation_required", ("slack", "email", "teams"), "R20",
    )  # fmt: skip
    success = n.value("alerts.success_rate")
    if success > 1 - error:
        yield AlertRule(
            "low_success_rate", "Low Success Rate", "success_rate", "<", n.limit("alerts.success_rate"),
            "alerts.success_rate", window, "warning", "deployment_pause", ("slack", "email", "teams"), "R20",
        )  # fmt: skip
    patience = n.value("hold.timeout")
    yield AlertRule(
        "no_data", "No Data", "application_error_rate", UNKNOWN_FOR, patience, "hold.timeout", patience, "warning",
        "hold", ("slack", "email", "teams"), "R20, rule 5",
    )  # fmt: skip
    if strategy is DeploymentStrategy.CANARY:
        yield AlertRule(
            "canary_health_check_failed", "Canary Health Check Failed", "canary_health_score", "<",
            n.limit("alerts.canary_health_score"), "alerts.canary_health_score", 0, "critical",
            "stop_canary_rollout", CHANNELS, "R20",
        )  # fmt: skip


NO_ALERT = "no critical alert of the service"
_EXPOSING = (StepKind.SET_WEIGHT, StepKind.SWITCH, StepKind.BATCH, StepKind.FLAG_RAMP, StepKind.MAINTENANCE)


def with_alerts(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The same steps where Pilotage asks which alerts fire: none that brings users to the release begins during a
    critical one (R13)."""
    return tuple(replace(step, needs=(*step.needs, NO_ALERT)) if step.kind in _EXPOSING else step for step in steps)


def with_signals(steps: tuple[Step, ...], measured: Mapping[str, str]) -> tuple[Step, ...]:
    """The same steps; what is analysed includes each signal that has a source (R13, R19)."""
    signals = tuple(name for name, *_ in _HEALTH[_MEASURED_ALWAYS:] if name in measured)
    return tuple(replace(step, judged=(*step.judged, *signals)) if step.judged else step for step in steps)


def rule_name(alert: AlertRule) -> str:
    """`HighErrorRate`: what the rule of an alert is called in Prometheus."""
    return alert.title.replace(" ", "")


def needs_page(alert: AlertRule) -> bool:
    """Whether only Pilotage's own metrics page has the series: a router sends to instances that are ready, and knows
    nothing of the others."""
    return alert.id == "canary_health_check_failed"


def limit_in_words(alert: AlertRule, shown: str) -> str:
    """`> 5%`, `> 2× baseline`, `unknown for 30m`. shown: the formatted limit."""
    return f"> {shown} baseline" if alert.comparison == TIMES_BASELINE else f"{alert.comparison} {shown}"


def alert_notes(alerts: tuple[AlertRule, ...], numbers: Numbers) -> tuple[str, ...]:
    """Says so when the success-rate alert is left out because it would double a more severe one (C24)."""
    if any(alert.id == "low_success_rate" for alert in alerts):
        return ()
    success, error = format_share(numbers.value("alerts.success_rate")), numbers.shown("rollback_triggers.error_rate")
    return (f"no alert for a success rate below {success}: errors above {error} are already critical",)
