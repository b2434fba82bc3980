"""From an event of a rollout to the one message about it, and from a message to the channels it goes to, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pilotage.model.channel import KnownChannel, QuietHours, channel_of
from pilotage.model.event_names import type_today
from pilotage.model.events import (
    ApprovalReminded,
    Approved,
    Completed,
    Failed,
    HoldEnded,
    HoldStarted,
    Occurrence,
    Paused,
    Promoted,
    Resumed,
    RolledBack,
    RolloutCancelled,
    StepRestarted,
    StepStarted,
    TrafficWithdrawn,
    parse,
)
from pilotage.model.json import JsonObject
from pilotage.model.message import Incident, Message, Severity
from pilotage.model.quantity import format_duration
from pilotage.model.rollout import HoldCause


@dataclass(frozen=True)
class Subject:
    """The rollout an event is of. paged: an incident of it is open."""

    id: str
    service: str
    environment: str
    version: str
    old: str
    actor: str
    plan_hash: str
    paged: bool = False
    started_at: float | None = None
    """Unix seconds."""
    server: str = ""
    """Where people answer questions; empty without a server."""


@dataclass(frozen=True)
class Happened:
    number: int
    at: float
    type: str
    sentence: str
    data: JsonObject

    @property
    def what(self) -> Occurrence:
        return parse(self.type, self.data)


def message_of(subject: Subject, event: Happened) -> Message:
    """The message of a transition: always one, so that channels choose by severity, not by chance (rule 12)."""
    occurrence, type_ = event.what, type_today(event.type)
    return Message(
        key=f"{subject.id}/{event.number}",
        thread=subject.id,
        type=type_,
        severity=occurrence.severity,
        title=f"{subject.service} {subject.version} → {subject.environment}: {type_.replace('-', ' ')}",
        text=event.sentence,
        at=event.at,
        service=subject.service,
        environment=subject.environment,
        version=subject.version,
        facts=(*_facts(subject, occurrence, event.at), *_links(subject, _asks(occurrence), event.number)),
        incident=incident_of(subject.paged, occurrence),
        final=isinstance(occurrence, Completed | RolledBack | Failed | RolloutCancelled),
        asks=_asks(occurrence),
        about=event.number,
        old=subject.old,
    )


def _links(subject: Subject, asks: Sequence[str], number: int) -> Iterator[tuple[str, str]]:
    """Pages on which a person answers: each shows what it would do, and does it only for the question of this event."""
    if subject.server:
        for ask in asks:
            yield f"{ask.capitalize()} at", f"{subject.server.rstrip('/')}/rollouts/{subject.id}/{ask}?about={number}"


def incident_of(open_: bool, occurrence: Occurrence) -> Incident:
    """What is critical opens the rollout's one incident. It is resolved when users are healthy again; a failed one
    stays open. open_: whether it is open already."""
    if occurrence.severity is Severity.CRITICAL:
        return Incident.NONE if open_ else Incident.TRIGGER
    return _to_an_open_incident(occurrence) if open_ else Incident.NONE


def _to_an_open_incident(occurrence: Occurrence) -> Incident:
    match occurrence:
        case RolledBack() | Completed() | RolloutCancelled():
            return Incident.RESOLVE
        case Approved() if occurrence.approvals >= occurrence.approvals_required:
            return Incident.RESOLVE
        case HoldEnded() if set(_PAGED) & set(occurrence.causes):
            return Incident.RESOLVE
        case Paused(cause=None) | Resumed() | Promoted() | StepRestarted():
            return Incident.ACKNOWLEDGE
        case _:
            return Incident.NONE


def _facts(subject: Subject, occurrence: Occurrence, at: float) -> tuple[tuple[str, str], ...]:
    found = [("service", subject.service), ("environment", subject.environment), ("version", subject.version)]
    if subject.old:
        found.append(("previous", subject.old))
    if isinstance(occurrence, StepStarted):
        found.append(("users", f"{occurrence.weight_percent:g} %"))
    if isinstance(occurrence, Completed | RolledBack | Failed) and subject.started_at is not None:
        found.append(("duration", format_duration(round(at - subject.started_at))))
    return (*found, ("requested by", subject.actor), ("plan", subject.plan_hash[:12]))


_PAGED = (HoldCause.DEGRADED, HoldCause.COMPLAINTS, HoldCause.PROVIDER_APPROVAL)
"""Causes of holds that may have called an operator, and have no other event that ends that."""


def _asks(occurrence: Occurrence) -> tuple[str, ...]:
    match occurrence:
        case HoldStarted(cause=HoldCause.APPROVAL) | ApprovalReminded(at_provider=False):
            return ("approve", "reject")
        case HoldStarted() | TrafficWithdrawn() | ApprovalReminded():
            return ("abort",)
        case Paused(cause=HoldCause()):
            return ("abort",)
        case _:
            return ()


# ── where to, and when ─────────────────────────────────────────────────────────────────────────────────────


def channels_for(message: Message, channels: Sequence[JsonObject]) -> list[tuple[JsonObject, float]]:
    """The channels (as plain sections of `notify`) that get the message, each with its earliest time."""
    known = [(section, channel_of(section)) for section in channels]
    return [(section, due_at(message, channel.quiet_hours)) for section, channel in known if _wanted(message, channel)]


def _wanted(message: Message, channel: KnownChannel) -> bool:
    if channel.environments and message.environment not in channel.environments:
        return False
    if not channel.publishes(message.audience, message.kind) or (channel.tenants and not message.personal):
        return False
    if message.to:
        return True  # whoever is addressed by name is to know, however little it matters to others
    if channel.kind == "pagerduty":
        return message.incident is not Incident.NONE
    if channel.kind == "cdevents":
        return True
    # The end of a thread goes wherever its start went (rule 12: always one at the end).
    least = channel.min_severity
    return message.severity.rank >= least.rank or (message.final and least.rank <= Severity.WARNING.rank)


def due_at(message: Message, quiet: QuietHours | None) -> float:
    """Now, or when the quiet hours are over. Unix seconds; clocks are those of the zone, whatever summer does."""
    if quiet is None or message.severity.rank >= quiet.min_severity.rank:
        return message.at
    zone = ZoneInfo(quiet.timezone)
    here = datetime.fromtimestamp(message.at, UTC).astimezone(zone)
    clock, opens, closes = f"{here:%H:%M}", quiet.start, quiet.end
    over_night = closes <= opens
    if not (clock >= opens or clock < closes if over_night else opens <= clock < closes):
        return message.at
    day = here.date() + timedelta(days=1 if over_night and clock >= opens else 0)
    hour, minute = map(int, closes.split(":"))
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).timestamp()
