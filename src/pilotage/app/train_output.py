"""Release trains as JSON."""

from __future__ import annotations

from pilotage.app.boarding import Manifest, Passenger, manifest
from pilotage.app.project import Project
from pilotage.app.trains import Departure, NoTrain, Station
from pilotage.model.output.trains import (
    DepartureOutput,
    DeparturesOutput,
    NoTrainOutput,
    PassengerOutput,
    TrainOutput,
)
from pilotage.model.timestamp import timestamp


def phase_of(here: Station, train: Departure) -> str | None:
    """The phase that people work in for a train, in words."""
    return next((one.phase.replace("_", " ") for one in here.in_flight if one.train == train), None)


def train_output(project: Project, here: Station) -> TrainOutput:
    found = manifest(project, here, here.next) if here.next else Manifest()
    return TrainOutput(
        name=here.train.name, next=_departure(here, here.next) if here.next else None, boarding=here.boarding,
        left_seconds=here.left_seconds, late_roles=tuple(here.train.late), since=found.since,
        aboard=tuple(map(_passenger, found.aboard)), missed=tuple(map(_passenger, found.missed)),
        unknown=found.why_not or None, in_flight=tuple(_departure(here, one.train) for one in here.in_flight),
    )  # fmt: skip


def departures_output(here: Station, count: int) -> DeparturesOutput:
    trains, rule = here.next_trains(count), here.train.rule
    return DeparturesOutput(
        name=here.train.name, rule=rule.rrule, time=f"{rule.clock:%H:%M}", zone=here.calendar.zone,
        source=here.train.source,
        departures=tuple(_departure(here, one) for one in trains if isinstance(one, Departure)),
        none=tuple(NoTrainOutput(train=f"{one.day}", why=one.why) for one in trains if isinstance(one, NoTrain)),
    )  # fmt: skip


def _departure(here: Station, one: Departure) -> DepartureOutput:
    departs, cutoff, late = (timestamp(moment.timestamp()) for moment in (one.departs, one.cutoff, one.late_until))
    return DepartureOutput(
        train=f"{one.day}", departs_at=departs, cutoff_at=cutoff, late_until=late, moved=one.moved or None,
        phase=phase_of(here, one), versions=here.versions_on(one),
    )  # fmt: skip


def _passenger(one: Passenger) -> PassengerOutput:
    return PassengerOutput(
        commit=one.commit, title=one.title, kind=one.kind, request=one.request or None, tickets=one.tickets,
        authors=one.authors, merged_at=timestamp(one.at.timestamp()), late_by=one.late.actor if one.late else None,
        late_reason=one.late.reason if one.late else None, services=one.services,
    )  # fmt: skip
