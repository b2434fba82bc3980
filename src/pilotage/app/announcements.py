"""Announcements: drafts of the plan's communication calendar, approved, scheduled, sent, or nagged about.

A release's announcements are tracked from the moment somebody asks for it (`track`); from then on the worker reminds of
what is overdue, once a day each, until it is sent or skipped. Sending is the outbox's: at least once, told by key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.app.requests import AnnouncementRequest
from pilotage.app.snapshot import channels_of
from pilotage.config.loading import Loaded
from pilotage.engine import outbox
from pilotage.engine.store import Store, StoreConflict
from pilotage.engine.tables import announcements
from pilotage.engine.zones import calendar_zones
from pilotage.model.clock import day_of
from pilotage.model.errors import Invalid
from pilotage.model.message import Message, Severity
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration
from pilotage.model.schedule import Message as Planned

_MORNING = 9
"""The hour of the release's zone at which something of a day is due."""


class State(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    SENT = "sent"
    SKIPPED = "skipped"


class UnknownAnnouncement(Invalid):
    """A name that the plan's communication calendar does not have."""


class Unreachable(Invalid):
    """No channel leads to this audience."""


@dataclass(frozen=True)
class Announced:
    """One item of the calendar and how it stands. due: Unix seconds, None without a date · text: a person's own words,
    None for the template's."""

    item: str
    title: str
    audience: str
    owner: str
    state: State
    due: float | None
    text: str | None
    actor: str = ""
    reason: str = ""

    def overdue(self, now: float) -> bool:
        return self.state in (State.DRAFT, State.APPROVED) and self.due is not None and self.due < now


# ── the calendar ───────────────────────────────────────────────────────────────────────────────────────────


def announcements_of(store: Store, plan: Plan) -> tuple[Announced, ...]:
    """All of the plan's, in its order, with what people did to them."""
    with store.engine.connect() as connection:
        known = {row["item"]: _of_row(row, connection, plan) for row in _rows(connection, plan)}
    return tuple(known.get(message.id) or _planned(message, plan) for message in plan.communication)


def track(project: Project, actor: str, plan: Plan) -> int:
    """From now on the worker reminds of what is overdue. Returns how many items are tracked anew; due times follow the
    plan, also of what was tracked before."""
    project.require(actor, Permission.ANNOUNCE, plan.environment)
    loaded, now = project.loaded, project.clock.now()
    with project.store.engine.begin() as connection:
        known = {row["item"] for row in _rows(connection, plan)}
        for message in plan.communication:
            planned = _planned(message, plan)
            if message.id in known:
                _change(connection, plan, message.id, due=planned.due, channels=channels_of(loaded))
            else:
                _create(connection, loaded, plan, planned, actor, now)
    return len([m for m in plan.communication if m.id not in known])


def _planned(message: Planned, plan: Plan) -> Announced:
    due = message.at.timestamp() if message.at else None
    if due is None and message.due is not None:
        zone = ZoneInfo(plan.zones[0] if plan.zones else "UTC")
        due = datetime(message.due.year, message.due.month, message.due.day, _MORNING, tzinfo=zone).timestamp()
    return Announced(message.id, message.title, message.audience, str(message.owner), State.DRAFT, due, None)


def _rows(connection: Connection, plan: Plan) -> list[RowMapping]:
    query = select(announcements).where(_of(plan)).order_by(announcements.c.id)
    return list(connection.execute(query).mappings())


def _of(plan: Plan) -> ColumnElement[bool]:
    return and_(
        announcements.c.service == plan.service, announcements.c.environment == plan.environment,
        announcements.c.version == plan.version,
    )  # fmt: skip


def _state(connection: Connection, plan: Plan, item: str) -> State:
    """How it stands; nobody else changes it before this transaction ends."""
    query = select(announcements.c.state).where(_of(plan), announcements.c.item == item).with_for_update()
    return State(connection.scalar(query) or State.DRAFT)


def _of_row(row: RowMapping, connection: Connection, plan: Plan) -> Announced:
    state = State(row["state"])
    if state is State.SCHEDULED and not outbox.waits(connection, _key(plan, row["item"])):
        state = State.SENT
    return Announced(
        row["item"], row["title"], row["audience"], row["owner"], state, row["due"], row["text"], row["actor"],
        row["reason"],
    )  # fmt: skip


def _key(plan: Plan, item: str) -> str:
    return f"announcement/{plan.service}/{plan.environment}/{plan.version}/{item}"


def _create(connection: Connection, loaded: Loaded, plan: Plan, planned: Announced, actor: str, now: float) -> None:
    connection.execute(
        insert(announcements).values(
            service=plan.service, environment=plan.environment, version=plan.version, item=planned.item,
            state=planned.state.value, title=planned.title, audience=planned.audience, owner=planned.owner,
            text=planned.text, due=planned.due, channels=channels_of(loaded), actor=actor, reason="", at=now,
        )
    )  # fmt: skip


def _change(connection: Connection, plan: Plan, item: str, **values: Any) -> None:
    connection.execute(update(announcements).where(_of(plan), announcements.c.item == item).values(**values))


# ── what people do ─────────────────────────────────────────────────────────────────────────────────────────


def edit(project: Project, actor: str, request: AnnouncementRequest) -> None:
    """A person's own words; what was approved before must be approved again, what was scheduled does not go out."""
    _set(project, actor, request, state=State.DRAFT, text=request.text)


def approve(project: Project, actor: str, request: AnnouncementRequest) -> None:
    """By its owner, where `people` say who that is (Forbidden)."""
    plan, item = request.plan, request.item
    project.require(actor, Permission.APPROVE_ANNOUNCEMENT, plan.environment, _message(plan, item).owner)
    if _found(project.store, plan, item).state is State.SCHEDULED:
        raise StoreConflict(f"{item} is scheduled already")
    _set(project, actor, request, state=State.APPROVED)


def skip(project: Project, actor: str, request: AnnouncementRequest) -> None:
    """Not this time, for a reason; what was scheduled does not go out."""
    _set(project, actor, request, state=State.SKIPPED)


def send(project: Project, actor: str, request: AnnouncementRequest) -> int:
    """Through every channel that leads to its audience, now or at a time; returns through how many. Raises Unreachable,
    and StoreConflict for what is not approved or was sent already."""
    project.require(actor, Permission.ANNOUNCE, request.plan.environment)
    plan, item, now = request.plan, request.item, project.clock.now()
    announced = _found(project.store, plan, item)
    if announced.state in (State.SENT, State.SCHEDULED):
        raise StoreConflict(f"{item} is {announced.state} already")
    if announced.state is not State.APPROVED:
        raise StoreConflict(f"{item} is {announced.state}: `pilotage announce approve {item} {plan.version}` first")
    channels = [c for c in channels_of(project.loaded) if announced.audience in c["audiences"]]
    if not channels:
        raise Unreachable(
            f"no channel leads to {announced.audience}: add `audiences: [{announced.audience}]` to one of `notify`"
        )
    message = _spoken(plan, announced, request.text, now)
    state = State.SCHEDULED if request.at else State.SENT
    try:
        with project.store.engine.begin() as connection:
            if (present := _state(connection, plan, item)) is not State.APPROVED:
                raise StoreConflict(f"{item} is {present}: somebody was quicker")
            _write(connection, project, actor, request, state=state, text=request.text)
            return outbox.post(connection, message, channels, now, due=request.at)
    except IntegrityError:
        raise StoreConflict(f"{item} is {state} already") from None


def _spoken(plan: Plan, announced: Announced, text: str, now: float) -> Message:
    key = _key(plan, announced.item)
    return Message(
        key, key, "announcement", Severity.INFO, f"{plan.service} {plan.version}: {announced.title}", text, now,
        plan.service, plan.environment, plan.version, audience=announced.audience,
    )  # fmt: skip


def _found(store: Store, plan: Plan, item: str) -> Announced:
    return next(a for a in announcements_of(store, plan) if a.item == _message(plan, item).id)


def _set(project: Project, actor: str, request: AnnouncementRequest, **values: Any) -> None:
    """Change what has not gone out yet. Raises StoreConflict when it has."""
    plan, item = request.plan, request.item
    project.require(actor, Permission.ANNOUNCE, plan.environment)
    with project.store.engine.begin() as connection:
        state = _state(connection, plan, item)
        withdrawn = state is not State.SCHEDULED or outbox.withdraw(connection, _key(plan, item))
        if state is State.SENT or not withdrawn:
            raise StoreConflict(f"{item} is sent already: what went out stays as it is")
        _write(connection, project, actor, request, **values)


def _write(connection: Connection, project: Project, actor: str, request: AnnouncementRequest, **values: Any) -> None:
    plan, item, now = request.plan, request.item, project.clock.now()
    message = _message(plan, item)
    if not any(row["item"] == item for row in _rows(connection, plan)):
        _create(connection, project.loaded, plan, _planned(message, plan), actor, now)
    plain = {name: value.value if isinstance(value, State) else value for name, value in values.items()}
    _change(connection, plan, item, actor=actor, reason=request.reason, at=now, **plain)


def _message(plan: Plan, item: str) -> Planned:
    for message in plan.communication:
        if message.id == item:
            return message
    raise UnknownAnnouncement(
        f"this plan has no announcement {item!r}; it has {', '.join(message.id for message in plan.communication)}"
    )


# ── reminders ──────────────────────────────────────────────────────────────────────────────────────────────


def remind(engine: Engine, now: float) -> int:
    """Nag the owners of what is overdue, once a day each; returns how many reminders went out."""
    query = select(announcements).where(
        announcements.c.state.in_((State.DRAFT.value, State.APPROVED.value)), announcements.c.due < now
    )
    with engine.connect() as connection:
        overdue = list(connection.execute(query).mappings())
        zones = calendar_zones(connection, {row["service"] for row in overdue})
    days = {service: day_of(now, zone).isoformat() for service, zone in zones.items()}
    return sum(
        outbox.post_once(engine, _nag(row, days[row["service"]], now), row["channels"], now) > 0 for row in overdue
    )


def _nag(row: RowMapping, day: str, now: float) -> Message:
    thread = f"overdue/{row['service']}/{row['environment']}/{row['version']}/{row['item']}"
    late = format_duration(int(now - row["due"]))
    do = "send" if row["state"] == State.APPROVED.value else "approve"
    return Message(
        f"{thread}/{day}", thread, "announcement-overdue", Severity.WARNING,
        f"{row['service']} {row['version']}: {row['title']} is overdue",
        f"The {row['owner']} owes {row['audience']} this since {late}: `pilotage announce {do} {row['item']} "
        f"{row['version']}`, or skip it with a reason.",
        now, row["service"], row["environment"], row["version"],
        (("owner", row["owner"]), ("audience", row["audience"])),
    )  # fmt: skip
