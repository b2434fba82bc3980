"""`calendar` of `pilotage.yaml`: working hours, and when a release may start."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pilotage.config.fields import Clock, ClosingClock, Day, Duration, Moment, Section, Weekday, Zone
from pilotage.config.recurrence import trouble_with
from pilotage.model.calendar import WEEKDAYS


class WindowSection(Section):
    """A preferred time to start a rollout."""

    days: list[Weekday] = Field(["mon", "tue", "wed", "thu", "fri"], min_length=1, description="Days of the week.")
    start: Clock = Field(description="Start of the window, such as 09:00.")
    end: ClosingClock = Field(
        description="End of the window, such as 15:00 or 24:00; on the next day if it is earlier than start."
    )

    @model_validator(mode="after")
    def _has_a_length(self) -> WindowSection:
        if self.end == self.start:
            raise ValueError(f"the window starts and ends at {self.start}: give it a length")
        return self


_DAYS, _TIMES, _RULE = ("first_day", "last_day"), ("start", "end"), ("rrule", "duration")


class FreezeSection(Section):
    """A time when no rollout may start: days (first_day, last_day), times (start, end), or a recurrence
    (rrule, duration and optionally start)."""

    name: Annotated[str, Field(min_length=1)] = Field(description="Name that messages use, such as year end.")
    first_day: Day | None = Field(None, description="First day, such as 2026-12-18.")
    last_day: Day | None = Field(None, description="Last day, inclusive.")
    start: Moment | None = Field(
        None,
        description="Start, such as 2027-02-13 18:00, in the calendar's time zone. With rrule: start of "
        "the recurrence, from which COUNT and INTERVAL count.",
    )
    end: Moment | None = Field(None, description="End, in the calendar's time zone.")
    rrule: str | None = Field(
        None, description="Recurrence as an RRULE (RFC 5545), such as FREQ=MONTHLY;BYMONTHDAY=-1."
    )
    duration: Duration | None = Field(None, description="How long each recurrence lasts.")

    @model_validator(mode="after")
    def _one_form(self) -> FreezeSection:
        given = {name for name in (*_DAYS, *_TIMES, *_RULE) if getattr(self, name) is not None}
        if given not in ({*_DAYS}, {*_TIMES}, {*_RULE}, {*_RULE, "start"}):
            raise ValueError("give either first_day and last_day, or start and end, or rrule and duration")
        days = self.first_day is not None
        first, last = (self.first_day, self.last_day) if days else (self.start, self.end)
        if first is not None and last is not None and (last < first or (not days and last == first)):
            raise ValueError(f"it ends ({last}) before it starts ({first})")
        if self.duration is not None and self.duration <= 0:
            raise ValueError("duration is 0: a freeze lasts longer than that")
        if self.rrule is not None and (trouble := trouble_with(self.rrule, self.start is not None)):
            raise ValueError(trouble)
        return self


class CalendarSection(Section):
    """Working hours, and when a release may start."""

    timezone: Zone = Field("UTC", description="Time zone of the release, such as Europe/Berlin.")
    team_timezones: list[Zone] = Field(default_factory=list, description="Time zones of the team. Default: timezone.")
    holidays: list[Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]] = Field(
        default_factory=list, description="Public holidays of these countries or regions, such as DE-BY or US."
    )
    weekend: list[Weekday] | None = Field(
        default=None,
        description="Days of the week without work. Default: those of the countries in holidays, or sat and sun.",
    )
    workday_start: Clock = Field("09:00", description="Start of the working day, in each zone.")
    workday_end: Clock = Field("17:00", description="End of the working day.")
    windows: list[WindowSection] = Field(default_factory=list, description="Preferred times to start a rollout.")
    freezes: list[FreezeSection] = Field(default_factory=list, description="Times when no rollout may start.")

    @model_validator(mode="after")
    def _starts_first(self) -> CalendarSection:
        if self.weekend is not None and len(set(self.weekend)) == len(WEEKDAYS):
            raise ValueError("weekend leaves no working day")
        if self.workday_end <= self.workday_start:
            raise ValueError(f"the working day ends ({self.workday_end}) before it starts ({self.workday_start})")
        return self
