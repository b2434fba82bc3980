"""Adapters and what they can do, as the JSON that `adapters` prints."""

from __future__ import annotations

from dataclasses import asdict

from pilotage.model.capabilities import PortCapabilities
from pilotage.model.output.reference import AdapterOutput, CapabilitiesOutput
from pilotage.model.traffic import percent

_NAMES = {
    "closed": "maintenance_page", "cohort": "max_cohort", "grain": "weight_granularity_percent",
    "interval": "interval_seconds", "late": "late_seconds",
    "most": "max_instances", "of_router": "requires_router", "own_requests": "synthetic_requests",
    "period": "period_seconds", "provides": "health_metrics", "rehearse": "kill_switch_test",
    "settle": "settle_seconds", "versions": "max_versions",
}  # fmt: skip
"""Fields of capabilities that have another name in JSON."""


def adapter_output(
    port: str, kind: str, package: str, summary: str, capabilities: PortCapabilities | None
) -> AdapterOutput:
    """One installed adapter. capabilities: None if it cannot be imported."""
    return AdapterOutput(
        port=port,
        kind=kind,
        package=package,
        summary=summary,
        capabilities=None if capabilities is None else _capabilities(capabilities),
    )


def _capabilities(found: PortCapabilities) -> CapabilitiesOutput:
    values = {_NAMES.get(name, name): value for name, value in asdict(found).items()}
    if "weight_granularity_percent" in values:
        values["weight_granularity_percent"] = percent(values["weight_granularity_percent"])
    for name in (
        "max_versions",
        "max_instances",
        "requires_router",
        "language",
        "headers",
        "max_cohort",
        "cohort_headers",
        "period_seconds",
        "late_seconds",
        "interval_seconds",
    ):
        values[name] = values.get(name) or None  # 0 stands for any number, and an empty name for none
    return CapabilitiesOutput(**values)
