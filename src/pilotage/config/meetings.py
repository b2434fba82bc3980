"""The section about meetings: when and where people come together, and where webinars are."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pilotage.config.fields import Clock, Section, Url

Minutes = Annotated[int, Field(ge=15, le=480)]


class MeetingsSection(Section):
    """Meetings that Pilotage invites to: retrospectives, reviews of rollbacks, briefings and webinars."""

    start: Clock = Field(
        default="14:00", description="Start of meetings of the team, in the time zone of the calendar."
    )
    location: str = Field(default="", description="Room or link of meetings of the team.")
    review_after: int = Field(
        default=3, ge=1, le=5, description="Working days from a rollback to its review. The review is due within 5."
    )
    briefing_before: int = Field(
        default=5, ge=0, le=20, description="Working days from the support briefing to the release."
    )
    briefing_minutes: Minutes = Field(default=45, description="Length of the support briefing, in minutes.")
    webinar_start: Clock = Field(default="15:00", description="Start of webinars, in the time zone of the calendar.")
    webinar_link: Url | None = Field(default=None, description="Address at which people join webinars.")
    webinar_after: int = Field(
        default=2, ge=0, le=60, description="Working days from the release to the webinar about it."
    )
    follow_up_after: int = Field(
        default=10, ge=1, le=90, description="Working days from the release to the follow-up webinar."
    )
    webinar_minutes: Minutes = Field(default=60, description="Length of webinars, in minutes.")
