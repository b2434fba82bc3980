"""`readiness` of `pilotage.yaml`: gates before a release starts, and where their evidence is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pilotage.config.channels import SecretRef
from pilotage.config.fields import Duration, PlainUrl, Section


class ReviewsSection(Section):
    """Where to look for reviews of commits, in addition to git's own trailers and merges."""

    code_host: Literal["github", "gitlab"] | None = Field(
        None, description="Code host whose API to ask, if you squash merges."
    )
    repository: str | None = Field(None, description="Repository on that host: owner/name, or GitLab's project path.")
    url: PlainUrl | None = Field(None, description="Address of a self-hosted code host.")
    token: SecretRef | None = Field(
        None, description="Reference to the access token, such as secret://env/GITHUB_TOKEN."
    )
    since: str | None = Field(None, description="Check commits after this one. Default: the version in production.")

    @model_validator(mode="after")
    def _whole(self) -> ReviewsSection:
        if (self.code_host is None) != (self.repository is None):
            raise ValueError("code_host and repository go together")
        return self


class EvidenceSection(Section):
    """Where the evidence of one item is. If you list several kinds, all must be ready."""

    coverage: str | None = Field(
        None, description="Coverage report: Cobertura, JaCoCo, lcov, coverage.py JSON or Go profile."
    )
    min_coverage: float | None = Field(
        None, ge=0, le=100, strict=False, description="Required percentage of lines. Default: what the plan requires."
    )
    tests: list[str] = Field(default_factory=list, description="Test results: JUnit XML, TRX or TAP.")
    findings: list[str] = Field(
        default_factory=list,
        description="Findings: SARIF, CycloneDX with VEX, or JSON of Semgrep, Bandit, Trivy, Grype, "
        "dependency-check, pip-audit, npm audit or OSV-Scanner.",
    )
    accepted_findings: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict, description="Accepted findings, as `id: reason`. An alias works as well."
    )
    benchmarks: str | None = Field(
        None,
        description="Benchmark results: JSON of pytest-benchmark, hyperfine or k6, or an object of name and seconds.",
    )
    baseline: str | None = Field(None, description="Benchmark results of the version in production, to compare with.")
    max_slowdown: float = Field(
        1.1, ge=1, strict=False, description="Tolerated factor between the medians, such as 1.1."
    )
    reviews: ReviewsSection | None = Field(
        None,
        description="Someone other than the author must have reviewed every commit since the version in production.",
    )
    restore: str | None = Field(
        None, description="Record of a restore test, with taken_at, restored_at, seconds and verified."
    )
    runbooks: list[str] = Field(default_factory=list, description="Runbooks: Markdown files, or folders of them.")
    alert_rules: PlainUrl | None = Field(
        None, description="Address of a Prometheus that must have the plan's alert rules loaded."
    )
    max_age: Duration | None = Field(
        None, gt=0, description="Maximum age of these files. Default: max_age of readiness; 180d for runbooks."
    )

    @model_validator(mode="after")
    def _together(self) -> EvidenceSection:
        if self.benchmarks is not None and self.baseline is None:
            raise ValueError("benchmarks need a baseline")
        if not self.model_fields_set - {"min_coverage", "max_age", "max_slowdown", "accepted_findings", "baseline"}:
            raise ValueError("names no evidence, such as coverage, tests, findings, benchmarks, reviews, restore")
        return self


class WaiversSection(Section):
    """Limits on waivers: what one person can waive, and what nobody can."""

    per_person: int = Field(5, ge=0, description="Number of items that one person can waive for one release.")
    never: list[str] = Field(default_factory=list, description="Items that nobody can waive.")


class ReadinessSection(Section):
    """What must be ready before `pilotage deploy` starts a rollout."""

    environments: list[str] = Field(
        default_factory=list,
        description="Environments where deploy refuses a release that is not ready. Default: all but staging.",
    )
    artifact: str | None = Field(None, description="File that is released. Sign-offs apply only to its digest.")
    max_age: Duration = Field(
        7 * 86400.0, gt=0, description="Evidence older than this is stale, such as 7d. Runbooks have their own limit."
    )
    staging: str | None = Field(None, description="Environment where you rehearse releases.")
    allowed_differences: list[str] = Field(
        default_factory=list, description="Settings that may differ in staging, such as fleet.count."
    )
    max_drill_age: Duration = Field(
        30 * 86400.0, gt=0, description="How long a rollback drill or a staging deployment stays valid."
    )
    evidence: dict[str, EvidenceSection] = Field(
        default_factory=dict, description="Where the evidence is, by item of the plan's readiness list."
    )
    not_for_us: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict,
        description="Items that do not apply to your team, as `item: reason`. Shown wherever "
        "readiness is shown, and part of the plan's hash.",
    )
    waivers: WaiversSection = Field(
        default_factory=lambda: WaiversSection.model_validate({}), description="Limits on waivers."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> ReadinessSection:
        if both := sorted(self.evidence.keys() & self.not_for_us.keys()):
            raise ValueError(f"{both[0]} has evidence and is not_for_us: keep one of the two")
        return self
