"""Sections about what is shown and kept: business figures, the status page, retention."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pilotage.config.channels import SecretRef
from pilotage.config.fields import (
    Duration,
    InsideProject,
    Section,
    Url,
)


class BusinessSection(Section):
    """A business figure for reports: a CSV file with `day` and `value`, an SQL query that returns both, or PromQL."""

    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(description="Name of the figure, such as orders.")
    csv: str | None = Field(None, description="CSV file in the project, with the columns day and value.")
    sql: str | None = Field(None, description="SQL query that returns a day and a value per row.")
    database: SecretRef | None = Field(
        None,
        description="Reference to the database URL for sql, in SQLAlchemy's format, such as secret://env/SHOP_DATABASE.",
    )
    prometheus: Url | None = Field(None, description="Address of a Prometheus, for query.")
    query: str | None = Field(None, description="PromQL query for prometheus.")

    @model_validator(mode="after")
    def _one(self) -> BusinessSection:
        if (self.sql is None) != (self.database is None) or (self.prometheus is None) != (self.query is None):
            raise ValueError("sql and database go together, and prometheus and query")
        if sum(source is not None for source in (self.csv, self.sql, self.prometheus)) != 1:
            raise ValueError("name one source: csv, sql or prometheus")
        return self


class ReportSection(Section):
    """What reports show in addition to rollouts."""

    business_metrics: list[BusinessSection] = Field(
        default_factory=list, description="Business figures, such as orders per day."
    )


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
    logs: Duration = Field(
        default=30 * 86400, ge=0, description="How long to keep logs of instances and checks that are gone."
    )
