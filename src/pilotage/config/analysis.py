"""Sections about figures that Prometheus answers: rules and signals."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from pilotage.config.fields import (
    Duration,
    PlainUrl,
    Section,
)
from pilotage.config.kinds import (
    KindOf,
    QueriesSection,
)
from pilotage.model.capabilities import Port
from pilotage.model.condition import Condition


class RuleSection(Section):
    """A threshold with counted failures, like a metric of an AnalysisTemplate of Argo Rollouts."""

    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(description="Name of the metric.")
    query: Annotated[str, Field(min_length=1)] = Field(
        description="PromQL query. `{version}` and `{stable_version}` are replaced by the names of the versions."
    )
    success_condition: str | None = Field(
        None,
        description="Condition for success, such as `result[0] >= 0.95`. Join comparisons with && and ||.",
    )
    failure_condition: str | None = Field(None, description="Condition for failure, such as `result[0] < 0.9`.")
    interval: Duration | None = Field(None, gt=0, description="Time between two measurements, such as 1m.")
    initial_delay: Duration = Field(0, ge=0, description="Time before the first measurement.")
    count: int | None = Field(None, ge=1, description="Number of measurements. Default: measure until the step ends.")
    failure_limit: int = Field(0, ge=-1, description="Tolerated failures; -1 for any number.")
    inconclusive_limit: int = Field(0, ge=-1, description="Tolerated measurements that neither succeed nor fail.")
    consecutive_error_limit: int = Field(4, ge=-1, description="Tolerated consecutive errors.")
    consecutive_success_limit: int = Field(
        0, ge=0, description="Consecutive successes that end the rule as passed; 0 turns this off."
    )
    dry_run: bool = Field(False, description="Measure, but ignore the result.")

    @field_validator("success_condition", "failure_condition")
    @classmethod
    def _comparisons(cls, text: str | None) -> str | None:
        if text is not None:
            Condition(text)
        return text


Signal = Literal[
    "database_connection_pool", "external_service_latency", "user_session_health", "business_conversion_rate",
    "user_satisfaction",
]  # fmt: skip


class AnalysisSection(Section):
    """Signals and rules from Prometheus, measured while a step is watched, in addition to the judge's own tests."""

    prometheus: PlainUrl | None = Field(None, description="Address of a Prometheus, such as http://127.0.0.1:9090.")
    queries: Annotated[QueriesSection, KindOf(Port.QUERIES)] | None = Field(
        None, description="Another system that answers queries, by its kind. Use it instead of prometheus."
    )
    rules: list[RuleSection] = Field(
        default_factory=list,
        description="Thresholds with counted failures. `pilotage analysis import` converts them from Argo Rollouts.",
    )
    signals: dict[Signal, Annotated[str, Field(pattern=r"\{version\}")]] = Field(
        default_factory=dict,
        description="Metrics that neither router nor fleet provides: PromQL queries that contain `{version}`.",
    )
    interval: Duration = Field(
        15, ge=1, description="Time between two readings of the signals. Use your scrape interval."
    )

    @model_validator(mode="after")
    def _something(self) -> AnalysisSection:
        if (self.prometheus is None) == (self.queries is None):
            raise ValueError("name either prometheus or queries")
        if not self.rules and not self.signals:
            raise ValueError("name rules or signals")
        return self
