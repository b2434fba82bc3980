"""Meetings about a release: who is invited to which, when they take place, and what came of them.

People are invited by their roles and the addresses in `people`; customers and support by the announcements of the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time

from pilotage.adapters.notify import invitation
from pilotage.app.project import Project
from pilotage.config.loading import Loaded
from pilotage.engine.records import meetings as rows
from pilotage.engine.records.followups import AUTOMATIC
from pilotage.model.calendar import Calendar, at
from pilotage.model.channel import channel_of
from pilotage.model.json import JsonObject
from pilotage.model.look_back import Retrospective
from pilotage.model.medium import Attachment, Medium
from pilotage.model.meeting import Guest, Meeting, MeetingKind
from pilotage.model.plan import Plan
from pilotage.model.schedule import Role
from pilotage.plan.retrospective import REQUIRED, due_after, series

_INVITING = {"webinar_scheduling": "webinar", "follow_up_webinar": "follow-up-webinar",
             "support_team_briefing": "support-briefing"}  # fmt: skip
"""By announcement: the meeting to which it invites."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """What meetings must know of a release. day: on which everyone has it."""

    loaded: Loaded
    plan: Plan
    calendar: Calendar
    day: date


# ── which there are ────────────────────────────────────────────────────────────────────────────────────────


def keep_meetings(project: Project, plan: Plan, day: date) -> int:
    """See that every meeting of this release is where its day wants it, and that its guests know. Returns how many
    changed."""
    release = _release(project.loaded, plan, day)
    channels = mail_of(project.loaded, plan.environment)
    changed = 0
    for meeting in meetings_of(release):
        through = channels if meeting.guests else []
        if meeting.begins > project.clock.now():
            changed += rows.keep(project.store.engine, meeting, through, AUTOMATIC, project.clock.now())
    return changed


def meetings_of(release: Release) -> Iterator[Meeting]:
    """The retrospective, and the meetings to which the plan's announcements invite."""
    plan = release.plan
    yield _retrospective(release)
    announced = {message.id for message in plan.communication}
    for item in _INVITING:
        if item in announced:
            yield _announced(release, item)


def keep_review(project: Project, plan: Plan, rollout: str, day: date, text: str, version: str = "") -> bool:
    """Invite to the review of a rollout that was undone or failed on `day` (R25). version: the one that was undone,
    where it is not the plan's."""
    release = _release(project.loaded, plan, day)
    section, wanted = project.loaded.configuration.meetings, plan.retrospective
    meeting = _made(
        release, f"review.{rollout}", MeetingKind.REVIEW,
        f"{plan.service} {version or plan.version}: review of the rollback",
        text, release.calendar.working_day_after(day, section.review_after), wanted.minutes,
        guests_of(project.loaded, wanted.required, wanted.optional),
    )  # fmt: skip
    channels = mail_of(project.loaded, plan.environment)
    return rows.keep(project.store.engine, meeting, channels, AUTOMATIC, project.clock.now())


def cancel_meetings(project: Project, plan: Plan, version: str = "") -> int:
    """The release was undone: what was to follow it does not take place. Returns how many were cancelled. Meetings of
    a week or a month stay: they are about other releases, too. version: the one that was undone, where it is not the
    plan's."""
    service, now = plan.service, project.clock.now()
    found = [
        one for one in rows.meetings_of(project.store.engine, service, since=now)
        if one.version == (version or plan.version) and one.environment == plan.environment and one.begins > now
        and one.kind is not MeetingKind.REVIEW and one.state is not one.state.CANCELLED
    ]  # fmt: skip
    for one in found:
        rows.cancel(project.store.engine, service, one.id, AUTOMATIC, now)
    return len(found)


def _release(loaded: Loaded, plan: Plan, day: date) -> Release:
    from pilotage.config.calendars import calendar_of

    return Release(loaded=loaded, plan=plan, calendar=calendar_of(loaded, day), day=day)


def _retrospective(release: Release) -> Meeting:
    plan, wanted = release.plan, release.plan.retrospective
    frequency = plan.answers.release_frequency
    due = due_after(frequency, release.day, release.calendar)
    subject = series(frequency, due, plan.version)
    return _made(
        release, f"retrospective.{subject}", MeetingKind.RETROSPECTIVE, f"{plan.service}: retrospective {subject}",
        _agenda(wanted), due, wanted.minutes, guests_of(release.loaded, wanted.required, wanted.optional),
        version=plan.version if subject == plan.version else "",
    )  # fmt: skip


def _agenda(wanted: Retrospective) -> str:
    parts = "\n".join(f"{item.minutes} min {item.title}" for item in wanted.agenda)
    return f"{parts}\n\nFacts: pilotage retro\nMinutes: pilotage meeting minutes"


