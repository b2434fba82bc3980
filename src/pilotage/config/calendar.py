"""`calendar` of `pilotage.yaml`: working hours, and when a release may start."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, model_validator

from pilotage.config.fields import Clock, Day, Duration, Moment, Section, Weekday, Zone


class WindowSection(Section):
    """A preferred time to start a rollout."""

    days: list[Weekday] = Field(["mon", "tue", "wed", "thu", "fri"], min_length=1, description="Days of the week.")
    opens: Clock = Field(description="Start of the window, such as 09:00.")
    closes: Clock = Field(description="End of the window, such as 15:00.")

    @model_validator(mode="after")
    def _opens_first(self) -> WindowSection:
        if self.closes <= self.opens:
            raise ValueError(f"the window closes ({self.closes}) before it opens ({self.opens})")
        return self


_FREEZE_FORMS = (("first", "last"), ("begins", "ends"), ("rule", "lasts"))


class FreezeSection(Section):
    """A time when no rollout may start: days (first, last), times (begins, ends) or a recurring rule (rule, lasts)."""

    name: Annotated[str, Field(min_length=1)] = Field(description="Name that messages use, such as year end.")
    first: Day | None = Field(None, description="First day, such as 2026-12-18.")
    last: Day | None = Field(None, description="Last day, inclusive.")
    begins: Moment | None = Field(None, description="Start, such as 2027-02-13 18:00, in the calendar's zone.")
    ends: Moment | None = Field(None, description="End, in the calendar's zone.")
    rule: str | None = Field(None, description="Recurrence as an RRULE (RFC 5545), such as FREQ=MONTHLY;BYMONTHDAY=-1.")
    lasts: Duration | None = Field(None, description="How long each recurrence lasts.")
    starts: Moment | None = Field(None, description="Earliest first recurrence. Default: 2020-01-01.")

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
    """Working hours, and when a release may start."""

    zone: Zone = Field("UTC", description="Time zone of the release, such as Europe/Berlin.")
    zones: list[Zone] = Field(default_factory=list, description="Time zones of the team. Default: zone.")
    holidays: list[Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]] = Field(
        default_factory=list, description="Public holidays of these countries or regions, such as DE-BY or US."
    )
    opens: Clock = Field("09:00", description="Start of the working day, in each zone.")
    closes: Clock = Field("17:00", description="End of the working day.")
    windows: list[WindowSection] = Field(default_factory=list, description="Preferred times to start a rollout.")
    freezes: list[FreezeSection] = Field(default_factory=list, description="Times when no rollout may start.")

    @model_validator(mode="after")
    def _opens_first(self) -> CalendarSection:
        if self.closes <= self.opens:
            raise ValueError(f"the working day closes ({self.closes}) before it opens ({self.opens})")
        return self
