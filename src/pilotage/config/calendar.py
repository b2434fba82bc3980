"""`calendar` of `pilotage.yaml`: when people work, and when a release may begin."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, model_validator

from pilotage.config.fields import Clock, Day, Duration, Moment, Section, Weekday, Zone


class WindowSection(Section):
    """A preferred time to begin a rollout."""

    days: list[Weekday] = Field(["mon", "tue", "wed", "thu", "fri"], min_length=1, description="On these days.")
    opens: Clock = Field(description="From this time of day, such as 09:00.")
    closes: Clock = Field(description="Until before this time of day.")

    @model_validator(mode="after")
    def _opens_first(self) -> WindowSection:
        if self.closes <= self.opens:
            raise ValueError(f"the window closes ({self.closes}) before it opens ({self.opens})")
        return self


_FREEZE_FORMS = (("first", "last"), ("begins", "ends"), ("rule", "lasts"))


class FreezeSection(Section):
    """A time in which no rollout may start: days (first, last), times (begins, ends) or a rule that recurs."""

    name: Annotated[str, Field(min_length=1)] = Field(description="What it is called where it stops something.")
    first: Day | None = Field(None, description="Its first day.")
    last: Day | None = Field(None, description="Its last day, frozen too.")
    begins: Moment | None = Field(None, description="Or its first moment.")
    ends: Moment | None = Field(None, description="The moment when it is over.")
    rule: str | None = Field(None, description="Or an RRULE (RFC 5545) such as FREQ=MONTHLY;BYMONTHDAY=-1.")
    lasts: Duration | None = Field(None, description="How long each recurrence lasts.")
    starts: Moment | None = Field(
        None, description="When the rule's first recurrence may be; 2020-01-01 when left out."
    )

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
    """When people work and when a release may begin."""

    zone: Zone = Field("UTC", description="The release's own time zone.")
    zones: list[Zone] = Field(default_factory=list, description="Where the team sits; the zone above when left out.")
    holidays: list[Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]] = Field(
        default_factory=list, description="Public holidays of these countries or regions, such as DE-BY or US."
    )
    opens: Clock = Field("09:00", description="The working day's begin, in each zone.")
    closes: Clock = Field("17:00", description="The working day's end.")
    windows: list[WindowSection] = Field(default_factory=list, description="Preferred times to begin a rollout.")
    freezes: list[FreezeSection] = Field(default_factory=list, description="Times in which no rollout may start.")

    @model_validator(mode="after")
    def _opens_first(self) -> CalendarSection:
        if self.closes <= self.opens:
            raise ValueError(f"the working day closes ({self.closes}) before it opens ({self.opens})")
        return self
