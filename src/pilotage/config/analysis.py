"""Sections about figures that Prometheus answers: rules and signals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from pilotage.config.fields import (
    NAME,
    Duration,
    Misplaced,
    PlainUrl,
    Section,
)
from pilotage.config.kinds import (
    KindOf,
    QueriesSection,
    can_answer,
    section_of,
)
from pilotage.model.capabilities import Port
from pilotage.model.condition import Condition
from pilotage.model.quantity import format_duration
from pilotage.model.query import Query

SourceName = Annotated[str, Field(pattern=NAME)]


class RuleSection(Section):
    """A threshold with counted failures, like a metric of an AnalysisTemplate of Argo Rollouts."""

    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(description="Name of the metric.")
    query: Annotated[str, Field(min_length=1)] = Field(
        description="Query in the language of its source, such as PromQL. `{version}` and `{stable_version}` are "
        "replaced by the names of the versions."
    )
    source: SourceName | None = Field(
        None, description="Which of `sources` answers. Default: prometheus or queries of the same section."
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

FEEDBACK = "feedback"
"""Instead of a query: the answers of users."""


class SignalSection(Section):
    """A signal that one of several metrics systems answers."""

    query: Annotated[str, Field(pattern=r"\{version\}")] = Field(description="Query that contains `{version}`.")
    source: SourceName | None = Field(
        None, description="Which of `sources` answers. Default: prometheus or queries of the same section."
    )


class AnalysisSection(Section):
    """Signals and rules of metrics systems, measured while a step is watched, in addition to the judge's own tests."""

    prometheus: PlainUrl | None = Field(None, description="Address of a Prometheus, such as http://127.0.0.1:9090.")
    queries: Annotated[QueriesSection, KindOf(Port.QUERIES)] | None = Field(
        None, description="Another system that answers queries, by its kind. Use it instead of prometheus."
    )
    sources: dict[SourceName, Annotated[QueriesSection, KindOf(Port.QUERIES)]] = Field(
        default_factory=dict,
        description="Further systems that answer queries, by names you choose. A rule or signal names one as its "
        "source.",
    )
    rules: list[RuleSection] = Field(
        default_factory=list,
        description="Thresholds with counted failures. `pilotage analysis import` converts them from Argo Rollouts.",
    )
    signals: dict[Signal, Annotated[str, Field(pattern=r"\{version\}|^feedback$")] | SignalSection] = Field(
        default_factory=dict,
        description="Metrics that neither router nor fleet provides: queries that contain `{version}`, such as PromQL. "
        "For user_satisfaction also `feedback`: ratings that users give in the form of `intake`.",
    )
    interval: Duration = Field(
        15, ge=1, description="Time between two readings of the signals. Use your scrape interval."
    )

    @property
    def takes_feedback(self) -> bool:
        """Whether the ratings of users are a signal."""
        return self.signals.get("user_satisfaction") == FEEDBACK

    @property
    def queried(self) -> Mapping[str, Query]:
        """The query of each signal that has one."""
        return {
            str(name): Query(text=one) if isinstance(one, str) else Query(text=one.query, source=one.source or "")
            for name, one in self.signals.items()
            if one != FEEDBACK
        }

    @property
    def every_source(self) -> Mapping[str, QueriesSection]:
        """What answers queries, by name; the system that has no name has an empty one."""
        if self.queries is not None:
            return {"": self.queries, **self.sources}
        if self.prometheus is not None:
            return {"": _prometheus(self.prometheus), **self.sources}
        return self.sources

    @property
    def signals_every(self) -> float:
        """Seconds between two readings of the signals: as often as each of their sources can be asked."""
        return max([self.interval, *(self._slowest(query.source) for query in self.queried.values())])

    def _slowest(self, source: str) -> float:
        section = self.every_source.get(source)
        return can_answer(section).interval if section is not None else 0.0

    @field_validator("signals")
    @classmethod
    def _of_users_alone(cls, signals: dict[Signal, str | SignalSection]) -> dict[Signal, str | SignalSection]:
        for name, query in signals.items():
            if query == FEEDBACK and name != "user_satisfaction":
                raise Misplaced("feedback is for user_satisfaction alone: write a query with {version}", name)
        return signals

    @model_validator(mode="after")
    def _something(self) -> AnalysisSection:
        named = [rule.source or "" for rule in self.rules] + [query.source for query in self.queried.values()]
        unnamed = "" in named or not (named or self.takes_feedback)
        if (self.prometheus is not None) + (self.queries is not None) != 1 and unnamed:
            several = ", or a source for every rule and signal" if self.sources else ""
            raise ValueError(f"name either prometheus or queries{several}")
        if not self.rules and not self.signals:
            raise ValueError("name rules or signals")
        self._check_sources()
        return self

    def _check_sources(self) -> None:
        """Raises Misplaced for a source that does not exist, and for one that is asked more often than it can be."""
        often = self.interval if "interval" in self.model_fields_set else None
        for number, rule in enumerate(self.rules):
            self._check_source(rule.source, "rules", number)
            self._check_interval(rule.source or "", rule.interval, "rules", number, "interval")
        for name, one in self.signals.items():
            self._check_source(one.source if isinstance(one, SignalSection) else None, "signals", name)
        for query in self.queried.values():
            self._check_interval(query.source, often, "interval")

    def _check_source(self, source: str | None, *place: str | int) -> None:
        if source is not None and source not in self.sources:
            known = ", ".join(self.sources) or "none"
            raise Misplaced(f"no source is called {source!r}; there are {known}", *place, "source")

    def _check_interval(self, source: str, interval: float | None, *place: str | int) -> None:
        least = self._slowest(source) if interval is not None else 0.0
        if interval is not None and interval < least:
            kind = self.every_source[source].kind
            raise Misplaced(f"{kind} is asked every {format_duration(least)} at most: write that or more", *place)


def _prometheus(url: str) -> QueriesSection:
    model = section_of(Port.QUERIES, "prometheus")
    assert model is not None, "it comes with Pilotage"
    section = model.model_validate({"kind": "prometheus", "url": url})
    assert isinstance(section, QueriesSection)
    return section
