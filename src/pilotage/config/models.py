"""What may stand in `pilotage.yaml`: one model a section. Field texts are the documentation and the JSON Schema."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from pilotage.model.answers import (
    Answers,
    DeploymentStrategy,
    ReleaseFrequency,
    ReleaseType,
    RiskTolerance,
    Stakeholder,
    TeamSize,
)
from pilotage.model.condition import Condition
from pilotage.model.order import cycle_in
from pilotage.model.quantity import parse_duration

_NAME = r"^[a-z][a-z0-9-]{0,62}$"


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536 or not re.fullmatch(r"[A-Za-z0-9.\-]+", host):
        raise ValueError("not an address such as 127.0.0.1:8080")
    return text


def _local(text: str) -> str:
    if not text.startswith("/") or any(c.isspace() for c in text):
        raise ValueError("not a path such as /healthz")
    return text


Duration = Annotated[float, BeforeValidator(parse_duration, json_schema_input_type=str | int | float)]
Address = Annotated[str, AfterValidator(_address)]
UrlPath = Annotated[str, AfterValidator(_local)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,62}$")]


class Section(BaseModel):
    """Unknown keys are errors; nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class AnswersSection(Section):
    """The six answers; `pilotage init` asks them."""

    release_type: Annotated[ReleaseType, Field(strict=False)] = Field(description="What kind of change is released.")
    deployment_strategy: Annotated[DeploymentStrategy, Field(strict=False)] = Field(description="How it reaches users.")
    team_size: Annotated[TeamSize, Field(strict=False)] = Field(
        description="Who releases: small 2–5, medium 6–15, large >15."
    )
    release_frequency: Annotated[ReleaseFrequency, Field(strict=False)] = Field(description="How often it is released.")
    risk_tolerance: Annotated[RiskTolerance, Field(strict=False)] = Field(
        description="How careful to be; sets most numbers."
    )
    stakeholders: list[Annotated[Stakeholder, Field(strict=False)]] = Field(
        min_length=1, description="Whom a release concerns; several may be named."
    )

    def to_answers(self) -> Answers:
        return Answers(
            self.release_type,
            self.deployment_strategy,
            self.team_size,
            self.release_frequency,
            self.risk_tolerance,
            self.stakeholders,
        )


class ProcessFleetSection(Section):
    """Instances are local processes."""

    kind: Literal["process"]
    command: list[str] = Field(
        min_length=1,
        description="Argument list that serves HTTP; `{version}` and `{port}` are filled in. No shell.",
    )
    count: Annotated[int, Field(ge=1, le=64)] = Field(1, description="How many instances carry all traffic.")
    health: UrlPath = Field("/healthz", description="Path that answers 2xx when an instance is well.")
    stop_deadline: Duration = Field(10.0, description="How long an instance may take to end before it is forced to.")

    @model_validator(mode="after")
    def _fills_in(self) -> ProcessFleetSection:
        for needed in ("{port}", "{version}"):
            if not any(needed in part for part in self.command):
                raise ValueError(f"command: {needed} stands nowhere in it, so two versions could not run side by side")
        return self


class StickySection(Section):
    """What tells users apart, so that one who was sent to the canary stays there."""

    cookie: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] | None = Field(
        None, description="A cookie; the router makes it for users without one."
    )
    header: HeaderName | None = Field(None, description="Or a request header, such as a user id set by a gateway.")

    @model_validator(mode="after")
    def _one(self) -> StickySection:
        if (self.cookie is None) == (self.header is None):
            raise ValueError("name either a cookie or a header")
        return self


class EnvoyRouterSection(Section):
    """The embedded load balancer."""

    kind: Literal["envoy"]
    listen: Address = Field(description="Where users reach the service, such as 0.0.0.0:8080.")
    sticky: StickySection | None = None
    request_timeout: Duration = Field(15.0, description="Longest answer that users wait for; 0 for none.")
    version_header: HeaderName | None = Field(None, description="Response header that names the version asked.")
    maintenance_page: str | None = Field(None, description="HTML file that users get while the service is closed.")


