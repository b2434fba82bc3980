"""Channels: their state, test messages and retries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from pilotage.app.permissions import Permission
from pilotage.app.project import Project, Unclear
from pilotage.model.channel import channel_of
from pilotage.model.event_names import type_today
from pilotage.model.json import JsonObject
from pilotage.model.message import OPERATORS, Incident, Message, Severity
from pilotage.model.output.records import ChannelOutput, MessageOutput, NotifyOutput
from pilotage.model.timestamp import timestamp

if TYPE_CHECKING:
    from pathlib import Path

    from pilotage.engine.records.outbox import ChannelHealth, Posted


def overview(project: Project, limit: int) -> tuple[Sequence[ChannelHealth], Sequence[Posted]]:
    """How each channel does, and the newest messages, newest first."""
    from pilotage.engine.records import outbox

    names = [channel.called for channel in project.whole.configuration.notify]
    return outbox.health(project.store.engine, names), outbox.letters(project.store.engine, limit=limit)


def overview_output(health: Sequence[ChannelHealth], letters: Sequence[Posted]) -> NotifyOutput:
    """The same as JSON."""
    channels = tuple(_channel(one) for one in health)
    return NotifyOutput(channels=channels, messages=tuple(_message(letter) for letter in letters))


def _channel(one: ChannelHealth) -> ChannelOutput:
    return ChannelOutput(
        channel=one.channel,
        sent=one.sent,
        waiting=one.waiting,
        dead=one.dead,
        last_sent_at=timestamp(one.last_sent),
        error=one.error,
    )


def _message(row: Posted) -> MessageOutput:
    # Of a message that was pruned, only the digest is left.
    said = {name: str(row.message.get(name, "")) for name in ("severity", "title", "text")}
    return MessageOutput(
        key=row.key,
        channel=row.channel,
        state=row.state,
        due_at=timestamp(row.due),
        attempts=row.attempts,
        created_at=timestamp(row.created_at),
        sent_at=timestamp(row.sent_at),
        receipt=row.receipt,
        error=row.error,
        type=type_today(str(row.message.get("type", ""))),
        **said,
    )


def send_again(project: Project, actor: str, channel: str | None) -> int:
    """What was given up or waits for its next try, now: of one channel, or of all. Returns how many. Raises Unclear,
    Forbidden."""
    from pilotage.engine.records import outbox

    project.require(actor, Permission.CONFIGURE)
    known = [one.channel for one in outbox.health(project.store.engine)]
    if channel is not None and channel not in known:
        raise Unclear(f"no messages for {channel!r}; channels with messages: {', '.join(known) or 'none'}")
    count = outbox.retry(project.store.engine, channel, project.clock.now())
    if count:
        project.ensure_worker()
    return count


def try_out(project: Project, actor: str, channel: str | None) -> Iterator[tuple[str, str]]:
    """Send a test message now, through one channel, or all that operators read: each one's name, and what went wrong,
    or nothing. Raises Unclear."""
    from pilotage.adapters.notifier import Delivery
    from pilotage.adapters.notify import open_channel
    from pilotage.adapters.ports import AdapterError

    project.require(actor, Permission.CONFIGURE)
    there = {one.called: one.kept(project.whole.folder) for one in project.whole.configuration.notify}
    if channel is not None and channel not in there:
        raise Unclear(f"{project.config} has no channel {channel!r}; it has {', '.join(there) or 'none'}")
    if not there:
        raise Unclear(f"{project.config} has no channel: notify: [{{kind: slack, webhook_url: secret://env/NAME}}]")
    for name, section in there.items():
        if name != channel if channel is not None else not _is_ours(section):
            continue
        sent = _test(project, actor, name)
        try:
            notifier = open_channel(section)
            notifier.send(Delivery(message=sent))
            if section["kind"] == "pagerduty":
                notifier.send(Delivery(message=replace(sent, incident=Incident.RESOLVE)))
            yield name, ""
        except AdapterError as error:
            yield name, str(error)


def read_by_others(project: Project) -> list[str]:
    """The channels that get a test message only when they are named: customers or the public read them."""
    there = project.whole.configuration.notify
    return [one.called for one in there if not _is_ours(one.kept(project.whole.folder))]


def _is_ours(section: JsonObject) -> bool:
    return OPERATORS in channel_of(section).audiences


def _test(project: Project, actor: str, name: str) -> Message:
    service, now = project.whole.configuration.service, project.clock.now()
    key = f"test/{name}/{now:.3f}"
    return Message(
        key, key, "test", Severity.INFO, f"{service}: a test", f"This is a test by {actor}. No action is needed.",
        now, service, "none", "none", incident=Incident.TRIGGER,
    )  # fmt: skip


@contextmanager
def feeds_served(project: Project, host: str, port: int) -> Iterator[tuple[Path, str]]:
    """Serve the feeds of in-app messages to pages of any address; gives their folder and address. Raises Unclear if no
    channel writes any."""
    import threading

    from pilotage.adapters.notify.publishing import InAppSection
    from pilotage.adapters.static_server import serve

    there = [one for one in project.whole.configuration.notify if isinstance(one, InAppSection)]
    if not there:
        raise Unclear(f"{project.config} has no in-app channel: notify: [{{kind: in-app, folder: public/in-app}}]")
    folder = project.whole.folder / there[0].folder
    with serve(folder, host, port, anyone=True) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://{host}:{server.server_address[1]}/"
