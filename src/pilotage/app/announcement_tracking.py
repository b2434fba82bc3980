"""Tracking of announcements: who has to act is reminded, and who was told an old date is told the new one.

`deploy` tracks by itself what one of the channels can reach, before the rollout starts; `announce track` tracks all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from pilotage.app.announcement_text import text_now
from pilotage.app.announcement_truth import newest
from pilotage.app.announcements import day_named, entry_of, planned_of, reaching, spoken
from pilotage.app.meetings import keep_meetings
from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.app.snapshot import calendar_facts, channels_of
from pilotage.engine.records import announcements as rows
from pilotage.engine.records.moments import NOTICE, due_after
from pilotage.engine.records.rows import Row
from pilotage.model.announcement import State
from pilotage.model.clock import day_of
from pilotage.model.json import Json, text_at, whole_at
from pilotage.model.medium import medium_of
from pilotage.model.plan import Plan
from pilotage.model.schedule import After, Message
from pilotage.plan.claims import CLAIM_OF, Claim
from pilotage.plan.stages import until_complete

NOTHING: Mapping[str, float] = {}


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """new: items that were not tracked before · again: those that told an old date, and go out with the new one ·
    rewrite: those that told an old date in a person's words."""

    new: int
    again: tuple[str, ...] = ()
    rewrite: tuple[str, ...] = ()


def track(project: Project, actor: str, plan: Plan) -> Tracked:
    """From now on the worker reminds of what is overdue; due times follow the plan, also of what was tracked before."""
    project.require(actor, Permission.ANNOUNCE, plan.environment)
    again, rewrite = _retarget(project, plan)
    new = _track(project, actor, plan, plan.communication)
    if plan.release_date is not None:
        keep_meetings(project, plan, plan.release_date)
    return Tracked(new=new, again=again, rewrite=rewrite)


def track_deployed(project: Project, actor: str, plan: Plan) -> None:
    """The same for a rollout that is about to be created, for what a channel reaches. What an earlier rollout of the
    version told, or withdrew, is told anew."""
    there = rows.known(project.store.engine, plan)
    wanted = tuple(m for m in plan.communication if m.id in there or _reaches(project, plan, m))
    if wanted:
        again = newest(project.store, plan) is not None
        _track(project, actor, plan, wanted, afresh=again, expected=_expected(project, plan))


def _expected(project: Project, plan: Plan) -> dict[str, float]:
    """When what waits for a moment is due if the rollout starts now and nothing delays it, by item."""
    from pilotage.config.calendars import calendar_of

    now = project.clock.now()
    today = day_of(now, project.loaded.configuration.calendar.timezone)
    calendar = calendar_facts(calendar_of(project.loaded, today), today)
    moments = {After.START: now, After.COMPLETED: now + until_complete(plan.steps)}
    return {
        m.id: due_after(m.lead.amount, m.lead.unit, calendar, moments[m.after])
        for m in plan.communication
        if m.after in moments
    }


def _reaches(project: Project, plan: Plan, message: Message) -> bool:
    return bool(reaching(project.loaded, message.audience, medium_of(message.channel) or "", plan.environment))


def _track(
    project: Project,
    actor: str,
    plan: Plan,
    messages: Sequence[Message],
    *,
    afresh: bool = False,
    expected: Mapping[str, float] = NOTHING,
) -> int:
    new = 0
    with project.store.engine.begin() as connection:
        for message in messages:
            row, due = rows.row_of(connection, plan, message.id), expected.get(message.id)
            if row is None:
                entry = entry_of(project, actor, plan, message.id)
                planned = entry.planned if due is None else replace(entry.planned, due=due)
                rows.create(connection, plan, replace(entry, planned=planned))
                new += 1
                continue
            values: dict[str, Json] = {"channels": channels_of(project.loaded), **_dates(row, message, plan)}
            if afresh and message.id != NOTICE:
                values |= _afresh(row)
            if due is not None:
                values["due"] = due
            rows.change(connection, plan, message.id, **values)
    return new


def _dates(row: Row, message: Message, plan: Plan) -> dict[str, Json]:
    """What the plan says of its times, unless its moment has come: then that counts, or somebody chose another."""
    values: dict[str, Json] = {"day": day_named(plan) or row["day"]}
    if row["state"] != State.WAITING.value:
        values |= {"after": message.after.value, "lead": message.lead.amount, "unit": message.lead.unit}
    due = planned_of(message, plan).due
    return values if row["happened_at"] is not None or due is None else {**values, "due": due}


def _afresh(row: Row) -> dict[str, Json]:
    values: dict[str, Json] = {"happened_at": None}
    waited_for = row["after"] != After.NOTHING.value
    if row["state"] == State.WITHDRAWN.value or (waited_for and row["state"] == State.SENT.value):
        values |= {"state": State.DRAFT.value, "issue": whole_at(row, "issue") + (row["state"] == State.SENT.value)}
        values |= {"message": None, "not_before": None, **({} if row["own"] else {"text": None})}
    return values


# ── another date ───────────────────────────────────────────────────────────────────────────────────────────


def _retarget(project: Project, plan: Plan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tell the new date to whoever was told the old one. What a person wrote, that person writes again."""
    day = day_named(plan)
    with project.store.engine.connect() as connection:
        old = {row["item"]: row for row in rows.rows_of(connection, plan) if day and row["day"] not in (None, day)}
    names_it = [message for message in plan.communication if message.id in old and CLAIM_OF.get(message.id) is _COMING]
    texts = {m.id: _text(project, plan, m, old[m.id]) for m in names_it if not _own(old[m.id])}
    again, rewrite = [], []
    now, channels = project.clock.now(), channels_of(project.loaded)
    with project.store.engine.begin() as connection:
        for message in names_it:
            row = rows.row_of(connection, plan, message.id)
            if row is None or row["state"] not in _TOLD:
                continue
            if message.id in texts and not _own(row):
                issue = row["issue"] + (row["state"] == State.SENT.value)
                words = spoken(plan, planned_of(message, plan), texts[message.id], now, issue)
                rows.tell_again(connection, plan, row, words, channels, day)
                again.append(message.id)
            else:
                rows.write_again(connection, plan, row, now)
                rewrite.append(message.id)
    return tuple(again), tuple(rewrite)


_COMING = Claim.COMING
_TOLD = (State.SENT.value, State.SCHEDULED.value)


def _own(row: Row) -> bool:
    return bool(row["own"]) and row["text"] is not None


def _text(project: Project, plan: Plan, message: Message, row: Row) -> str:
    """In Pilotage's words, with the date that is no longer true where that was told."""
    text = text_now(project.store, project.loaded, plan, planned_of(message, plan))
    if row["state"] != State.SENT.value:
        return text
    before = date.fromisoformat(text_at(row, "day"))
    return f"The date has changed. It was {before:%A, %d %B %Y}.\n\n{text}"
