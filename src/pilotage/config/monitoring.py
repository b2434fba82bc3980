"""The section about Prometheus and Alertmanager: where a rollout's alert rules go, and whose alerts it minds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pilotage.config.fields import Address, Misplaced, PlainUrl, Section


class MonitoringSection(Section):
    """Prometheus and Alertmanager: the plan's alert rules while a rollout is in progress, and alerts that hold it."""

    prometheus: PlainUrl | None = Field(
        None, description="Address of the Prometheus that evaluates the rules, such as http://127.0.0.1:9090."
    )
    rules_folder: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="Folder from which Prometheus reads rules. Each rollout has a file there while it is in progress. "
        "A relative path starts at the folder of pilotage.yaml.",
    )
    reload: bool = Field(
        True,
        description="Ask Prometheus to reload its rules. Requires --web.enable-lifecycle. Without it, something else "
        "must reload Prometheus.",
    )
    alertmanager: PlainUrl | None = Field(
        None,
        description="Address of an Alertmanager, such as http://127.0.0.1:9093. A critical alert of the service holds "
        "a rollout.",
    )
    metrics: Address | None = Field(
        None,
        description="Address where Prometheus can scrape /metrics of Pilotage's worker, such as 127.0.0.1:9464. "
        "Requests are not authenticated.",
    )

    @model_validator(mode="after")
    def _complete(self) -> MonitoringSection:
        if self.rules_folder and not self.prometheus:
            raise Misplaced("is missing: Pilotage asks it whether the rules are loaded", "prometheus")
        if not (self.prometheus or self.alertmanager or self.metrics):
            raise ValueError("name prometheus, alertmanager or metrics")
        return self

    @property
    def tells_alerts(self) -> bool:
        """Whether there is anyone to ask which alerts fire."""
        return bool(self.alertmanager or self.prometheus)
