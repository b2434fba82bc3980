"""`readiness` of `pilotage.yaml`: gates before a release begins, and where their evidence lies."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pilotage.config.fields import Duration, PlainUrl, Section


class ReviewsSection(Section):
    """Where the reviews of commits are known beside git's own trailers and merges."""

    host: Literal["github", "gitlab"] | None = Field(
        None, description="Whose API is asked, where requests are squashed."
    )
    repository: str | None = Field(None, description="There: owner/name, or GitLab's path of the project.")
    url: PlainUrl | None = Field(None, description="Of a host of your own.")
    token: str | None = Field(
        None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Environment variable that holds the token."
    )
    since: str | None = Field(None, description="The first commit that is not looked at; else the version in service.")

    @model_validator(mode="after")
    def _whole(self) -> ReviewsSection:
        if (self.host is None) != (self.repository is None):
            raise ValueError("host and repository go together")
        return self


class EvidenceSection(Section):
    """Where one item's evidence lies; of several kinds all must be ready."""

    coverage: str | None = Field(
        None, description="Report in the format of Cobertura, JaCoCo, lcov or coverage.py JSON."
    )
    at_least: float | None = Field(
        None, ge=0, le=100, strict=False, description="Percent of lines; else what the plan's list wants."
    )
    tests: list[str] = Field(default_factory=list, description="Results in JUnit's XML.")
    findings: list[str] = Field(default_factory=list, description="SARIF, or JSON of pip-audit, npm audit, OSV.")
    accept: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict, description="Findings by id that somebody decided about, each with the decision."
    )
    benchmarks: str | None = Field(None, description="JSON of pytest-benchmark, hyperfine, k6, or name → seconds.")
    baseline: str | None = Field(None, description="The same of the version in service.")
    slower: float = Field(1.1, ge=1, strict=False, description="Tolerated factor between the medians.")
    reviews: ReviewsSection | None = Field(None, description="Every commit since the version in service was reviewed.")
    restore: str | None = Field(None, description="Record of a restore test: taken_at, restored_at, seconds, verified.")
    runbooks: list[str] = Field(default_factory=list, description="Markdown files or folders of them.")
    rules: PlainUrl | None = Field(None, description="A Prometheus that has the plan's alert rules loaded.")
    max_age: Duration | None = Field(None, gt=0, description="Of these files, when it is not that of the section.")

    @model_validator(mode="after")
    def _together(self) -> EvidenceSection:
        if self.benchmarks is not None and self.baseline is None:
            raise ValueError("benchmarks need a baseline")
        if not self.model_fields_set - {"at_least", "max_age", "slower", "accept", "baseline"}:
            raise ValueError("names no evidence, such as coverage, tests, findings, benchmarks, reviews, restore")
        return self


class ReadinessSection(Section):
    """What must be shown before `pilotage deploy` begins anything."""

    environments: list[str] = Field(
        default_factory=list, description="Where deploy refuses what is not ready; everywhere when left out."
    )
    artifact: str | None = Field(None, description="The file that is released: sign-offs hold for its digest only.")
    max_age: Duration = Field(7 * 86400.0, gt=0, description="Evidence older than this is stale.")
    staging: str | None = Field(None, description="The environment where releases are rehearsed.")
    differs: list[str] = Field(
        default_factory=list, description="Settings in which staging may differ, such as fleet.count."
    )
    rehearsed: Duration = Field(30 * 86400.0, gt=0, description="A rollback drill and a deployment are so long good.")
    evidence: dict[str, EvidenceSection] = Field(
        default_factory=dict, description="Items of the plan's readiness list: where their evidence lies."
    )
