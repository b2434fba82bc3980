"""`notes` of `pilotage.yaml`: what release notes say beside what git and the records know."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pilotage.config.channels import SecretRef
from pilotage.config.fields import Day, Duration, InsideProject, Misplaced, PlainUrl, Section

_Text = Annotated[str, Field(min_length=1, max_length=500)]


class SupportSection(Section):
    """Where readers of release notes get help."""

    documentation: PlainUrl | None = Field(None, description="Address of the documentation.")
    portal: PlainUrl | None = Field(None, description="Address of the support portal.")
    training: PlainUrl | None = Field(None, description="Address of training material.")
    contact: _Text | None = Field(None, description="How to reach support, such as a mail address.")


class NextReleaseSection(Section):
    """What comes after this release."""

    upcoming: list[_Text] = Field(default_factory=list, description="Features that come next, a sentence each.")
    roadmap: PlainUrl | None = Field(None, description="Address of the roadmap.")
    feedback: PlainUrl | None = Field(None, description="Address where readers can say what they need.")
    version: _Text | None = Field(None, description="The next version.")
    day: Day | None = Field(None, description="Day of the next release, such as 2026-12-24.")


class MilestoneSection(Section):
    """Where the tracker's next open milestone says what comes next."""

    code_host: Literal["github", "gitlab"] = Field(description="Code host whose API to ask.")
    repository: _Text = Field(description="Repository on that host: owner/name, or GitLab's project path.")
    url: PlainUrl | None = Field(None, description="Address of a self-hosted code host.")
    token: SecretRef | None = Field(
        None, description="Reference to the access token, such as secret://env/GITHUB_TOKEN."
    )


class StepsSection(Section):
    """Your own steps of the migration guide, after those that Pilotage knows."""

    developers: list[_Text] = Field(default_factory=list, description="Steps for those who call your API.")
    users: list[_Text] = Field(default_factory=list, description="Steps for users.")


class ReleasePlaceSection(Section):
    """A release at a code host, with the notes as its description."""

    code_host: Literal["github", "gitlab", "gitea"] = Field(description="Kind of code host; Forgejo is a gitea.")
    repository: _Text = Field(description="Repository on that host: owner/name, or GitLab's project path.")
    url: PlainUrl | None = Field(None, description="Address of a self-hosted server. Required for gitea.")
    token: SecretRef = Field(description="Reference to a token that may write releases, such as secret://env/TOKEN.")

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.code_host == "gitea" and self.url is None:
            raise Misplaced("is missing: a gitea is always self-hosted", "url")
        return self


class PublishSection(Section):
    """Where the worker publishes release notes when a rollout has completed."""

    environment: _Text = Field(description="Environment whose rollouts are published, such as production.")
    audience: Literal["developer", "user"] = Field("user", description="Who reads the notes.")
    folder: InsideProject | None = Field(
        None, description="Folder inside the project for Markdown files, one per version, such as docs/releases."
    )
    page: InsideProject | None = Field(
        None, description="Folder inside the project for web pages, one per version, and their list."
    )
    release: ReleasePlaceSection | None = Field(None, description="Code host where the version becomes a release.")
    draft: Annotated[InsideProject, Field(pattern=r"\{version\}")] | None = Field(
        None,
        description="Edited draft in the project, such as notes/{version}.md. If it exists, it is published instead.",
    )
    amend_after: Duration = Field(
        default=86400.0, ge=60, description="When to add what was learned since, after the completion."
    )

    @model_validator(mode="after")
    def _anywhere(self) -> Self:
        if not (self.folder or self.page or self.release):
            raise ValueError("name folder, page or release")
        return self


class NotesSection(Section):
    """What release notes say beside what git and the records know."""

    support: SupportSection = Field(SupportSection.model_validate({}), description="Where readers get help.")
    next: NextReleaseSection = Field(NextReleaseSection.model_validate({}), description="What comes next.")
    milestone: MilestoneSection | None = Field(
        None, description="Tracker whose next open milestone says what comes next."
    )
    update_steps: StepsSection = Field(
        StepsSection.model_validate({}), description="Your own steps of the migration guide."
    )
    publish: PublishSection | None = Field(None, description="Where notes are published when a rollout has completed.")
    openapi: list[_Text] = Field(
        default_factory=list,
        description="OpenAPI documents, as paths in the repository. Default: every openapi.yaml, .yml and .json.",
    )
