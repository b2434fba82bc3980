"""Sends what has waited for its moment: a job of the worker.

The text is written when the moment has come, with the facts known then, and what would be false stays at home. Whatever
kills the worker, an announcement goes out once: its state and its message change in one transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pilotage.app.announcement_text import attachments_of, text_now
from pilotage.app.announcement_truth import newest, untrue
from pilotage.app.announcements import spoken
from pilotage.app.meetings import inviting
from pilotage.app.project import Project
from pilotage.app.standing import standing
from pilotage.config.loading import Loaded
from pilotage.engine.records import announcements as rows
from pilotage.engine.records import meetings, outbox
from pilotage.engine.records.announcements import Pending
from pilotage.engine.records.moments import NOTICE, key_of, told_of
from pilotage.engine.records.store import Store
from pilotage.model.announcement import Announced, State
from pilotage.model.errors import Invalid
from pilotage.model.json import JsonObject
from pilotage.model.message import Message, Severity
from pilotage.model.plan import Plan
from pilotage.model.record import Unreadable
from pilotage.model.rollout import Status
from pilotage.render.announcement import announcement
from pilotage.render.subjects import subject_of
from pilotage.report.telling import channels_for

_log = logging.getLogger(__name__)


def proceed(store: Store, directory: Path) -> None:
    """Send whatever waits for nothing any more."""
    now = store.clock.now()
    for one in rows.ready(store.engine, now):
        home = store.home(directory, one.service, one.environment)
        if home is None or home.is_here:
            _proceed(store, directory, one, now)


@dataclass(frozen=True, kw_only=True)
class _Written:
    """meeting: to which it invites, by its uid; empty for none, or where that was kept before."""

    message: Message
    meeting: str = ""


def _proceed(store: Store, directory: Path, one: Pending, now: float) -> None:
    try:
        written = _write(store, directory, one, now)
    except Invalid as error:
        _withhold(store, one, str(error), now)
        return
    if written is None:
        return
    text = written.message.text
    if not one.own and one.item != NOTICE and (why := untrue(store, one, one.item, text, one.after)):
        _withhold(store, one, why, now)
    elif one.item == NOTICE:
        _notify(store, one, written.message, now)
    else:
        _post(store, one, written, now)


def _post(store: Store, one: Pending, written: _Written, now: float) -> None:
    message = written.message
    with store.engine.begin() as connection:
        if not rows.settle(connection, one, now, state=State.SENT.value, text=message.text, own=int(one.own)):
            return
        if written.meeting:
            receivers = [section for section, _ in channels_for(message, one.channels)]
            meetings.invited(connection, written.meeting, receivers)
        outbox.post(connection, message, one.channels, now)


def _write(store: Store, directory: Path, one: Pending, now: float) -> _Written | None:
    """The message with its text; None as long as this worker does not know the configuration. Raises BadTemplate."""
    if one.state is State.SCHEDULED and one.message:
        return _Written(message=replace(one.message, at=now))
    if one.item == NOTICE:
        return _Written(message=_notice(store, directory, one, now))
    loaded, plan = _configuration(directory, one.service), _plan(store, one)
    if loaded is None or plan is None:
        return None
    announced = Announced(one.item, one.title, one.audience, "", one.state, None, one.text)
    text = text_now(store, loaded, plan, announced)
    message = replace(one.message or spoken(plan, announced, "", now, one.issue), text=text, at=now)
    message = replace(message, attachments=attachments_of(message))
    meeting = inviting(Project.of(loaded, store), plan, one.item)
    if meeting is None:
        return _Written(message=message)
    message = replace(message, attachments=(*message.attachments, *meeting.attachments), facts=meeting.facts)
    return _Written(message=message, meeting=meeting.uid)


def _configuration(directory: Path, service: str) -> Loaded | None:
    whole = standing(directory)
    if whole is None or not whole.configuration.services:
        return whole
    return whole.of(service) if service in whole.configuration.services else None


def _plan(store: Store, one: Pending) -> Plan | None:
    rollout = newest(store, one)
    try:
        return store.get(rollout.id).plan if rollout else None
    except Unreadable as error:
        _log.warning("%s of %s waits: %s", one.item, one.version, error)
        return None


# ── the notice of a rollback ───────────────────────────────────────────────────────────────────────────────


def _notice(store: Store, directory: Path, one: Pending, now: float) -> Message:
    """In the team's words, and in the shipped ones where those cannot be had: it goes out whatever is broken."""
    undone = newest(store, one)
    before = (*store.serving(one.service, one.environment), (undone.old if undone else "") or "")[0]
    facts = {
        "service": one.service, "version": one.version, "before": before,
        "reason": undone.reason if undone and undone.status is Status.ROLLED_BACK else "",
    }  # fmt: skip
    key = key_of(one, NOTICE, one.issue)
    return Message(
        key, key, "announcement", Severity.INFO, subject_of(NOTICE, one.title, facts),
        _team_words(store, directory, one, facts) or announcement(NOTICE, facts), now, one.service, one.environment,
        one.version, audience=one.audience,
    )  # fmt: skip


def _team_words(store: Store, directory: Path, one: Pending, facts: Mapping[str, object]) -> str:
    """Empty where configuration or plan cannot be read, or the template cannot be used."""
    loaded, plan = _configuration(directory, one.service), _plan(store, one)
    if loaded is None or plan is None:
        return one.text or ""
    try:
        announced = Announced(one.item, one.title, one.audience, "", one.state, None, one.text)
        return text_now(store, loaded, plan, announced, facts)
    except Invalid as error:
        _log.warning("the notice that %s was rolled back goes out in other words: %s", one.version, error)
        return ""


def _notify(store: Store, one: Pending, message: Message, now: float) -> None:
    """To every channel and address to which the release was announced, as the kind of message that it was."""
    with store.engine.begin() as connection:
        told = told_of(connection, one)
        state = State.SENT if told else State.WITHDRAWN
        if not rows.settle(connection, one, now, state=state.value, text=message.text, own=int(one.own)):
            return
        for number, before in enumerate({(each.channel, each.to): each for each in told}.values(), 1):
            key = message.key + (f"-{number}" if before.to else "")
            words = replace(message, key=key, thread=key, kind=before.kind, to=before.to)
            if section := before.section or _named(one.channels, before.channel):
                outbox.post_to(connection, words, [section], now)


def _named(channels: Sequence[JsonObject], name: str) -> JsonObject | None:
    """As it is configured now: of a message that was pruned, only the channel's name is kept."""
    return next((section for section in channels if outbox.name_of(section) == name), None)


# ── what does not go out ───────────────────────────────────────────────────────────────────────────────────


def _withhold(store: Store, one: Pending, why: str, now: float) -> None:
    """It stays at home, and whoever watches releases hears of it."""
    thread = f"withheld/{key_of(one, one.item, one.issue)}"
    said = Message(
        thread, thread, "announcement-withheld", Severity.WARNING, f"{one.service} {one.version}: {one.title} withheld",
        f"{one.item} was not sent to {one.audience}: {why}. Run `pilotage announce edit {one.item} {one.version} "
        f"FILE`, approve it and send it, or skip it with a reason.",
        now, one.service, one.environment, one.version, (("audience", one.audience),),
    )  # fmt: skip
    with store.engine.begin() as connection:
        if rows.settle(connection, one, now, state=State.WITHDRAWN.value, reason=why):
            outbox.post(connection, replace(said, key=f"{thread}/{now:.0f}"), one.channels, now)
