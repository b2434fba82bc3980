"""The models of `pilotage.yaml`, one per section. Field texts appear in `pilotage docs` and in the JSON Schema."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from pilotage.config.calendar import CalendarSection
from pilotage.config.channels import ChannelSection
from pilotage.config.environment import EnvironmentSection
from pilotage.config.fields import NAME, Day, Misplaced, Section
from pilotage.config.incidents import IncidentsSection
from pilotage.config.intake import IntakeSection
from pilotage.config.integrity import AuditSection, SigningSection
from pilotage.config.meetings import MeetingsSection
from pilotage.config.notes import NotesSection
from pilotage.config.phases import PhasesSection
from pilotage.config.readiness import ReadinessSection
from pilotage.config.reporting import ReportSection, RetentionSection, StatusPageSection
from pilotage.config.repository import BUILT_FROM, IGNORED_PATHS, PATHS, TAG_PREFIX, PathPattern, TagPrefix
from pilotage.config.server import ServerSection
from pilotage.config.train import TrainSection
from pilotage.config.way import WaySection
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
        description="How careful to be. Sets the defaults of most settings of the plan."
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


class AwaySection(Section):
    """Days on which a person is away."""

    first_day: Day = Field(description="First day, such as 2026-12-18.")
    last_day: Day = Field(description="Last day, inclusive.")

    @model_validator(mode="after")
    def _in_order(self) -> AwaySection:
        if self.last_day < self.first_day:
            raise ValueError(f"it ends ({self.last_day}) before it starts ({self.first_day})")
        return self


class PersonSection(Section):
    """A person who gives commands and approvals."""

    roles: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list, description="Roles of this person, such as QA lead."
    )
    aliases: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list,
        description="Other names of this person, such as slack:U0123.",
    )
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")] | None = Field(
        None, description="Mail address of this person, for invitations to meetings."
    )
    away: list[AwaySection] = Field(
        default_factory=list,
        description="When this person is away. `pilotage risk` says so if nobody else knows a changed file.",
    )


class ServiceSection(Section):
    """A service that is released together with others."""

    depends_on: list[Annotated[str, Field(pattern=NAME)]] = Field(
        default_factory=list,
        description="Services that must complete the release first. A rollback goes the other way round.",
    )
    paths: list[PathPattern] = Field(default_factory=list, description=PATHS)
    built_from: list[PathPattern] = Field(default_factory=list, description=BUILT_FROM)
    tag_prefix: TagPrefix | None = Field(None, description=TAG_PREFIX)
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
    phases: PhasesSection = Field(
        default_factory=lambda: PhasesSection.model_validate({}), description="Phases of scheduled releases."
    )
    notify: list[ChannelSection] = Field(default_factory=list, description="Channels for messages, and who they reach.")
    report: ReportSection = Field(ReportSection.model_validate({}), description="Business figures for reports.")
    signing: SigningSection | None = Field(None, description="Key that signs records.")
    audit: AuditSection = Field(AuditSection(), description="Where signed heads of event chains go.")
    retention: RetentionSection = Field(
        default_factory=RetentionSection, description="How long messages and logs are kept."
    )
    status_page: StatusPageSection | None = Field(None, description="Public status page.")
    intake: IntakeSection | None = Field(None, description="Users' reports of problems, and their feedback.")
    incidents: IncidentsSection = Field(
        default_factory=IncidentsSection, description="What Pilotage does after a rollback."
    )
    train: TrainSection | None = Field(
        None, description="Release train: when scheduled releases depart, and until when changes board."
    )
    meetings: MeetingsSection = Field(
        default_factory=MeetingsSection, description="When and where people meet about a release."
    )
    notes: NotesSection | None = Field(None, description="What release notes say beside the changes.")
    way: WaySection | None = Field(None, description="Stages that one version travels, from its commit to its users.")
    identity: Literal["stated", "verified"] = Field(
        "stated",
        description="Whether a shell may act under any name (stated), or only under the login's, or one that an SSH "
        "key proves (verified).",
    )
    server: ServerSection = Field(
        default_factory=lambda: ServerSection.model_validate({}),
        description="The server: its address, how people sign in, and who sends it news.",
    )
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
        False,
        description="Services without an order between them advance together: none gets more than one weight ahead.",
    )
    paths: list[PathPattern] = Field(default_factory=list, description=PATHS)
    built_from: list[PathPattern] = Field(default_factory=list, description=BUILT_FROM)
    tag_prefix: TagPrefix | None = Field(None, description=TAG_PREFIX)
    ignored_paths: list[PathPattern] = Field(default_factory=list, description=IGNORED_PATHS)

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
        self._repository()
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
        self._answers_come_in(there)
        if self.way is not None:
            self.way.refuse_unknown(sorted(there))
        self._train(there)
        publish = self.notes.publish if self.notes else None
        if publish is not None and publish.environment not in there:
            known = ", ".join(sorted(there))
            raise Misplaced(f"{publish.environment!r} is not one of {known}", "notes", "publish", "environment")
        ordered = {name: tuple(section.depends_on) for name, section in self.services.items()}
        if cycle := cycle_in(ordered):
            raise Misplaced(f"{' → '.join(cycle)} depend on each other", "services")
        return self

    def _answers_come_in(self, environments: set[str]) -> None:
        """Ratings can only be a signal where users give them."""
        if self.intake is not None and self.intake.environment not in environments:
            known = ", ".join(sorted(environments))
            raise Misplaced(f"{self.intake.environment!r} is not one of {known}", "intake", "environment")
        found: list[tuple[tuple[str, ...], EnvironmentSection]] = [
            (("environments", name), one) for name, one in self.environments.items()
        ]
        for service, section in self.services.items():
            found += [(("services", service, "environments", name), one) for name, one in section.environments.items()]
        for path, one in found:
            if one.analysis is None or not one.analysis.takes_feedback:
                continue
            if self.intake is None or self.intake.environment != path[-1]:
                message = f"feedback needs `intake` for {path[-1]}: without it nobody can answer"
                raise Misplaced(message, *path, "analysis", "signals", "user_satisfaction")

    def _repository(self) -> None:
        """With several services, what belongs to one stands with it."""
        for name in ("paths", "built_from", "tag_prefix") if self.services else ():
            if getattr(self, name):
                raise Misplaced("belongs to one service: give it under services", name)
        seen: dict[str, str] = {}
        for name, section in self.services.items():
            if section.tag_prefix in seen:
                message = f"{name} and {seen[section.tag_prefix]} would have the same version tags"
                raise Misplaced(message, "services", name, "tag_prefix")
            if section.tag_prefix:
                seen[section.tag_prefix] = name

    def _train(self, environments: set[str]) -> None:
        if self.train is None:
            return
        if self.answers.release_frequency is ReleaseFrequency.CONTINUOUS:
            raise Misplaced("continuous releases wait for no train: remove it, or change release_frequency", "train")
        if self.train.environment is not None and self.train.environment not in environments:
            known = ", ".join(sorted(environments))
            raise Misplaced(f"{self.train.environment!r} is not one of {known}", "train", "environment")

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