class EnvoyMetricsSection(Section):
    """Requests, errors and latencies as the embedded router counts them."""

    kind: Literal["envoy"]
    admin: Address | None = Field(None, description="Envoy's admin address, when it is not the embedded router's own.")


def _clock(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError(f"{text!r} is not a time of day such as 09:00")
    return text


def _day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a day such as 2026-12-24") from None
    return text


def _moment(text: str) -> str:
    try:
        if datetime.fromisoformat(text).tzinfo is None:
            return text
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not a local time such as 2026-12-24 18:00; the calendar's zone applies to it")


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{text!r} is not a time zone such as Europe/Berlin") from None
    return text


Clock = Annotated[str, AfterValidator(_clock)]
Day = Annotated[str, AfterValidator(_day)]
Moment = Annotated[str, AfterValidator(_moment)]
Zone = Annotated[str, AfterValidator(_zone)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class WindowSection(Section):
    """A preferred time to begin a rollout."""

    days: list[Weekday] = Field(["mon", "tue", "wed", "thu", "fri"], min_length=1, description="On these days.")
    opens: Clock = Field(description="From this time of day, such as 09:00.")
    closes: Clock = Field(description="Until before this time of day.")

    @model_validator(mode="after")
    def _opens_first(self) -> WindowSection:
        if self.closes <= self.opens:
            raise ValueError(f"the window closes ({self.closes}) before it opens ({self.opens})")
        return self


_FREEZE_FORMS = (("first", "last"), ("begins", "ends"), ("rule", "lasts"))


class FreezeSection(Section):
    """A time in which no rollout may start: days (first, last), times (begins, ends) or a rule that recurs."""

    name: Annotated[str, Field(min_length=1)] = Field(description="What it is called where it stops something.")
    first: Day | None = Field(None, description="Its first day.")
    last: Day | None = Field(None, description="Its last day, frozen too.")
    begins: Moment | None = Field(None, description="Or its first moment.")
    ends: Moment | None = Field(None, description="The moment when it is over.")
    rule: str | None = Field(None, description="Or an RRULE (RFC 5545) such as FREQ=MONTHLY;BYMONTHDAY=-1.")
    lasts: Duration | None = Field(None, description="How long each recurrence lasts.")
    starts: Moment | None = Field(
        None, description="When the rule's first recurrence may be; 2020-01-01 when left out."
    )

    @model_validator(mode="after")
    def _one_form(self) -> FreezeSection:
        given = [form for form in _FREEZE_FORMS if any(getattr(self, name) is not None for name in form)]
        if len(given) != 1 or any(getattr(self, name) is None for name in given[0]):
            raise ValueError("give either first and last, or begins and ends, or rule and lasts")
        first, last = (getattr(self, name) for name in given[0])
        if given[0][0] != "rule" and (last < first or (given[0][0] == "begins" and last == first)):
            raise ValueError(f"it is over ({last}) before it begins ({first})")
        if self.rule is not None and not re.search(r"FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)\b", self.rule):
            raise ValueError("its rule needs FREQ=DAILY, WEEKLY, MONTHLY or YEARLY")
        return self


class CalendarSection(Section):
    """When people work and when a release may begin."""

    zone: Zone = Field("UTC", description="The release's own time zone.")
    zones: list[Zone] = Field(default_factory=list, description="Where the team sits; the zone above when left out.")
    holidays: list[Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]] = Field(
        default_factory=list, description="Public holidays of these countries or regions, such as DE-BY or US."
    )
    opens: Clock = Field("09:00", description="The working day's begin, in each zone.")
    closes: Clock = Field("17:00", description="The working day's end.")
    windows: list[WindowSection] = Field(default_factory=list, description="Preferred times to begin a rollout.")
    freezes: list[FreezeSection] = Field(default_factory=list, description="Times in which no rollout may start.")

    @model_validator(mode="after")
    def _opens_first(self) -> CalendarSection:
        if self.closes <= self.opens:
            raise ValueError(f"the working day closes ({self.closes}) before it opens ({self.opens})")
        return self


class RuleSection(Section):
    """A threshold with counted failures, as a metric of an AnalysisTemplate of Argo Rollouts has it."""

    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(description="The metric's name.")
    query: Annotated[str, Field(min_length=1)] = Field(
        description="PromQL; `{new}` and `{old}` stand for the versions' names."
    )
    success_condition: str | None = Field(None, description="Such as `result[0] >= 0.95`; && and || join comparisons.")
    failure_condition: str | None = Field(None, description="Such as `result[0] < 0.9`.")
    interval: Duration | None = Field(None, gt=0, description="Between two measurements.")
    initial_delay: Duration = Field(0, ge=0, description="Before the first one.")
    count: int | None = Field(None, ge=1, description="So many measurements end it; without one it measures on.")
    failure_limit: int = Field(0, ge=-1, description="So many failures are tolerated; -1 for any number.")
    inconclusive_limit: int = Field(0, ge=-1, description="So many are tolerated that neither succeed nor fail.")
    consecutive_error_limit: int = Field(4, ge=-1, description="So many errors in a row are tolerated.")
    consecutive_success_limit: int = Field(0, ge=0, description="So many successes in a row end it well; 0 is off.")
    dry_run: bool = Field(False, description="Measured, and without consequence.")

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
    """Rules beside the judge's own, measured while a step is watched."""

    prometheus: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] = Field(description="Its address.")
    rules: list[RuleSection] = Field(default_factory=list, description="`pilotage analysis import` writes them.")
    signals: dict[Signal, Annotated[str, Field(pattern=r"\{version\}")]] = Field(
        default_factory=dict, description="Figures that neither router nor fleet tells: PromQL with `{version}` in it."
    )
    every: Duration = Field(15, ge=1, description="Between two readings of the signals; as often as they are scraped.")

    @model_validator(mode="after")
    def _something(self) -> AnalysisSection:
        if not self.rules and not self.signals:
            raise ValueError("name rules or signals")
        return self


