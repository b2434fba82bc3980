"""The models of `pilotage.yaml`, one per section. Field texts appear in `pilotage docs` and in the JSON Schema."""

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
)
from pilotage.config.matching import mismatches
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
    """The six answers from which Pilotage makes its plans. `pilotage init` asks them."""

    release_type: Annotated[ReleaseType, Field(strict=False)] = Field(
        description="Kind of change: major, minor, patch, hotfix or feature-flag."
    )
    deployment_strategy: Annotated[DeploymentStrategy, Field(strict=False)] = Field(
        description="How the release reaches users."
    )
    team_size: Annotated[TeamSize, Field(strict=False)] = Field(
        description="Size of the team: small 2–5, medium 6–15, large >15, or distributed."
    )
    release_frequency: Annotated[ReleaseFrequency, Field(strict=False)] = Field(description="How often you release.")
    risk_tolerance: Annotated[RiskTolerance, Field(strict=False)] = Field(
        description="How careful to be. Sets the defaults of most numbers in the plan."
    )
    stakeholders: list[Annotated[Stakeholder, Field(strict=False)]] = Field(
        min_length=1, description="Who is affected by a release. You can list several."
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
    """A threshold with counted failures, like a metric of an AnalysisTemplate of Argo Rollouts."""

    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(description="Name of the metric.")
    query: Annotated[str, Field(min_length=1)] = Field(
        description="PromQL query. `{new}` and `{old}` are replaced by the names of the versions."
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
        description="Metrics that neither router nor fleet knows: PromQL queries that contain `{version}`.",
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


class CheckSection(ProgramSection):
    """A check of a step: a command, or HTTP requests to every instance of the new version."""

    command: list[str] | None = Field(
        None,
        min_length=1,
        description="Arguments of a command, no shell. {version}, {old}, {instances} and {step} are filled in.",
    )
    http: str | None = Field(
        None,
        pattern=r"^(/|https?://)\S*$",
        description="Path to request at each instance, such as /checkout, or a whole URL.",
    )
    status: int = Field(200, ge=100, le=599, description="Required status of each response.")
    contains: str | None = Field(None, description="Text that each response must contain.")
    requests: int = Field(1, ge=1, le=10_000, description="Requests per instance. Use many to warm it up.")
    timeout: Duration = Field(60, gt=0, description="Time limit of the command, or of one request.")

    @model_validator(mode="after")
    def _one(self) -> CheckSection:
        if (self.command is None) == (self.http is None):
            raise ValueError("name either command or http")
        if self.command is None and self.names_variables:
            raise ValueError("env and pass_env go with command")
        return self


class ProbeSection(ProgramSection):
    """A critical function, tested at each instance of both versions while a release is watched."""

    name: str = Field("", max_length=64, description="Name in verdicts and reasons. Default: the path or the program.")
    http: UrlPath | None = Field(None, description="Path to request at each instance with GET, such as /cart.")
    command: list[str] | None = Field(
        None,
        min_length=1,
        description="Command as an argument list, instead of http. {version}, {host}, {port} and {url} are filled in.",
    )
    status: int = Field(
        200, ge=200, le=599, description="Required status of each response. Redirects are not followed."
    )
    contains: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="Text that the first 64 kB of each response must contain."
    )
    interval: Duration = Field(5, ge=1, description="Time between two rounds.")
    failure_threshold: int = Field(
        3, ge=1, le=100, description="Consecutive failures at one instance that fail the version."
    )
    timeout: Duration = Field(2, gt=0, le=60, description="Time limit of one try.")

    @property
    def called(self) -> str:
        return self.name or self.http or (self.command or [""])[0]

    @model_validator(mode="after")
    def _one(self) -> ProbeSection:
        if (self.command is None) == (self.http is None):
            raise ValueError("name either http or command")
        if self.command is None and self.names_variables:
            raise ValueError("env and pass_env go with command")
        if any("\0" in part for part in self.command or ()):
            raise ValueError("command: a NUL character stands in it, which no command can take")
        if self.command is not None:
            if self.status != 200 or self.contains is not None:
                raise ValueError("status and contains go with http: a command passes when it exits with 0")
            if not any(place in part for part in self.command for place in ("{port}", "{url}")):
                raise ValueError(
                    "command: neither {url} nor {port} stands in it, so it could not tell the instances apart"
                )
        return self


class PersonSection(Section):
    """A person who gives commands and approvals."""

    roles: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list, description="Roles of this person, such as QA lead."
    )
    also: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list,
        description="Other names of the same person, such as slack:U0123. They do not count as somebody else.",
    )


class TrafficSection(Section):
    """Usual traffic. The plan uses it to say how soon the judge detects harm."""

    requests_per_second: float = Field(
        gt=0, description="Requests per second of all users in a usual hour.", strict=False
    )
    error_rate: float = Field(gt=0, lt=1, description="Share of requests that fail on a usual day, such as 0.002.")


class SyntheticSection(Section):
    """Requests that Pilotage sends while a release is watched, for services with too few users."""

    path: UrlPath = Field(description="Path to request with GET. The header x-pilotage-synthetic marks these requests.")
    requests_per_second: float = Field(
        gt=0, le=100, description="Requests per second, through the router.", strict=False
    )


