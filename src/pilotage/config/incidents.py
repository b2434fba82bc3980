"""The section about what follows a rollback."""

from __future__ import annotations

from pydantic import Field

from pilotage.config.fields import Duration, InsideProject, Section, Url


class IncidentsSection(Section):
    """What Pilotage does after a release was rolled back, or could not be."""

    folder: InsideProject | None = Field(
        default=None,
        description="Folder for incident documents and bundles, inside the project. Default: in the state folder.",
    )
    url: Url | None = Field(default=None, description="Address at which the folder can be read, for links in messages.")
    watch: Duration = Field(
        default=1800.0,
        ge=0,
        le=86400,
        description="How long to watch the version that serves after a rollback; 0 for not at all.",
    )
    follow_ups: bool = Field(default=True, description="Make follow-ups of what a rollback leaves to do.")
