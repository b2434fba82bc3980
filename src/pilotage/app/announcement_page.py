"""Announcements of one release as pages show them, and what people do with one. Each action names the text that the
person saw: approving a text that somebody has changed since approves nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from pilotage.app import announcements
from pilotage.app.announcement_text import facts_of, text_of
from pilotage.app.announcement_truth import untrue
from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.app.readiness_page import plan_of, tracked_day
from pilotage.app.requests import AnnouncementRequest
from pilotage.model.announcement import Announced, State
from pilotage.model.errors import Conflict, Invalid
from pilotage.model.plan import Plan
from pilotage.model.schedule import After
from pilotage.render.sandbox import MOST


class AnnouncementDeed(StrEnum):
    EDIT = "edit"
    APPROVE = "approve"
    SEND = "send"
    SKIP = "skip"

    @property
    def permission(self) -> Permission:
        return Permission.APPROVE_ANNOUNCEMENT if self is AnnouncementDeed.APPROVE else Permission.ANNOUNCE


class TextMoved(Conflict):
    """The announcement has another text or state than the person saw: nothing was done."""


class NoText(Invalid):
    """A text, a reason or a time of an announcement is missing, or is none."""


@dataclass(frozen=True, kw_only=True)
class AnnouncementsView:
    """tracked: the day for which people work on the version; None without one."""

    plan: Plan
    tracked: date | None
    found: tuple[Announced, ...]


@dataclass(frozen=True, kw_only=True)
class AnnouncementView:
    """text: as it would go out now · seen: of text and state together · untrue: why the text cannot be sent as it is ·
    deeds: that its state allows."""

    plan: Plan
    one: Announced
    text: str
    seen: str
    untrue: str
    deeds: tuple[AnnouncementDeed, ...]


@dataclass(frozen=True, kw_only=True)
class AnnouncementWish:
    """version, day, item: which; day is empty for none · seen: of the page that the person saw · text: edited ·
    at: a time in the release's zone, such as 2026-12-01T09:00; empty for now · on: the moment that it waits for ·
    reason: why it is skipped."""

    environment: str
    version: str
    item: str
    seen: str
    day: str = ""
    text: str = ""
    at: str = ""
    on: str = ""
    reason: str = ""


def announcements_view(project: Project, environment: str, version: str, day: str) -> AnnouncementsView:
    """Raises ValueError with what is wrong."""
    plan = plan_of(project, environment, version, day)
    return AnnouncementsView(
        plan=plan, tracked=tracked_day(project, environment, version),
        found=announcements.announcements_of(project.store, plan),
    )  # fmt: skip


def announcement_view(project: Project, environment: str, wanted: tuple[str, str], item: str) -> AnnouncementView:
    """wanted: version, and day or nothing. Raises UnknownAnnouncement, ValueError."""
    return _view(project, plan_of(project, environment, *wanted), item)


def _view(project: Project, plan: Plan, item: str) -> AnnouncementView:
    name = announcements.message_of(plan, item).id
    one = next(each for each in announcements.announcements_of(project.store, plan) if each.item == name)
    text = _text(project, plan, one)
    why = untrue(project.store, plan, item, text, one.after) if one.text is None else ""
    return AnnouncementView(plan=plan, one=one, text=text, seen=_seen(text, one), untrue=why or "", deeds=_deeds(one))


def _text(project: Project, plan: Plan, one: Announced) -> str:
    configuration = project.loaded.configuration
    folder = project.loaded.folder / configuration.templates if configuration.templates else None
    return text_of(one, facts_of(project.store, project.loaded, plan, None, one.item), folder, configuration.language)


def _seen(text: str, one: Announced) -> str:
    """Of a template only its state counts: the facts in it change by themselves."""
    what = text if one.own else ""
    return hashlib.sha256(f"{one.state}\0{one.not_before}\0{what}".encode()).hexdigest()[:16]


def _deeds(one: Announced) -> tuple[AnnouncementDeed, ...]:
    match one.state:
        case State.SENT:
            return ()
        case State.DRAFT | State.SKIPPED | State.WITHDRAWN:
            skip = () if one.state is State.SKIPPED else (AnnouncementDeed.SKIP,)
            return (AnnouncementDeed.APPROVE, AnnouncementDeed.EDIT, *skip)
        case State.APPROVED:
            return (AnnouncementDeed.SEND, AnnouncementDeed.EDIT, AnnouncementDeed.SKIP)
        case _:
            return (AnnouncementDeed.EDIT, AnnouncementDeed.SKIP)


def carry_out(project: Project, actor: str, deed: AnnouncementDeed, wish: AnnouncementWish) -> None:
    """Raises TextMoved, NoText, Forbidden, Unreachable, Untrue, StoreConflict."""
    view = announcement_view(project, wish.environment, (wish.version, wish.day), wish.item)
    if view.seen != wish.seen:
        raise TextMoved(f"{wish.item} has changed since you looked: it is {view.one.state} now. Nothing was done")
    plan, item = view.plan, view.one.item
    match deed:
        case AnnouncementDeed.EDIT:
            announcements.edit(project, actor, AnnouncementRequest(plan=plan, item=item, text=_written(wish.text)))
        case AnnouncementDeed.APPROVE:
            announcements.approve(project, actor, AnnouncementRequest(plan=plan, item=item))
        case AnnouncementDeed.SKIP:
            if not wish.reason.strip():
                raise NoText("skipping needs a reason: it is stored with the release")
            announcements.skip(project, actor, AnnouncementRequest(plan=plan, item=item, reason=wish.reason))
        case AnnouncementDeed.SEND:
            request = AnnouncementRequest(
                plan=plan, item=item, text=view.text, at=_moment(wish.at, plan), on=_event(wish.on)
            )
            announcements.send(project, actor, request)
            project.ensure_worker()


def _written(text: str) -> str:
    text = text.replace("\r\n", "\n")
    if not text.strip() or len(text) > MOST:
        raise NoText(f"the text must have between one and {MOST} characters, got {len(text)}")
    return text


def _event(text: str) -> After:
    known = {one.value for one in (After.NOTHING, After.START, After.COMPLETED)}
    if text not in known:
        raise NoText(f"{text!r} is no moment of a release: it is start or completed")
    return After(text)


def _moment(text: str, plan: Plan) -> float | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise NoText(f"{text!r} is not a time such as 2026-12-01T09:00") from None
    if not 1970 <= found.year < 2200:
        raise NoText(f"{found} is not between 1970 and 2199")
    zone = ZoneInfo(plan.zones[0] if plan.zones else "UTC")
    return (found if found.tzinfo else found.replace(tzinfo=zone)).timestamp()