class EnvironmentSection(Section):
    """A place where the service runs, such as production."""

    fleet: Annotated[FleetSection, KindOf(Port.FLEET)] = Field(description="What runs the instances.")
    router: Annotated[RouterSection, KindOf(Port.ROUTER)] | None = Field(
        None, description="What splits requests between versions."
    )
    routers: dict[Annotated[str, Field(pattern=NAME)], Annotated[RouterSection, KindOf(Port.ROUTER)]] = Field(
        default_factory=dict,
        description="Several routers that split traffic the same way, by names you choose. Use it instead of router.",
    )
    metrics: Annotated[MetricsSection, KindOf(Port.METRICS)] = Field(
        default={"kind": "envoy"}, validate_default=True, description="Where requests and errors are counted."
    )
    downtime: bool = Field(
        False, description="The release needs downtime, for example for a migration, whatever the strategy."
    )
    traffic: TrafficSection | None = Field(
        None, description="Usual traffic. The plan then says how soon harm is detected."
    )
    synthetic: SyntheticSection | None = Field(
        None, description="Requests that Pilotage sends while a release is watched."
    )
    errors: ErrorKinds = Field(
        default_factory=lambda: ["5xx"],
        description="Responses that count as failed, such as 5xx, 4xx, 404 or {grpc: [INTERNAL]}.",
    )
    routes: Annotated[list[RouteSection], AfterValidator(check_routes)] = Field(
        default_factory=list,
        description="Parts of the service that are judged separately. Default: learned from traffic.",
    )
    checks: dict[str, list[CheckSection]] = Field(
        default_factory=dict, description="Checks to add to a step, by the id of the step, such as check-smoke."
    )
    probes: list[ProbeSection] = Field(
        default_factory=list, description="Critical functions, tested at each instance while a release is watched."
    )
    flag: Annotated[FlagSection, KindOf(Port.FLAGS, default="flagd")] | None = Field(
        None, description="Feature flag of a feature-toggle release."
    )
    analysis: AnalysisSection | None = Field(None, description="Signals and rules from Prometheus.")
    overrides: dict[str, bool | int | float | str | list[int | float | str]] = Field(
        default_factory=dict,
        description="Numbers of the plan to change, by path, such as `canary.phase_duration: 30m`.",
    )

    @property
    def every_router(self) -> Mapping[str, RouterSection]:
        """All routers by name; a single `router` has an empty name."""
        return {"": self.router} if self.router else self.routers

    @model_validator(mode="after")
    def _routed(self) -> EnvironmentSection:
        if self.router is None and not self.routers:
            raise Misplaced("is missing", "router")
        if self.router is not None and self.routers:
            raise Misplaced("name either router or routers", "routers")
        for mismatch in mismatches(self):
            raise mismatch
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
    """A service that is released together with others."""

    after: list[Annotated[str, Field(pattern=NAME)]] = Field(
        default_factory=list,
        description="Services that must complete the release first. A rollback goes the other way round.",
    )
    environments: dict[Annotated[str, Field(pattern=NAME)], EnvironmentSection] = Field(
        min_length=1, description="Where this service runs."
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

    business: list[BusinessSection] = Field(
        default_factory=list, description="Business figures, such as orders per day."
    )


class StatusPageSection(Section):
    """A public status page, written as files."""

    folder: InsideProject = Field(description="Folder inside the project for the files, such as public/status.")
    title: str = Field("Status", description="Title of the page.")
    environment: str = Field(description="Environment that the public uses.")
    address: Url = Field("http://localhost/", description="Public address of the page, for the feed.")


class RetentionSection(Section):
    """What `pilotage prune` keeps. Rollouts, events and verdicts are kept forever."""

    messages: Duration = Field(
        default=90 * 86400, ge=0, description="How long to keep messages after the end of their rollout."
    )
    logs: Duration = Field(
        default=30 * 86400, ge=0, description="How long to keep logs of instances and checks that are gone."
    )


class Configuration(Section):
    """All settings of `pilotage.yaml`."""

    service: Annotated[str, Field(pattern=NAME)] = Field(description="Name of the service: a-z, 0-9 and -.")
    answers: AnswersSection = Field(description="The six answers from which Pilotage makes its plans.")
    calendar: CalendarSection = Field(
        CalendarSection(zone="UTC", opens="09:00", closes="17:00"),
        description="Calendar: working hours, holidays, release windows and freezes.",
    )
    accept: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict, description="Plan conflicts you accept, as `name: reason`."
    )
    people: dict[str, PersonSection] = Field(
        default_factory=dict, description="People, with their roles and other names."
    )
    readiness: ReadinessSection | None = Field(None, description="Gates that must be ready before a release starts.")
    notify: list[ChannelSection] = Field(default_factory=list, description="Channels for messages, and who they reach.")
    report: ReportSection = Field(ReportSection(), description="Business figures for reports.")
    signing: SigningSection | None = Field(None, description="Key that signs records.")
    audit: AuditSection = Field(AuditSection(), description="Where signed heads of event chains go.")
    retention: RetentionSection = Field(
        default_factory=RetentionSection, description="How long messages and logs are kept."
    )
    status_page: StatusPageSection | None = Field(None, description="Public status page.")
    templates: str | None = Field(None, description="Folder with your own announcement templates.")
    language: Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")] = Field(
        "en", description="Language of announcements, such as en or de."
    )
    when_busy: Literal["refuse", "queue", "supersede"] = Field(
        "refuse",
        description="What a deploy does while another rollout is in progress: refuse, queue, or roll it back first.",
    )
    environments: dict[Annotated[str, Field(pattern=NAME)], EnvironmentSection] = Field(
        default_factory=dict,
        description="Where the service runs. With services, each service has its own environments.",
    )
    services: dict[Annotated[str, Field(pattern=NAME)], ServiceSection] = Field(
        default_factory=dict,
        description="Services that one release rolls out together. Use it instead of environments.",
    )
    lockstep: bool = Field(
        False, description="Keep services without an order between them within one weight of each other."
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
