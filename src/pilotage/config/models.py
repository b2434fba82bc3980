"""What may stand in `pilotage.yaml`: one model a section. Field texts are the documentation and the JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from pilotage.config.calendar import CalendarSection
from pilotage.config.channels import ChannelSection, SecretRef
from pilotage.config.counting import ErrorKinds, RouteSection, check_routes
from pilotage.config.fields import (
    NAME,
    Duration,
    InsideProject,
    Misplaced,
    PlainUrl,
    Section,
    Url,
    UrlPath,
)
from pilotage.config.integrity import AuditSection, SigningSection
from pilotage.config.kinds import (
    FlagSection,
    FleetSection,
    KindOf,
    MetricsSection,
    QueriesSection,
    RouterSection,
    router_counted_by,
    tells_own_requests,
)
from pilotage.config.programs import ProgramSection
from pilotage.config.readiness import ReadinessSection
from pilotage.model.answers import (
    Answers,
    DeploymentStrategy,
    ReleaseFrequency,
    ReleaseType,
    RiskTolerance,
    Stakeholder,
    TeamSize,
)
from pilotage.model.capabilities import Port
from pilotage.model.condition import Condition
from pilotage.model.order import cycle_in


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

    prometheus: PlainUrl | None = Field(None, description="The address of a Prometheus.")
    queries: Annotated[QueriesSection, KindOf(Port.QUERIES)] | None = Field(
        None, description="Or another system that answers queries, by its kind."
    )
    rules: list[RuleSection] = Field(default_factory=list, description="`pilotage analysis import` writes them.")
    signals: dict[Signal, Annotated[str, Field(pattern=r"\{version\}")]] = Field(
        default_factory=dict, description="Figures that neither router nor fleet tells: PromQL with `{version}` in it."
    )
    every: Duration = Field(15, ge=1, description="Between two readings of the signals; as often as they are scraped.")

    @model_validator(mode="after")
    def _something(self) -> AnalysisSection:
        if (self.prometheus is None) == (self.queries is None):
            raise ValueError("name either prometheus or queries")
        if not self.rules and not self.signals:
            raise ValueError("name rules or signals")
        return self


class CheckSection(ProgramSection):
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
        if self.run is None and self.names_variables:
            raise ValueError("environment and pass_environment go with run")
        return self


class ProbeSection(ProgramSection):
    """A critical function, tried at each instance of both versions while a release is watched."""

    name: str = Field("", max_length=64, description="What reasons call it; the path or the program when left out.")
    http: UrlPath | None = Field(None, description="Path at each instance, asked for with GET.")
    run: list[str] | None = Field(
        None,
        min_length=1,
        description="Or arguments of a command, no shell; {version}, {host}, {port} and {url} are filled in.",
    )
    status: int = Field(200, ge=200, le=599, description="What each answer must be; redirects are not followed.")
    contains: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="What the first 64 kB of each answer must hold."
    )
    every: Duration = Field(5, ge=1, description="Between two rounds.")
    failures: int = Field(3, ge=1, le=100, description="So many in a row at one instance fail the version.")
    timeout: Duration = Field(2, gt=0, le=60, description="Of one try.")

    @property
    def called(self) -> str:
        return self.name or self.http or (self.run or [""])[0]

    @model_validator(mode="after")
    def _one(self) -> ProbeSection:
        if (self.run is None) == (self.http is None):
            raise ValueError("name either http or run")
        if self.run is None and self.names_variables:
            raise ValueError("environment and pass_environment go with run")
        if any("\0" in part for part in self.run or ()):
            raise ValueError("run: a NUL character stands in it, which no command can take")
        if self.run is not None:
            if self.status != 200 or self.contains is not None:
                raise ValueError("status and contains go with http: a command passes when it exits with 0")
            if not any(place in part for part in self.run for place in ("{port}", "{url}")):
                raise ValueError("run: neither {url} nor {port} stands in it, so it could not tell the instances apart")
        return self


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

    fleet: Annotated[FleetSection, KindOf(Port.FLEET)] = Field(description="What runs the instances.")
    router: Annotated[RouterSection, KindOf(Port.ROUTER)] | None = Field(None, description="What splits requests.")
    routers: dict[Annotated[str, Field(pattern=NAME)], Annotated[RouterSection, KindOf(Port.ROUTER)]] = Field(
        default_factory=dict, description="Instead of router: several that split alike, by names of your own."
    )
    metrics: Annotated[MetricsSection, KindOf(Port.METRICS)] = Field(
        default={"kind": "envoy"}, validate_default=True, description="Where requests and errors are counted."
    )
    downtime: bool = Field(
        False, description="This release closes the service, whatever the strategy: a migration does."
    )
    traffic: TrafficSection | None = Field(None, description="Usual traffic: the plan then says when harm is known.")
    synthetic: SyntheticSection | None = Field(None, description="Requests of our own while a release is watched.")
    errors: ErrorKinds = Field(
        default_factory=lambda: ["5xx"], description="Which answers count as failed: 5xx, 4xx, 404, {grpc: [INTERNAL]}."
    )
    routes: Annotated[list[RouteSection], AfterValidator(check_routes)] = Field(
        default_factory=list, description="Parts of the service that are judged on their own; learned where none stand."
    )
    checks: dict[str, list[CheckSection]] = Field(
        default_factory=dict, description="What a step checks beside its own question, by the step's id."
    )
    probes: list[ProbeSection] = Field(
        default_factory=list, description="Critical functions, tried at each instance while a release is watched."
    )
    flag: Annotated[FlagSection, KindOf(Port.FLAGS, default="flagd")] | None = Field(
        None, description="The flag of a feature toggle."
    )
    analysis: AnalysisSection | None = Field(None, description="Rules with counted failures, as Argo Rollouts has.")
    overrides: dict[str, bool | int | float | str | list[int | float | str]] = Field(
        default_factory=dict, description="Numbers of the plan by path, such as `canary.phase_duration: 30m`."
    )

    @property
    def every_router(self) -> Mapping[str, RouterSection]:
        """By name; that of a single `router` is empty."""
        return {"": self.router} if self.router else self.routers

    @model_validator(mode="after")
    def _routed(self) -> EnvironmentSection:
        if self.router is None and not self.routers:
            raise Misplaced("is missing", "router")
        if self.router is not None and self.routers:
            raise Misplaced("name either router or routers", "routers")
        kinds = list(dict.fromkeys(router.kind for router in self.every_router.values()))
        needed = router_counted_by(self.metrics)
        if needed and needed not in kinds:
            raise Misplaced(
                f"{self.metrics.kind} reads the figures of a router of kind {needed}, and the router is of kind "
                f"{' and '.join(kinds)}: name another source of counts, such as {{kind: command, run: [./counts]}}",
                "metrics" if "metrics" in self.model_fields_set else "router" if self.router else "routers",
            )
        if self.synthetic is not None and not all(map(tells_own_requests, self.every_router.values())):
            raise Misplaced(
                f"a router of kind {' and '.join(kinds)} cannot tell Pilotage's own requests from those of users: "
                "leave synthetic out",
                "synthetic",
            )
        return self

    @field_validator("probes")
    @classmethod
    def _called_differently(cls, probes: list[ProbeSection]) -> list[ProbeSection]:
        names = [probe.called for probe in probes]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise Misplaced(f"two probes are called {name!r}: give each a name of its own", index)
        return probes


class ServiceSection(Section):
    """One of several services that are released together."""

    after: list[Annotated[str, Field(pattern=NAME)]] = Field(
        default_factory=list, description="Begins when these have the release; undone before them."
    )
    environments: dict[Annotated[str, Field(pattern=NAME)], EnvironmentSection] = Field(min_length=1)


class BusinessSection(Section):
    """A figure of the business, for reports: a CSV with `day` and `value`, SQL that gives the two, or PromQL."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    csv: str | None = Field(None, description="A file in the project.")
    sql: str | None = Field(None, description="A query that gives a day and a value a row.")
    database: SecretRef | None = Field(None, description="Of the query: an address as SQLAlchemy has it.")
    prometheus: Url | None = None
    query: str | None = Field(None, description="PromQL, of Prometheus.")

    @model_validator(mode="after")
    def _one(self) -> BusinessSection:
        if (self.sql is None) != (self.database is None) or (self.prometheus is None) != (self.query is None):
            raise ValueError("sql and database go together, and prometheus and query")
        if sum(source is not None for source in (self.csv, self.sql, self.prometheus)) != 1:
            raise ValueError("name one source: csv, sql or prometheus")
        return self


