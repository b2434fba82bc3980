"""An alert that fires somewhere else: in Prometheus, told by Alertmanager."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CRITICAL = "critical"
"""The label `severity` of alerts that stop a release."""
TEST = "pilotage_test"
"""A label of alerts that `pilotage alerts test` sends; no release minds them."""


@dataclass(frozen=True, kw_only=True)
class FiringAlert:
    """since: Unix seconds at which it began to fire."""

    labels: Mapping[str, str] = field(default_factory=dict)
    since: float = 0.0
    summary: str = ""

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "an alert without a name")
