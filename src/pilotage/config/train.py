"""`train` of `pilotage.yaml`: when scheduled releases depart, until when changes board, and who may board late."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pilotage.config.fields import NAME, Clock, Day, Duration, Misplaced, Section, Weekday
from pilotage.config.recurrence import parts_of, trouble_with
from pilotage.model.quantity import format_duration
from pilotage.model.schedule import Role


class LateSection(Section):
    """Boarding after the cut-off."""

    roles: list[Annotated[Role, Field(strict=False)]] = Field(
        [Role.RELEASE_MANAGER, Role.ENGINEERING_LEAD], min_length=1, description="Roles that may board a change late."
    )
    until: Duration = Field(
        7200, description="How long before the departure late boarding ends, in working time, such as 2h."
    )


class TrainSection(Section):
    """The release train: departures on a schedule. Without weekday and rrule, release_frequency and the preferred
    windows decide."""

    name: Annotated[str, Field(min_length=1, max_length=80)] = Field(
        "release train", description="Name that messages use, such as Thursday train."
    )
    weekday: Weekday | None = Field(
        None, description="Day of the week: of each week, or the second one of a month or of a quarter's middle month."
    )
    rrule: str | None = Field(
        None, description="Days as an RRULE (RFC 5545), such as FREQ=WEEKLY;INTERVAL=2;BYDAY=TH. Replaces weekday."
    )
    start: Day | None = Field(None, description="First day of rrule, from which COUNT and INTERVAL count.")
    time: Clock | None = Field(
        None, description="Time of the departure, such as 10:00. Default: when the preferred window starts."
    )
    cutoff: Duration = Field(
        86400, description="How long before the departure boarding ends, in working time: 1d is one working day."
    )
    late: LateSection = Field(LateSection.model_validate({}), description="Who may board late, and until when.")
    environment: Annotated[str, Field(pattern=NAME)] | None = Field(
        None, description="Environment that the train goes to, if there are several."
    )

    @model_validator(mode="after")
    def _fits(self) -> TrainSection:
        if self.rrule is not None:
            if self.weekday is not None:
                raise Misplaced("give either weekday or rrule", "rrule")
            if {"BYHOUR", "BYMINUTE"} & {*parts_of(self.rrule)}:
                raise Misplaced("names a time: give it as `time`, such as 10:00", "rrule")
            if trouble := trouble_with(self.rrule, self.start is not None):
                raise Misplaced(trouble, "rrule")
        elif self.start is not None:
            raise Misplaced("start belongs to rrule", "start")
        if self.late.until > self.cutoff:
            cutoff = format_duration(self.cutoff)
            raise Misplaced(
                f"late boarding would end before the cut-off, {cutoff} before the departure", "late", "until"
            )
        return self
