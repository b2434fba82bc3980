"""Announcements: drafts of the plan's communication calendar, with approval, schedule and delivery.

What speaks of a moment of the release waits for it: `start` or `completed`. The worker sends it then
(`app/announcing.py`), and a rollback withdraws it. The outbox sends at least once and identifies duplicates by key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from pilotage.app.announcement_text import attachments_of
from pilotage.app.announcement_truth import Untrue, check_true
from pilotage.app.meetings import inviting, keep_announced
from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.app.requests import AnnouncementRequest
from pilotage.app.snapshot import calendar_facts, channels_of
from pilotage.app.wave_notices import with_waves
from pilotage.config.loading import Loaded
from pilotage.engine.records import announcements as rows
from pilotage.engine.records import meetings, outbox
from pilotage.engine.records.moments import NOTICE, due_after, key_of, moment_of, told_of
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.model.announcement import Announced, State
from pilotage.model.channel import channel_of
from pilotage.model.clock import day_of
from pilotage.model.errors import Invalid
from pilotage.model.json import Json, JsonObject
from pilotage.model.medium import medium_of
from pilotage.model.message import Message, Severity
from pilotage.model.plan import Plan
from pilotage.model.schedule import After, Lead
from pilotage.model.schedule import Message as Planned
from pilotage.plan.communication import words_for
from pilotage.render.subjects import subject_of

OF_THE_WAVES = "tenant_wave_notice"
"""What each wave is told before a release, in words of its own."""

_MORNING = 9
"""The hour of the release's zone at which something of a day is due."""


class UnknownAnnouncement(Invalid):
    """The plan has no announcement of this name."""


class Unreachable(Invalid):
    """No channel reaches this audience."""


# ── the calendar ───────────────────────────────────────────────────────────────────────────────────────────


def announcements_of(store: Store, plan: Plan) -> tuple[Announced, ...]:
    """All announcements of the plan, in its order, with their state."""
    kept = rows.known(store.engine, plan)
    return tuple(kept.get(message.id) or planned_of(message, plan) for message in plan.communication)


def planned_of(message: Planned, plan: Plan) -> Announced:
    """An item that nobody has touched yet."""
    due = message.due_at.timestamp() if message.due_at else None
    if due is None and message.due is not None:
        zone = ZoneInfo(plan.zones[0] if plan.zones else "UTC")
        due = datetime(message.due.year, message.due.month, message.due.day, _MORNING, tzinfo=zone).timestamp()
    return Announced(
        message.id, message.title, message.audience, str(message.owner), State.DRAFT, due, None, after=message.after
    )


# ── what people do ─────────────────────────────────────────────────────────────────────────────────────────


def edit(project: Project, actor: str, request: AnnouncementRequest) -> None:
    """Replace the text. An earlier approval is void, and what waited is not sent."""
    _set(project, actor, request, state=State.DRAFT, text=request.text, own=1)


def approve(project: Project, actor: str, request: AnnouncementRequest) -> None:
    """Only by its owner, if `people` say who that is (Forbidden)."""
    plan, item = request.plan, request.item
    project.require(actor, Permission.APPROVE_ANNOUNCEMENT, plan.environment, message_of(plan, item).owner)
    present = _found(project.store, plan, item).state
    if present in (State.SCHEDULED, State.WAITING):
        raise StoreConflict(f"{item} is already {present}")
    _set(project, actor, request, state=State.APPROVED)


def skip(project: Project, actor: str, request: AnnouncementRequest) -> None:
    """Not this time, for a reason; what waited does not go out."""
    _set(project, actor, request, state=State.SKIPPED)


@dataclass(frozen=True, kw_only=True)
class Sending:
    """What comes of sending. channels: through how many, 0 where only the rollback will tell · state: sent, scheduled
    or waiting · moment: what it waits for."""

    channels: int
    state: State
    moment: After


