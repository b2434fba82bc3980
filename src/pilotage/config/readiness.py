"""`readiness` of `pilotage.yaml`: gates before a release starts, and where their evidence is."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from pilotage.config.channels import SecretRef
from pilotage.config.fields import Duration, PlainUrl, Section
from pilotage.model.address import is_loopback

HealthMetric = Literal[
    "application_error_rate", "response_time_p95", "memory_utilization", "cpu_utilization",
    "database_connection_pool", "external_service_latency", "user_session_health", "business_conversion_rate",
]  # fmt: skip
"""The eight of R19."""


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


class TicketSection(Section):
    """A record in a ticket system that must have reached a state, asked over HTTP: ServiceNow, Jira and others."""

    url: PlainUrl = Field(
        description="Address that returns the record as JSON. `{version}` and `{environment}` stand for those of the "
        "release. The record must name the version."
    )
    field: str = Field(min_length=1, description="Path of a field in the answer, such as result.approval.")
    equals: str = Field(description="Value that this field must have, such as approved.")
    token: SecretRef | None = Field(
        None, description="Reference to the access token, such as secret://env/TICKET_TOKEN, or to the user's password."
    )
    user: str | None = Field(None, description="User name, for systems that ask for one. Default: a bearer token.")

    @model_validator(mode="after")
    def _secret_stays_secret(self) -> TicketSection:
        parts = urlsplit(self.url)
        if self.token and parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise ValueError("a token goes to https addresses only")
        if self.user and not self.token:
            raise ValueError("user needs a token, which is the password")
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
    document: str | None = Field(
        None,
        description="Document that people sign with the item, such as an assessment. A changed document voids the "
        "sign-off.",
    )
    link: PlainUrl | None = Field(
        None,
        description="Page that must answer 200 and name the version. `{version}` and `{environment}` stand for those "
        "of the release.",
    )
    changed: list[str] = Field(
        default_factory=list,
        description="Patterns of files, such as docs/**. Each must have a change since the version in production.",
    )
    people: str | None = Field(
        None,
        description="File of people with dates: YAML or JSON with `name: YYYY-MM-DD`, or CSV with the columns name and "
        "date.",
    )
    ticket: TicketSection | None = Field(None, description="Record in a ticket system.")
    max_age: Duration | None = Field(
        None,
        gt=0,
        description="Maximum age of these files. Default: max_age of readiness; 180d for runbooks and documents, 365d "
        "for dates of people.",
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


class SignatureSection(Section):
    """The signature that the released artifact must have."""

    public_key: str = Field(
        min_length=1, description="File with the public key: PEM of an Ed25519 key, or a minisign key."
    )
    file: str | None = Field(
        None, description="File with the signature. Default: the artifact's name with .minisig or .sig."
    )


class ReadinessSection(Section):
    """What must be ready before `pilotage deploy` starts a rollout."""

    environments: list[str] = Field(
        default_factory=list,
        description="Environments where deploy refuses a release that is not ready. Default: all but staging.",
    )
    enforce: bool = Field(
        True, description="Whether deploy refuses what is not ready. `pilotage ready` shows it anyway."
    )
    artifact: str | None = Field(None, description="File that is released. Sign-offs apply only to its digest.")
    signature: SignatureSection | None = Field(
        None, description="Signature of the artifact, which a rolling release checks before its first batch."
    )
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
    not_measured: dict[HealthMetric, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict,
        description="Health metrics that your service does not have, as `metric: reason`. All others need a reading.",
    )
    waivers: WaiversSection = Field(
        default_factory=lambda: WaiversSection.model_validate({}), description="Limits on waivers."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> ReadinessSection:
        if self.signature is not None and self.artifact is None:
            raise ValueError("signature requires artifact: the file that is signed")
        if both := sorted(self.evidence.keys() & self.not_for_us.keys()):
            raise ValueError(f"{both[0]} has evidence and is not_for_us: keep one of the two")
        return self