def _announced(release: Release, item: str) -> Meeting:
    plan, section = release.plan, release.loaded.configuration.meetings
    name = f"{plan.service} {plan.version}"
    days = release.calendar
    match item:
        case "support_team_briefing":
            day = days.working_day_before(release.day, section.briefing_before)
            title, kind, minutes = f"{name}: support briefing", MeetingKind.BRIEFING, section.briefing_minutes
        case "webinar_scheduling":
            day = days.working_day_after(release.day, section.webinar_after) if section.webinar_after else release.day
            title, kind, minutes = f"{name}: what is new", MeetingKind.WEBINAR, section.webinar_minutes
        case _:
            day = days.working_day_after(release.day, section.follow_up_after)
            title, kind, minutes = f"{name}: working with it", MeetingKind.WEBINAR, section.webinar_minutes
    return _made(release, f"{_INVITING[item]}.{plan.version}", kind, title, title, day, minutes, ())


def _made(
    release: Release, name: str, kind: MeetingKind, title: str, text: str, day: date, minutes: int,
    guests: tuple[Guest, ...], version: str | None = None,
) -> Meeting:  # fmt: skip
    plan, section = release.plan, release.loaded.configuration.meetings
    webinar = kind is MeetingKind.WEBINAR
    clock = time.fromisoformat(section.webinar_start if webinar else section.start)
    begins = at(day, clock, release.calendar.zone).timestamp()
    return Meeting(
        uid=f"{name}.{plan.environment}.{plan.service}@pilotage", kind=kind, service=plan.service,
        environment=plan.environment, version=plan.version if version is None else version, title=title, text=text,
        begins=begins, planned=begins, minutes=minutes,
        location=section.webinar_link or "" if webinar else section.location,
        organizer=organizer_of(release.loaded, plan.environment) if guests else "", guests=guests,
    )  # fmt: skip


# ── who, and through what ──────────────────────────────────────────────────────────────────────────────────


def guests_of(loaded: Loaded, required: Sequence[Role], optional: Sequence[Role]) -> tuple[Guest, ...]:
    """Whoever has one of the roles and an address; in two roles once, required if one of them is."""
    needed, welcome = {role.lower() for role in required}, {role.lower() for role in optional}
    found = []
    for name, person in loaded.configuration.people.items():
        roles = {role.lower() for role in person.roles}
        if person.email and roles & (needed | welcome):
            found.append(Guest(name=name, email=person.email, required=bool(roles & needed)))
    return tuple(found)


def not_invited(project: Project) -> str:
    """Why some of those who must come to a retrospective get no invitation; empty where all do."""
    loaded = project.loaded
    if not any(mail_of(loaded, environment) for environment in loaded.configuration.environments):
        return "nobody is invited: no channel of `notify` has kind: email"
    missing = [role for role in REQUIRED if not guests_of(loaded, [role], ())]
    return f"not invited: {', '.join(missing)}; give a person with the role an `email` in `people`" if missing else ""


def mail_of(loaded: Loaded, environment: str) -> list[JsonObject]:
    """The channel through which people are invited: the first that sends mail about this environment."""
    for channel in loaded.configuration.notify:
        section = channel.kept(loaded.folder)
        known = channel_of(section)
        fits = not known.environments or environment in known.environments
        if known.kind == "email" and fits and Medium.MEETING in known.messages:
            return [section]
    return []


def organizer_of(loaded: Loaded, environment: str) -> str:
    """The sender of invitations, who gets the answers; empty where no channel sends mail."""
    channels = mail_of(loaded, environment)
    return str(channels[0]["sender"]) if channels else ""


# ── what announcements carry ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Inviting:
    """What a message needs to be an invitation. uid: of the meeting · facts: when and where, for people."""

    uid: str
    attachments: tuple[Attachment, ...]
    facts: tuple[tuple[str, str], ...]


def keep_announced(project: Project, plan: Plan, item: str) -> None:
    """See that the meeting to which an announcement invites is there, as far as its day is known: the announcement
    may go out before anything else asks for the meeting, and carries the invitation."""
    if item not in _INVITING or plan.release_date is None:
        return
    meeting = _announced(_release(project.loaded, plan, plan.release_date), item)
    if meeting.begins > project.clock.now() and rows.by_uid(project.store.engine, meeting.uid) is None:
        rows.keep(project.store.engine, meeting, [], AUTOMATIC, project.clock.now())


def inviting(project: Project, plan: Plan, item: str) -> Inviting | None:
    """The meeting to which an announcement invites; None for other announcements, and while its day is unknown."""
    if item not in _INVITING:
        return None
    meeting = rows.by_uid(
        project.store.engine, f"{_INVITING[item]}.{plan.version}.{plan.environment}.{plan.service}@pilotage"
    )
    if meeting is None or meeting.state is meeting.state.CANCELLED or meeting.begins < project.clock.now():
        return None
    zone = project.loaded.configuration.calendar.timezone
    part = invitation.request(meeting, project.clock.now())
    return Inviting(uid=meeting.uid, attachments=(part,), facts=rows.facts_of(meeting, zone))


def facts_of(project: Project, uid: str) -> str:
    """When and where a meeting is, in one line; empty where there is none."""
    meeting = rows.by_uid(project.store.engine, uid)
    if meeting is None or meeting.state is meeting.state.CANCELLED:
        return ""
    zone = project.loaded.configuration.calendar.timezone
    return "; ".join(value for _, value in rows.facts_of(meeting, zone))