def send(project: Project, actor: str, request: AnnouncementRequest) -> Sending:
    """Through every channel that leads to its audience: now, at a time, or when its release comes to a moment. What
    speaks of a moment waits for it, whatever its time. Raises Unreachable, StoreConflict for what is not approved or
    was sent already, and Untrue for what would be false."""
    project.require(actor, Permission.ANNOUNCE, request.plan.environment)
    plan, item, now = request.plan, request.item, project.clock.now()
    announced = _found(project.store, plan, item)
    if announced.state is not State.APPROVED:
        raise _not_now(plan, item, announced.state)
    planned = message_of(plan, item).after
    keep_announced(project, plan, item)
    moment, message = _moment(request, planned, own=announced.own), spoken(plan, announced, request.text, now)
    if (meeting := inviting(project, plan, item)) is not None:
        message = replace(message, attachments=meeting.attachments, facts=meeting.facts)
    if item == OF_THE_WAVES:
        message = with_waves(project, plan, message)
    channels = [] if item == NOTICE else channels_that_reach(project, message)
    if moment is After.NOTHING and not announced.own:
        check_true(project.store, plan, item, request.text, planned)
    with project.store.engine.begin() as connection:
        row = rows.row_of(connection, plan, item)
        if row is None or row["state"] != State.APPROVED.value:
            raise StoreConflict(f"{item} is already {row['state'] if row else State.DRAFT}")
        key = key_of(plan, item, row["issue"])
        message, values = replace(message, key=key, thread=key), _values(project, request, moment)
        if item == NOTICE and not told_of(connection, plan):
            raise StoreConflict(f"nobody was told of {plan.version}, or everyone who was has the notice")
        if moment is not After.NOTHING:
            come = moment_of(connection, plan, moment)
            values |= {"happened_at": come, "not_before": _not_before(project, request, moment, come)}
            values["message"] = None if item == NOTICE else rows.plain(replace(message, text=""))
        else:
            values |= {"text": request.text, "own": int(announced.own), "message": rows.plain(message)}
        rows.keep(connection, plan, entry_of(project, actor, plan, item), **values)
        if meeting is not None and moment is After.NOTHING:
            meetings.invited(connection, meeting.uid, channels)
        if values["state"] is State.SENT:
            rows.post(connection, message, channels, now)
    return Sending(channels=len(channels), state=State(str(values["state"])), moment=moment)


def _values(project: Project, request: AnnouncementRequest, moment: After) -> dict[str, Json]:
    """What is kept of how it is to go out."""
    channels = channels_of(project.loaded)
    if moment is After.NOTHING:
        state = State.SENT if request.at is None else State.SCHEDULED
        return {"state": state, "not_before": request.at, "channels": channels}
    lead = _lead(request, moment)
    return {
        "state": State.WAITING, "after": moment, "lead": lead.amount, "unit": lead.unit, "channels": channels,
    }  # fmt: skip


def _not_now(plan: Plan, item: str, state: State) -> StoreConflict:
    if state in (State.SENT, State.SCHEDULED, State.WAITING):
        return StoreConflict(f"{item} is already {state}")
    return StoreConflict(f"{item} is {state}; first run `pilotage announce approve {item} {plan.version}`")


def _moment(request: AnnouncementRequest, planned: After, *, own: bool) -> After:
    """What it waits for. Raises Untrue where it would go out before the moment that it speaks of."""
    if request.on is After.START and planned is After.COMPLETED:
        raise Untrue(f"{request.item} speaks of a complete release: use `--on completed`")
    if request.on is not After.NOTHING and planned is After.NOTHING and not own:
        raise Untrue(f"{request.item} speaks of a release to come: it has to go out before the start, or be edited")
    if request.on is not After.NOTHING:
        return request.on
    return planned if request.at is not None or planned is After.ROLLED_BACK else After.NOTHING


def _lead(request: AnnouncementRequest, moment: After) -> Lead:
    """How long after the moment: as the calendar says of its own moment, at once after another."""
    planned = message_of(request.plan, request.item)
    return planned.lead if moment is planned.after else Lead(moment.value, 0, "hours")


