"""`phases` of `pilotage.yaml`: what shows that activities and milestones are done, and what a feature freeze allows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pilotage.config.fields import InsideProject, Section
from pilotage.config.notes import MilestoneSection

_Text = Annotated[str, Field(min_length=1, max_length=500)]


class MetBySection(Section):
    """What shows that one activity or milestone is done."""

    file: InsideProject | None = Field(None, description="File of the project. The item is done when it is there.")
    milestone: _Text | None = Field(
        None, description="Title of a milestone in the tracker. The item is done when the milestone is closed."
    )

    @model_validator(mode="after")
    def _one(self) -> MetBySection:
        if (self.file is None) == (self.milestone is None):
            raise ValueError("give either a file or a milestone")
        return self


class PhasesSection(Section):
    """Phases of scheduled releases: what shows that work is done, and what a feature freeze allows."""

    freeze_allows: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]] = Field(
        default_factory=lambda: ["fix", "docs", "test", "revert"],
        description="Types of commits that may enter a release after its feature freeze.",
    )
    freeze_branches: list[_Text] = Field(
        default_factory=list,
        description="Branches that a feature freeze closes, such as main or release/*. Default: all.",
    )
    gates: list[_Text] = Field(
        default_factory=lambda: ["go_no_go_decision"],
        description="Activities and milestones without which deploy refuses a tracked release.",
    )
    met_by: dict[str, MetBySection] = Field(
        default_factory=dict, description="Files and milestones that show that an activity or a milestone is done."
    )
    tracker: MilestoneSection | None = Field(
        None, description="Where to look for milestones. Default: `notes.milestone`."
    )
