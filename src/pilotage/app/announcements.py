"""Announcements: drafts of the plan's communication calendar, with approval, schedule, delivery and reminders.

Tracking starts with `track`. From then on the worker reminds of each overdue announcement once a day, until it is sent
or skipped. The outbox sends at least once and identifies duplicates by key.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pilotage.app.announcement_truth import check_true
from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.app.requests import AnnouncementRequest
from pilotage.app.snapshot import channels_of
from pilotage.engine.records import announcements as rows
from pilotage.engine.records import outbox
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.model.announcement import Announced, State
from pilotage.model.channel import channel_of
from pilotage.model.errors import Invalid
from pilotage.model.json import Json
from pilotage.model.message import Message, Severity
from pilotage.model.plan import Plan
from pilotage.model.schedule import Message as Planned
from pilotage.plan.communication import words_for
from pilotage.render.subjects import subject_of

if TYPE_CHECKING:
    pass

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
    return tuple(kept.get(message.id) or _planned(message, plan) for message in plan.communication)


def track(project: Project, actor: str, plan: Plan) -> int:
    """From now on the worker reminds of what is overdue. Returns how many items are tracked again; due times follow the
    plan, also of what was tracked before."""
    project.require(actor, Permission.ANNOUNCE, plan.environment)
    loaded, now = project.loaded, project.clock.now()
    with project.store.engine.begin() as connection:
        known = rows.items(connection, plan)
        for message in plan.communication:
            planned = _planned(message, plan)
            if message.id in known:
                rows.change(connection, plan, message.id, due=planned.due, channels=channels_of(loaded))
            else:
                rows.create(connection, plan, planned, channels_of(loaded), actor, now)
    return len([m for m in plan.communication if m.id not in known])


def _planned(message: Planned, plan: Plan) -> Announced:
    due = message.due_at.timestamp() if message.due_at else None
    if due is None and message.due is not None:
        zone = ZoneInfo(plan.zones[0] if plan.zones else "UTC")
        due = datetime(message.due.year, message.due.month, message.due.day, _MORNING, tzinfo=zone).timestamp()
    return Announced(message.id, message.title, message.audience, str(message.owner), State.DRAFT, due, None)


# ── what people do ─────────────────────────────────────────────────────────────────────────────────────────


def edit(project: Project, actor: str, request: AnnouncementRequest) -> None:
    """Replace the text. An earlier approval is void, and a scheduled announcement is not sent."""
    _set(project, actor, request, state=State.DRAFT, text=request.text)


def approve(project: Project, actor: str, request: AnnouncementRequest) -> None:
    """Only by its owner, if `people` say who that is (Forbidden)."""
    plan, item = request.plan, request.item
    project.require(actor, Permission.APPROVE_ANNOUNCEMENT, plan.environment, _message(plan, item).owner)
    if _found(project.store, plan, item).state is State.SCHEDULED:
        raise StoreConflict(f"{item} is already scheduled")
    _set(project, actor, request, state=State.APPROVED)


def skip(project: Project, actor: str, request: AnnouncementRequest) -> None:
    """Not this time, for a reason; what was scheduled does not go out."""
    _set(project, actor, request, state=State.SKIPPED)


def send(project: Project, actor: str, request: AnnouncementRequest) -> int:
    """Through every channel that leads to its audience, now or at a time; returns through how many. Raises Unreachable,
    StoreConflict for what is not approved or was sent already, and Untrue for what would be false."""
    project.require(actor, Permission.ANNOUNCE, request.plan.environment)
    plan, item, now = request.plan, request.item, project.clock.now()
    announced = _found(project.store, plan, item)
    if announced.state in (State.SENT, State.SCHEDULED):
        raise StoreConflict(f"{item} is already {announced.state}")
    if announced.state is not State.APPROVED:
        raise StoreConflict(f"{item} is {announced.state}; first run `pilotage announce approve {item} {plan.version}`")
    channels = [c for c in channels_of(project.loaded) if announced.audience in channel_of(c).audiences]
    if not channels:
        raise Unreachable(
            f"no channel reaches {announced.audience}: add `audiences: [{announced.audience}]` to one of `notify`"
        )
    if announced.text is None:
        check_true(project.store, plan, item, request.text or "", later=bool(request.at))
    message = _spoken(plan, announced, request.text, now)
    state = State.SCHEDULED if request.at else State.SENT
    with project.store.engine.begin() as connection:
        if (present := rows.state_of(connection, plan, item)) is not State.APPROVED:
            raise StoreConflict(f"{item} is already {present}")
        rows.keep(connection, plan, _entry(project, actor, request), state=state, text=request.text)
        return rows.post(connection, message, channels, now, request.at)


def _spoken(plan: Plan, announced: Announced, text: str, now: float) -> Message:
    key, subject = rows.key_of(plan, announced.item), subject_of(announced.item, announced.title, words_for(plan))
    return Message(
        key, key, "announcement", Severity.INFO, subject, text, now, plan.service, plan.environment, plan.version,
        audience=announced.audience,
    )  # fmt: skip


def _found(store: Store, plan: Plan, item: str) -> Announced:
    return next(a for a in announcements_of(store, plan) if a.item == _message(plan, item).id)


def _set(project: Project, actor: str, request: AnnouncementRequest, **values: Json) -> None:
    """Change what has not gone out yet. Raises StoreConflict when it has."""
    plan, item = request.plan, request.item
    project.require(actor, Permission.ANNOUNCE, plan.environment)
    with project.store.engine.begin() as connection:
        state = rows.state_of(connection, plan, item)
        withdrawn = state is not State.SCHEDULED or outbox.withdraw(connection, rows.key_of(plan, item))
        if state is State.SENT or not withdrawn:
            raise StoreConflict(f"{item} was already sent and cannot change")
        rows.keep(connection, plan, _entry(project, actor, request), **values)


def _entry(project: Project, actor: str, request: AnnouncementRequest) -> rows.Entry:
    planned = _planned(_message(request.plan, request.item), request.plan)
    channels = channels_of(project.loaded)
    return rows.Entry(planned=planned, channels=channels, actor=actor, reason=request.reason, now=project.clock.now())


def _message(plan: Plan, item: str) -> Planned:
    for message in plan.communication:
        if message.id == item:
            return message
    raise UnknownAnnouncement(
        f"this plan has no announcement {item!r}; it has {', '.join(message.id for message in plan.communication)}"
    )
