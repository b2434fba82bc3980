"""From an event of a way to the one message about it."""

from __future__ import annotations

from pilotage.model.message import Incident, Message, Severity
from pilotage.model.rollout import Event
from pilotage.model.way import EnvironmentStage, Way
from pilotage.model.way_events import WAY_ENDS, WAY_EVENTS, StageFailed, StageWaits

_USUAL = {event.type: event.usual_severity for event in WAY_EVENTS}


def message_of(way: Way, event: Event, number: int, at: float) -> Message:
    """The message of a transition. number: of the event in its chain · at: Unix seconds."""
    stage = str(event.data.get("stage", ""))
    return Message(
        key=f"{way.id}/{number}",
        thread=way.id,
        type=event.type,
        severity=_severity(event),
        title=f"{way.service} {way.version}: {event.type.replace('-', ' ')}{f' ({stage})' if stage else ''}",
        text=event.sentence,
        at=at,
        service=way.service,
        environment=_environment(way, stage),
        version=way.version,
        facts=_facts(way, stage),
        incident=_incident(event),
        final=event.type in WAY_ENDS,
        about=number,
    )


def _severity(event: Event) -> Severity:
    if event.data.get("left"):
        return Severity.CRITICAL
    if event.type == StageWaits.type and event.data.get("asks"):
        return Severity.WARNING
    return _USUAL.get(event.type, Severity.INFO)


def _incident(event: Event) -> Incident:
    """A failed stage opens the way's one incident. It is resolved once everything is undone."""
    if event.type == StageFailed.type:
        return Incident.TRIGGER
    if event.type in WAY_ENDS and not event.data.get("left"):
        return Incident.RESOLVE
    return Incident.NONE


def _environment(way: Way, stage: str) -> str:
    """The environment that it is about: the stage's, the one that it tests, or the one that the way leads to. Channels
    are chosen by it."""
    last = ""
    for one in way.stages:
        own = one.environments[0] if isinstance(one, EnvironmentStage) else one.tests
        if one.name == stage and own:
            return own
        last = own or last
    return last


def _facts(way: Way, stage: str) -> tuple[tuple[str, str], ...]:
    found = [("service", way.service), ("version", way.version), ("release", way.id)]
    if way.commit:
        found.append(("commit", way.commit[:12]))
    if stage:
        found.append(("stage", stage))
    roles = next((one.entry.roles for one in way.stages if one.name == stage), ())
    if roles:
        found.append(("approved by", " or ".join(roles)))
    return (*found, ("started by", way.author))
