"""Sections about what is shown and kept: business figures, the status page, retention."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pilotage.config.channels import SecretRef
from pilotage.config.fields import (
    Duration,
    InsideProject,
    Misplaced,
    PlainUrl,
    Section,
    Url,
)

_Name = Annotated[str, Field(min_length=1, max_length=64)]


class SourceSection(Section):
    """Where a figure is read: a CSV file with `day` and `value`, an SQL query that returns both, or PromQL."""

    csv: str | None = Field(None, description="CSV file in the project, with the columns day and value.")
    sql: str | None = Field(None, description="SQL query that returns a day and a value per row.")
    database: SecretRef | None = Field(
        None,
        description="Reference to the database URL for sql, in SQLAlchemy's format, such as secret://env/SHOP_DATABASE.",
    )
    prometheus: Url | None = Field(None, description="Address of a Prometheus, for query.")
    query: str | None = Field(None, description="PromQL query for prometheus.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.sql is None) != (self.database is None) or (self.prometheus is None) != (self.query is None):
            raise ValueError("sql and database go together, and prometheus and query")
        if sum(source is not None for source in (self.csv, self.sql, self.prometheus)) != 1:
            raise ValueError("name one source: csv, sql or prometheus")
        return self


class BusinessSection(SourceSection):
    """A business figure for reports."""

    name: _Name = Field(description="Name of the figure, such as revenue or retention.")
    control: _Name | None = Field(
        None,
        description="Name of another figure that the release cannot change, such as the revenue of a market without "
        "it. The report of a release compares the ratio of the two.",
    )
    higher_is_better: bool = Field(True, description="Whether a rise is good news.")


class AdoptionSection(Section):
    """Who uses a feature: a CSV file with `day`, `variant`, `users` and `used`, or an SQL query that returns them."""

    name: _Name = Field(description="Name of the feature, such as gift cards.")
    csv: str | None = Field(None, description="CSV file in the project, with the columns day, variant, users and used.")
    sql: str | None = Field(
        None,
        description="SQL query that returns a day, a variant such as on, its users, and how many of them used the "
        "feature.",
    )
    database: SecretRef | None = Field(
        None, description="Reference to the database URL for sql, such as secret://env/SHOP_DATABASE."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.sql is None) != (self.database is None):
            raise ValueError("sql and database go together")
        if (self.csv is None) == (self.sql is None):
            raise ValueError("name one source: csv or sql")
        return self


class PerformanceSection(Section):
    """Figures of the whole service in a Prometheus, for the report of a release. Default: the environment's
    `monitoring.prometheus` and the series of its metrics."""

    prometheus: PlainUrl = Field(description="Address of the Prometheus, such as http://127.0.0.1:9090.")
    throughput: str | None = Field(None, description="PromQL for requests per second, with [1h] as its window.")
    error_rate: str | None = Field(None, description="PromQL for the share of failed requests, 0 to 1.")
    response_time: str | None = Field(None, description="PromQL for a response time in seconds, such as p95.")


class IssuesSection(Section):
    """The tracker that knows your bugs, for retrospectives."""

    code_host: Literal["github", "gitlab", "gitea"] = Field(description="Kind of tracker; Forgejo is a gitea.")
    repository: _Name = Field(description="Repository on that host: owner/name, or GitLab's project path.")
    url: PlainUrl | None = Field(None, description="Address of a self-hosted server. Required for gitea.")
    token: SecretRef | None = Field(None, description="Reference to the access token, such as secret://env/TOKEN.")
    bug_label: _Name = Field("bug", description="Label of bugs.")
    found_label: _Name = Field(
        "found-in-testing", description="Label of bugs that were found before a release. All others escaped."
    )
    customer_label: _Name | None = Field(None, description="Label of issues that customers reported.")

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.code_host == "gitea" and self.url is None:
            raise Misplaced("is missing: a gitea is always self-hosted", "url")
        return self


class ReportSection(Section):
    """What reports show in addition to rollouts."""

    business_metrics: list[BusinessSection] = Field(
        default_factory=list, description="Business figures, such as orders per day."
    )
    performance: PerformanceSection | None = Field(
        None, description="Where the report of a release finds throughput, error rate and response time."
    )
    adoption: list[AdoptionSection] = Field(
        default_factory=list, description="Features, and who uses them, by variant."
    )

    issues: IssuesSection | None = Field(None, description="Tracker of your bugs, for retrospectives.")
    survey: str | None = Field(
        None,
        description="Answers of the team, as a CSV or JSON file in the project: a day, and 1 to 5 for "
        "team_satisfaction. Without it, those of the intake server's form.",
    )
    training: str | None = Field(
        None,
        description="Training of the team, as a CSV or JSON file in the project with person, training and day. The day "
        "is empty until it is completed.",
    )

    @model_validator(mode="after")
    def _known_controls(self) -> Self:
        names = [one.name for one in self.business_metrics]
        for index, one in enumerate(self.business_metrics):
            if one.control is not None and (one.control == one.name or one.control not in names):
                raise Misplaced(
                    f"must name another figure of business_metrics, got {one.control!r}",
                    "business_metrics", index, "control",
                )  # fmt: skip
        return self


class StatusPageSection(Section):
    """A public status page, written as files."""

    folder: InsideProject = Field(description="Folder inside the project for the files, such as public/status.")
    title: str = Field("Status", description="Title of the page.")
    environment: str = Field(description="Environment that the public uses.")
    url: Url = Field("http://localhost/", description="Public address of the page, for the feed.")


class RetentionSection(Section):
    """What `pilotage prune` keeps. Rollouts, events and verdicts are kept forever."""

    messages: Duration = Field(
        default=90 * 86400, ge=0, description="How long to keep messages after the end of their rollout."
    )
    reports: Duration = Field(
        default=90 * 86400, ge=0, description="How long to keep the words of users' reports. What is counted stays."
    )
    logs: Duration = Field(
        default=30 * 86400, ge=0, description="How long to keep logs of instances, checks and stages that are gone."
    )
    artifacts: Duration = Field(
        default=90 * 86400,
        ge=0,
        description="How long to keep files that ways built. What an environment serves, what it may go back to (its "
        "last ten good versions) and what a way is bringing stays.",
    )