class CheckSection(Section):
    """One check of a step: a command, or requests to every instance of the new version."""

    run: list[str] | None = Field(
        None,
        min_length=1,
        description="Arguments, no shell; {version}, {old}, {instances} and {step} are filled in.",
    )
    http: str | None = Field(None, pattern=r"^(/|https?://)\S*$", description="Path at each instance, or an address.")
    status: int = Field(200, ge=100, le=599, description="What each answer must be.")
    contains: str | None = Field(None, description="What each answer must hold.")
    times: int = Field(1, ge=1, le=10_000, description="Requests to each; many of them warm it up.")
    timeout: Duration = Field(60, gt=0, description="Of the command, or of one request.")

    @model_validator(mode="after")
    def _one(self) -> CheckSection:
        if (self.run is None) == (self.http is None):
            raise ValueError("name either run or http")
        return self


class FlagSection(Section):
    """The release flag of a feature toggle, in a file of definitions in flagd's format."""

    file: str = Field(description="The definitions; services evaluate them through OpenFeature.")
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")] = Field(description="The flag's name.")
    metrics: UrlPath = Field("/metrics", description="Where instances tell what each variant did, for the judge.")


class PersonSection(Section):
    """Somebody who commands and approves."""

    roles: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list, description="May answer for these.")
    also: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list, description="Other names of the same person: whoever asked may not approve as another."
    )


class TrafficSection(Section):
    """What users usually do, so that the plan can say when the judge will know."""

    requests_per_second: float = Field(gt=0, description="Of all users together, at a usual hour.", strict=False)
    error_rate: float = Field(gt=0, lt=1, description="Share of them that fail on a usual day, such as 0.002.")


