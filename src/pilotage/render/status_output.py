"""The public status page for programs: `status.json`."""

from __future__ import annotations

from pilotage.model.output.published import (
    IncidentUpdate,
    PublicAnnouncement,
    PublicIncidentOutput,
    ScheduledRelease,
    ServiceCondition,
    ServiceDay,
    StatusPageOutput,
)
from pilotage.model.seen_day import SeenDay
from pilotage.model.timestamp import timestamp
from pilotage.report.status import PublicIncident, Service, StatusPage
from pilotage.report.status_days import Day, availability


def output_of(page: StatusPage) -> StatusPageOutput:
    """The page for programs."""
    return StatusPageOutput(
        title=page.title,
        updated_at=timestamp(page.made),
        checked_at=timestamp(page.checked),
        services=tuple(_service(one, page.history.get(one.name, ())) for one in page.services),
        incidents=tuple(_incident(incident) for incident in page.incidents),
        scheduled=tuple(
            ScheduledRelease(id=one.id, scheduled_for=timestamp(one.at), title=one.title, text=one.text)
            for one in page.planned
        ),
        announcements=tuple(
            PublicAnnouncement(id=one.id, published_at=timestamp(one.at), title=one.title, text=one.text)
            for one in page.said
        ),
    )


def _service(one: Service, days: tuple[Day, ...]) -> ServiceCondition:
    share, seen = availability(days)
    return ServiceCondition(
        name=one.name, condition=one.condition.value, since=timestamp(one.since),
        availability_percent=None if share is None else round(share * 100, 3), observed_hours=round(seen / 3600, 2),
        history=tuple(map(_day, days)),
    )  # fmt: skip


def _day(one: Day) -> ServiceDay:
    seen = one.seen or SeenDay()
    return ServiceDay(
        day=one.day.isoformat(), state=one.state.value, observed_seconds=round(seen.whole),
        degraded_seconds=round(seen.degraded), down_seconds=round(seen.down), maintenance_seconds=round(seen.closed),
    )  # fmt: skip


def _incident(one: PublicIncident) -> PublicIncidentOutput:
    return PublicIncidentOutput(
        id=one.id,
        service=one.service,
        title=one.title,
        started_at=timestamp(one.began),
        resolved_at=timestamp(one.ended),
        updates=tuple(
            IncidentUpdate(created_at=timestamp(update.at), state=update.state, text=update.text)
            for update in one.updates
        ),
    )