def _not_before(project: Project, request: AnnouncementRequest, moment: After, come: float | None) -> float | None:
    if come is None:
        return request.at
    from pilotage.config.calendars import calendar_of

    today = day_of(project.clock.now(), project.loaded.configuration.calendar.timezone)
    lead = _lead(request, moment)
    due = due_after(lead.amount, lead.unit, calendar_facts(calendar_of(project.loaded, today), today), come)
    return max(due, request.at or 0.0)


def channels_that_reach(project: Project, message: Message) -> list[JsonObject]:
    """Those that publish messages of this kind to this audience. Raises Unreachable."""
    audience, kind = message.audience, message.kind
    every = reaching(project.loaded, audience, kind, message.environment)
    found = [section for section in every if message.personal or not channel_of(section).tenants]
    if not found:
        wanted = f", messages: [{kind}]" if kind else ""
        raise Unreachable(
            f"no channel reaches {audience}{f' by {kind}' if kind else ''}: add one to `notify` with "
            f"`audiences: [{audience}]{wanted}`"
        )
    return found


def reaching(loaded: Loaded, audience: str, kind: str, environment: str) -> list[JsonObject]:
    """The channels that publish messages of this kind about this environment to this audience."""
    return [
        section
        for section in channels_of(loaded)
        if (channel := channel_of(section)).publishes(audience, kind)
        and environment in (channel.environments or (environment,))
    ]


def spoken(plan: Plan, announced: Announced, text: str, now: float, issue: int = 1) -> Message:
    """The message of an announcement. issue: how often it is told, from 1."""
    key, subject = key_of(plan, announced.item, issue), subject_of(announced.item, announced.title, words_for(plan))
    message = Message(
        key, key, "announcement", Severity.INFO, subject, text, now, plan.service, plan.environment, plan.version,
        audience=announced.audience, kind=medium_of(message_of(plan, announced.item).channel) or "",
    )  # fmt: skip
    return replace(message, attachments=attachments_of(message))


def _found(store: Store, plan: Plan, item: str) -> Announced:
    return next(a for a in announcements_of(store, plan) if a.item == message_of(plan, item).id)


def _set(project: Project, actor: str, request: AnnouncementRequest, **values: Json) -> None:
    """Change what has not gone out yet. Raises StoreConflict when it has."""
    plan, item = request.plan, request.item
    project.require(actor, Permission.ANNOUNCE, plan.environment)
    with project.store.engine.begin() as connection:
        row = rows.row_of(connection, plan, item)
        state = State(row["state"]) if row else State.DRAFT
        withdrawn = state is not State.SCHEDULED or outbox.withdraw(connection, key_of(plan, item))
        if state is State.SENT or not withdrawn:
            raise StoreConflict(f"{item} was already sent and cannot change")
        if state in (State.SCHEDULED, State.WAITING):
            values = {"message": None, "not_before": None, **_without_words(bool(row and row["own"])), **values}
        entry = entry_of(project, actor, plan, item, request.reason)
        rows.keep(connection, plan, entry, **values)


def _without_words(own: bool) -> dict[str, Json]:
    """Pilotage's own words are written again; a person's stay."""
    return {} if own else {"text": None}


def entry_of(project: Project, actor: str, plan: Plan, item: str, reason: str = "") -> rows.Entry:
    """An action of a person on an item of the plan."""
    message = message_of(plan, item)
    return rows.Entry(
        planned=planned_of(message, plan), lead=message.lead, channels=channels_of(project.loaded), actor=actor,
        day=day_named(plan), reason=reason, now=project.clock.now(),
    )  # fmt: skip


def day_named(plan: Plan) -> str:
    """The release date that the plan's announcements name, ISO; empty without one."""
    return plan.release_date.isoformat() if plan.release_date else ""


def message_of(plan: Plan, item: str) -> Planned:
    """The item of the plan's calendar. Raises UnknownAnnouncement."""
    for message in plan.communication:
        if message.id == item:
            return message
    raise UnknownAnnouncement(
        f"this plan has no announcement {item!r}; it has {', '.join(message.id for message in plan.communication)}"
    )