class SyntheticSection(Section):
    """Requests of our own while a release is watched, where users make too few."""

    path: UrlPath = Field(description="What is asked for, with GET; the header x-pilotage-synthetic says whose it is.")
    per_second: float = Field(gt=0, le=100, description="How often, through the router.", strict=False)


class EnvironmentSection(Section):
    """One place where the service runs."""

    fleet: ProcessFleetSection
    router: EnvoyRouterSection
    metrics: EnvoyMetricsSection = EnvoyMetricsSection(kind="envoy", admin=None)
    downtime: bool = Field(
        False, description="This release closes the service, whatever the strategy: a migration does."
    )
    traffic: TrafficSection | None = Field(None, description="Usual traffic: the plan then says when harm is known.")
    synthetic: SyntheticSection | None = Field(None, description="Requests of our own while a release is watched.")
    checks: dict[str, list[CheckSection]] = Field(
        default_factory=dict, description="What a step checks beside its own question, by the step's id."
    )
    flag: FlagSection | None = Field(None, description="The flag of a feature toggle.")
    analysis: AnalysisSection | None = Field(None, description="Rules with counted failures, as Argo Rollouts has.")
    overrides: dict[str, bool | int | float | str | list[int | float | str]] = Field(
        default_factory=dict, description="Numbers of the plan by path, such as `canary.phase_duration: 30m`."
    )


class ReviewsSection(Section):
    """Where the reviews of commits are known beside git's own trailers and merges."""

    host: Literal["github", "gitlab"] | None = Field(
        None, description="Whose API is asked, where requests are squashed."
    )
    repository: str | None = Field(None, description="There: owner/name, or GitLab's path of the project.")
    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = Field(None, description="Of a host of your own.")
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
    rules: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = Field(
        None, description="A Prometheus that has the plan's alert rules loaded."
    )
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


class ServiceSection(Section):
    """One of several services that are released together."""

    after: list[Annotated[str, Field(pattern=_NAME)]] = Field(
        default_factory=list, description="Begins when these have the release; undone before them."
    )
    environments: dict[Annotated[str, Field(pattern=_NAME)], EnvironmentSection] = Field(min_length=1)


class Configuration(Section):
    """`pilotage.yaml`."""

    service: Annotated[str, Field(pattern=_NAME)] = Field(description="The service's name: a-z, 0-9 and -.")
    answers: AnswersSection
    calendar: CalendarSection = CalendarSection(zone="UTC", opens="09:00", closes="17:00")
    accept: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict, description="Conflicts of the plan that are gone on with: name and reason."
    )
    people: dict[str, PersonSection] = Field(default_factory=dict, description="Who may answer for what.")
    readiness: ReadinessSection | None = Field(None, description="Gates before a release begins.")
    when_busy: Literal["refuse", "queue", "supersede"] = Field(
        "refuse", description="What another deploy does while one is under way: refuse, wait its turn, or replace it."
    )
    environments: dict[Annotated[str, Field(pattern=_NAME)], EnvironmentSection] = Field(
        default_factory=dict, description="Where the service runs; of several services each has its own."
    )
    services: dict[Annotated[str, Field(pattern=_NAME)], ServiceSection] = Field(
        default_factory=dict, description="Instead of environments: services that one release brings out together."
    )
    lockstep: bool = Field(
        False, description="Of services without an order, none is more than one weight ahead of the others."
    )

    @model_validator(mode="after")
    def _either(self) -> Configuration:
        if not self.environments and not self.services:
            raise ValueError("environments: is missing")
        if self.environments and self.services:
            raise ValueError("name either environments or services, each with environments of its own")
        for name, section in self.services.items():
            for other in section.after:
                if other not in self.services:
                    raise ValueError(f"services.{name}.after: {other!r} is not one of {', '.join(self.services)}")
        ordered = {name: tuple(section.after) for name, section in self.services.items()}
        if cycle := cycle_in(ordered):
            raise ValueError(f"services: {' → '.join(cycle)} wait for one another")
        return self
