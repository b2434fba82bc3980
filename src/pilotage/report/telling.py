"""From an event of a rollout to the one message about it, and from a message to the channels it goes to, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pilotage.model.message import Incident, Message, Severity
from pilotage.model.rollout import HoldCause

OPERATORS = "operators"

_SEVERITY: Mapping[str, Severity] = {
    "rollout-queued": Severity.INFO, "rollout-started": Severity.INFO, "readiness-checked": Severity.PROGRESS,
    "step-started": Severity.PROGRESS, "batch-restored": Severity.PROGRESS, "batch-returned": Severity.PROGRESS,
    "move-done": Severity.PROGRESS, "check-skipped": Severity.PROGRESS, "retried": Severity.PROGRESS,
    "promoted": Severity.INFO, "command-refused": Severity.PROGRESS, "approved": Severity.INFO,
    "rejected": Severity.INFO, "verdict": Severity.WARNING, "hold-started": Severity.WARNING,
    "hold-ended": Severity.INFO, "paused": Severity.WARNING, "resumed": Severity.INFO,
    "instance-died": Severity.WARNING, "rollback-started": Severity.CRITICAL, "traffic-returned": Severity.INFO,
    "rolled-back": Severity.WARNING, "person-needed": Severity.CRITICAL, "failed": Severity.CRITICAL,
    "completed": Severity.INFO, "preserved": Severity.INFO, "withdrawn": Severity.INFO,
    "environment-released": Severity.PROGRESS, "traffic-withdrawn": Severity.CRITICAL,
    "instance-replaced": Severity.WARNING, "second-try": Severity.WARNING, "unwatched": Severity.WARNING,
    "worse-than-the-past": Severity.WARNING,
}  # fmt: skip
"""Of each type of event; one that is not here is information."""

_FINAL = ("completed", "rolled-back", "failed", "withdrawn")

_PAGED = (HoldCause.DEGRADED.value,)
"""Holds that nobody but a person ends well: C1 pages."""


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


@dataclass(frozen=True)
class Happened:
    number: int
    at: float
    type: str
    sentence: str
    data: Mapping[str, Any]


def message_of(subject: Subject, event: Happened) -> Message:
    """The message of a transition: always one, so that channels choose by severity, not by chance (rule 12)."""
    return Message(
        key=f"{subject.id}/{event.number}",
        thread=subject.id,
        type=event.type,
        severity=severity_of(event),
        title=f"{subject.service} {subject.version} → {subject.environment}: {event.type.replace('-', ' ')}",
        text=event.sentence,
        at=event.at,
        service=subject.service,
        environment=subject.environment,
        version=subject.version,
        facts=_facts(subject, event),
        incident=incident_of(subject.paged, event),
        final=event.type in _FINAL,
        asks=_asks(event),
        about=event.number,
        old=subject.old,
    )


def severity_of(event: Happened) -> Severity:
    if event.type == "verdict" and event.data.get("kind") not in ("fail", "source-error"):
        return Severity.PROGRESS
    if event.type == "hold-started" and event.data.get("cause") in _PAGED:
        return Severity.CRITICAL
    if event.type == "traffic-withdrawn" and event.data.get("excuse"):
        # Users are with stable, and it is tried once more by itself: nobody needs to get up.
        return Severity.WARNING
    if _asks_about_the_past(event):
        return Severity.CRITICAL
    return _SEVERITY.get(event.type, Severity.INFO)


def incident_of(open_: bool, event: Happened) -> Incident:
    """An incident is opened once a rollout, and resolved when users are well again; a failed one stays open."""
    opens = (
        event.type in ("rollback-started", "person-needed", "failed")
        or (event.type == "traffic-withdrawn" and not event.data.get("excuse"))
        or (event.type == "hold-started" and event.data.get("cause") in _PAGED)
        or _asks_about_the_past(event)
    )
    if opens:
        return Incident.NONE if open_ else Incident.TRIGGER
    if not open_:
        return Incident.NONE
    if event.type in ("rolled-back", "completed", "withdrawn") or (
        event.type == "hold-ended" and event.data.get("cause") in _PAGED
    ):
        return Incident.RESOLVE
    by_a_person = event.type in ("paused", "resumed", "promoted", "retried") and "cause" not in event.data
    return Incident.ACKNOWLEDGE if by_a_person else Incident.NONE


def _asks_about_the_past(event: Happened) -> bool:
    """Nothing runs beside the new version to compare it with: only a person can tell."""
    return event.type == "paused" and event.data.get("cause") == HoldCause.PAST.value


def _facts(subject: Subject, event: Happened) -> tuple[tuple[str, str], ...]:
    found = [("service", subject.service), ("environment", subject.environment), ("version", subject.version)]
    if subject.old:
        found.append(("before", subject.old))
    if isinstance(event.data.get("weight"), int):
        found.append(("users", f"{event.data['weight'] / 10:g} %"))
    return (*found, ("asked by", subject.actor), ("plan", subject.plan_hash[:12]))


def _asks(event: Happened) -> tuple[str, ...]:
    if event.type == "hold-started" and event.data.get("cause") == HoldCause.GATE.value:
        return ("approve", "reject")
    if event.type in ("hold-started", "traffic-withdrawn") or (event.type == "paused" and "cause" in event.data):
        return ("abort",)
    return ()


# ── where to, and when ─────────────────────────────────────────────────────────────────────────────────────


def channels_for(message: Message, channels: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], float]]:
    """The channels (as plain sections of `notify`) that are told, each with the time at which it may be."""
    return [
        (channel, due_at(message, channel.get("quiet"))) for channel in channels if _wanted(message, channel)
    ]  # fmt: skip


def _wanted(message: Message, channel: Mapping[str, Any]) -> bool:
    if channel["environments"] and message.environment not in channel["environments"]:
        return False
    if message.audience not in channel["audiences"]:
        return False
    if channel["kind"] == "pagerduty":
        return message.incident is not Incident.NONE
    if channel["kind"] == "cdevents":
        return True
    # What ends a thread is told wherever its beginning was (rule 12: always one at the end).
    least = Severity(channel["severity"])
    return message.severity.rank >= least.rank or (message.final and least.rank <= Severity.WARNING.rank)


def due_at(message: Message, quiet: Mapping[str, Any] | None) -> float:
    """Now, or when the quiet hours are over. Unix seconds; clocks are those of the zone, whatever summer does."""
    if quiet is None or message.severity.rank >= Severity(quiet["below"]).rank:
        return message.at
    zone = ZoneInfo(quiet["zone"])
    here = datetime.fromtimestamp(message.at, UTC).astimezone(zone)
    clock, opens, closes = f"{here:%H:%M}", quiet["opens"], quiet["closes"]
    over_night = closes <= opens
    if not (clock >= opens or clock < closes if over_night else opens <= clock < closes):
        return message.at
    day = here.date() + timedelta(days=1 if over_night and clock >= opens else 0)
    hour, minute = map(int, closes.split(":"))
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).timestamp()