class ReportSection(Section):
    """What reports know beside rollouts."""

    business: list[BusinessSection] = Field(default_factory=list, description="Figures of the business.")


class StatusPageSection(Section):
    """A page for the public, as files."""

    folder: InsideProject = Field(description="Where they are written, inside the project, such as public/status.")
    title: str = Field("Status", description="Of the page.")
    environment: str = Field(description="The one that the public uses.")
    address: Url = Field("http://localhost/", description="Where it will be found, for the feed.")


class RetentionSection(Section):
    """What `pilotage prune` leaves. Rollouts, events and verdicts stay for ever."""

    messages: Duration = Field(
        default=90 * 86400, ge=0, description="How long messages stay after the end of their rollout."
    )
    logs: Duration = Field(
        default=30 * 86400, ge=0, description="How long logs of instances and checks stay that are gone."
    )


class Configuration(Section):
    """`pilotage.yaml`."""

    service: Annotated[str, Field(pattern=NAME)] = Field(description="The service's name: a-z, 0-9 and -.")
    answers: AnswersSection
    calendar: CalendarSection = CalendarSection(zone="UTC", opens="09:00", closes="17:00")
    accept: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict, description="Conflicts of the plan that are gone on with: name and reason."
    )
    people: dict[str, PersonSection] = Field(default_factory=dict, description="Who may answer for what.")
    readiness: ReadinessSection | None = Field(None, description="Gates before a release begins.")
    notify: list[ChannelSection] = Field(default_factory=list, description="Who is told, and through what.")
    report: ReportSection = ReportSection()
    signing: SigningSection | None = Field(None, description="The key that signs records.")
    audit: AuditSection = AuditSection()
    retention: RetentionSection = Field(default_factory=RetentionSection, description="For how long what is kept.")
    status_page: StatusPageSection | None = Field(None, description="A page for the public.")
    templates: str | None = Field(None, description="A folder with announcement templates of one's own.")
    language: Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")] = Field("en", description="Of announcements.")
    when_busy: Literal["refuse", "queue", "supersede"] = Field(
        "refuse", description="What another deploy does while one is under way: refuse, wait its turn, or replace it."
    )
    environments: dict[Annotated[str, Field(pattern=NAME)], EnvironmentSection] = Field(
        default_factory=dict, description="Where the service runs; of several services each has its own."
    )
    services: dict[Annotated[str, Field(pattern=NAME)], ServiceSection] = Field(
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
            for index, other in enumerate(section.after):
                if other not in self.services:
                    known = ", ".join(self.services)
                    raise Misplaced(f"{other!r} is not one of {known}", "services", name, "after", index)
        self._folders()
        names = [channel.called for channel in self.notify]
        there = {*self.environments, *(e for section in self.services.values() for e in section.environments)}
        for index, channel in enumerate(self.notify):
            for at, name in enumerate(channel.environments):
                if name not in there:
                    known = ", ".join(sorted(there))
                    raise Misplaced(f"{name!r} is not one of {known}", "notify", index, "environments", at)
            if channel.called in names[:index]:
                message = f"two channels are called {channel.called!r}: give each a name of its own"
                raise Misplaced(message, "notify", index)
        ordered = {name: tuple(section.after) for name, section in self.services.items()}
        if cycle := cycle_in(ordered):
            raise Misplaced(f"{' → '.join(cycle)} wait for one another", "services")
        return self

    def _folders(self) -> None:
        """Each environment of a service runs in a folder named after both; two that come to the same name would share
        a router."""
        seen: dict[str, str] = {}
        for name, section in self.services.items():
            for environment in section.environments:
                mine, folder = f"{name} in {environment}", f"{name}-{environment}"
                if folder in seen:
                    message = f"{mine} and {seen[folder]} would share the folder {folder}: rename one of them"
                    raise Misplaced(message, "services", name, "environments", environment)
                seen[folder] = mine
