"""The models of `pilotage.yaml`, one per section. Field texts appear in `pilotage docs` and in the JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, field_validator, model_validator
from pydantic.config import JsonDict

from pilotage.config.analysis import AnalysisSection
from pilotage.config.calendar import CalendarSection
from pilotage.config.channels import ChannelSection
from pilotage.config.checks import CheckSection, ProbeSection
from pilotage.config.counting import ErrorKinds, RouteSection, check_routes, server_errors
from pilotage.config.fields import (
    NAME,
    Misplaced,
    Section,
    UrlPath,
)
from pilotage.config.integrity import AuditSection, SigningSection
from pilotage.config.kinds import (
    FlagSection,
    FleetSection,
    KindOf,
    MetricsSection,
    RouterSection,
)
from pilotage.config.matching import mismatches
from pilotage.config.readiness import ReadinessSection
from pilotage.config.reporting import ReportSection, RetentionSection, StatusPageSection
from pilotage.model.answers import (
    SHORT_NAMES,
    Answers,
    DeploymentStrategy,
    ReleaseFrequency,
    ReleaseType,
    RiskTolerance,
    Stakeholder,
    TeamSize,
)
from pilotage.model.capabilities import Port
from pilotage.model.order import cycle_in


def _with_short_names(schema: JsonDict) -> None:
    """For editors: an answer may have its short name."""
    properties, required = schema["properties"], schema["required"]
    assert isinstance(properties, dict)
    assert isinstance(required, list)
    for short, name in SHORT_NAMES.items():
        whole = properties[name]
        assert isinstance(whole, dict)
        properties[short] = {**whole, "description": f"Short name of {name}."}
        required.remove(name)
        schema["allOf"] = [{"anyOf": [{"required": [name]}, {"required": [short]}]}]


class AnswersSection(Section):
    """The six answers from which Pilotage makes its plans. `pilotage init` asks them."""

    model_config = ConfigDict(json_schema_extra=_with_short_names)

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
    stakeholder_complexity: list[Annotated[Stakeholder, Field(strict=False)]] = Field(
        min_length=1,
        description="Who is affected by a release. You can list several. Short name: `stakeholders`.",
    )

    def to_answers(self) -> Answers:
        return Answers(
            self.release_type,
            self.deployment_strategy,
            self.team_size,
            self.release_frequency,
            self.risk_tolerance,
            self.stakeholder_complexity,
        )


class PersonSection(Section):
    """A person who gives commands and approvals."""

    roles: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list, description="Roles of this person, such as QA lead."
    )
    aliases: list[Annotated[str, Field(min_length=1)]] = Field(
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
        default_factory=server_errors,
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

    @field_validator("overrides", mode="before")
    @classmethod
    def _flat(cls, written: object) -> object:
        for section, nested in written.items() if isinstance(written, dict) else ():
            if isinstance(nested, dict) and nested:
                name, value = next(iter(nested.items()))
                flat = f"{section}.{name}: {json.dumps(value, default=str)}"
                raise Misplaced(f"is no number of the plan: write {flat} instead", section)
        return written

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

    depends_on: list[Annotated[str, Field(pattern=NAME)]] = Field(
        default_factory=list,
        description="Services that must complete the release first. A rollback goes the other way round.",
    )
    environments: dict[Annotated[str, Field(pattern=NAME)], EnvironmentSection] = Field(
        min_length=1, description="Where this service runs."
    )


class Configuration(Section):
    """All settings of `pilotage.yaml`."""

    service: Annotated[str, Field(pattern=NAME)] = Field(description="Name of the service: a-z, 0-9 and -.")
    answers: AnswersSection = Field(description="The six answers from which Pilotage makes its plans.")
    calendar: CalendarSection = Field(
        CalendarSection(timezone="UTC", workday_start="09:00", workday_end="17:00"),
        description="Calendar: working hours, holidays, release windows and freezes.",
    )
    accepted_conflicts: dict[str, Annotated[str, Field(min_length=1)]] = Field(
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
    on_conflict: Literal["refuse", "queue", "replace"] = Field(
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
            for index, other in enumerate(section.depends_on):
                if other not in self.services:
                    known = ", ".join(self.services)
                    raise Misplaced(f"{other!r} is not one of {known}", "services", name, "depends_on", index)
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
        ordered = {name: tuple(section.depends_on) for name, section in self.services.items()}
        if cycle := cycle_in(ordered):
            raise Misplaced(f"{' → '.join(cycle)} depend on each other", "services")
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
