"""What leaves Pilotage for other programs: the body of a webhook, and the public status page's `status.json`."""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.model.output.base import Output, Part


class WebhookData(Part, frozen=True, kw_only=True):
    """Content of a webhook."""

    key: str
    """Identifies the message. The same message may arrive twice."""
    rollout: str
    """The id of the rollout, or of what the message belongs to."""
    service: str
    environment: str
    version: str
    stable_version: str
    """The version to roll back to; empty if there is none."""
    severity: str
    """`progress`, `info`, `warning` or `critical`."""
    title: str
    text: str
    audience: str
    kind: str
    """Kind of announcement, such as `e-mail`; empty for other messages."""
    final: bool
    """Whether it is the last message of its rollout."""
    facts: Mapping[str, str]
    """Facts for people, by label."""


class WebhookOutput(Part, frozen=True, kw_only=True):
    """The body of a webhook, as [Standard Webhooks](https://www.standardwebhooks.com) describes it."""

    type: str
    """`pilotage.` and the event's type with underscores, such as `pilotage.rolled_back`."""
    timestamp: str
    data: WebhookData


class ServiceDay(Part, frozen=True, kw_only=True):
    """What is known of a service on one day."""

    day: str
    """In UTC."""
    state: str
    """The worst that is known: `good`, `degraded`, `down`, `maintenance` or `not-observed`."""
    observed_seconds: float
    """How long Pilotage looked. Where it is 0, the state is known from rollouts and incidents alone."""
    degraded_seconds: float
    """How much of that time some requests may have failed."""
    down_seconds: float
    """How much of that time nobody answered users."""
    maintenance_seconds: float
    """How much of that time it was closed, as announced."""


class ServiceCondition(Part, frozen=True, kw_only=True):
    """A service of the status page."""

    name: str
    condition: str
    """`operational`, `releasing`, `degraded`, `maintenance`, `down` or `unknown`: Pilotage does not observe it."""
    since: str | None = None
    """Since when it has been down or unobserved, as far as is known; null in any other condition."""
    availability_percent: float | None = None
    """Of the time observed in the days of `history`, without maintenance: in how much of it users were answered; null
    where Pilotage never looked."""
    observed_hours: float = 0.0
    """How long that was."""
    history: tuple[ServiceDay, ...] = ()
    """The last 90 days, today last."""


class IncidentUpdate(Part, frozen=True, kw_only=True):
    """One update of an incident."""

    created_at: str
    state: str
    """`investigating`, `identified` or `resolved`."""
    text: str


class PublicIncidentOutput(Part, frozen=True, kw_only=True):
    """An incident of the status page."""

    id: str
    service: str
    title: str
    started_at: str
    resolved_at: str | None
    """When it was resolved; null before."""
    updates: tuple[IncidentUpdate, ...]


class ScheduledRelease(Part, frozen=True, kw_only=True):
    """An announced release of the status page."""

    id: str
    scheduled_for: str
    """When the release starts."""
    title: str
    text: str


class PublicAnnouncement(Part, frozen=True, kw_only=True):
    """An announcement of the status page."""

    id: str
    published_at: str
    """When it appeared on the page."""
    title: str
    text: str


class StatusPageOutput(Output, frozen=True, kw_only=True):
    """`status.json` of the public status page."""

    title: str
    updated_at: str
    """The last event."""
    checked_at: str
    """When Pilotage last looked whether the services answer: about every minute. The page is out of date if that was
    long ago."""
    services: tuple[ServiceCondition, ...]
    incidents: tuple[PublicIncidentOutput, ...]
    """Newest first."""
    scheduled: tuple[ScheduledRelease, ...]
    announcements: tuple[PublicAnnouncement, ...] = ()
    """Of the last 30 days, newest first."""
