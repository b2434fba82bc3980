"""`notify`: what was told to whom, and what did not arrive. `serve-callbacks`: buttons of Slack."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from pilotage.cli.project import Project, json_option


@click.group()
def notify() -> None:
    """Channels: how they do, what was sent, and what to send again."""


@notify.command("list")
@click.option("--limit", default=20, show_default=True, help="Messages shown, newest first.")
@json_option
@click.pass_obj
def show(project: Project, limit: int, as_json: bool) -> None:
    """How each channel does, and the newest messages."""
    from pilotage.engine import outbox

    names = [channel.called for channel in project.whole.configuration.notify]
    health = outbox.health(project.store.engine, names)
    letters = outbox.letters(project.store.engine, limit=limit)
    if as_json:
        shown = [_plain(letter) for letter in letters]
        click.echo(json.dumps({"schema": 1, "channels": [vars(one) for one in health], "messages": shown}, indent=2))
        return
    from pilotage.cli.edge import console
    from pilotage.cli.showing import table

    screen = console()
    screen.print(table(("channel", "sent", "waiting", "given up", "last", "trouble"), [
        (h.channel, str(h.sent), str(h.waiting), str(h.dead), _clock(h.last_sent), h.error) for h in health
    ]))  # fmt: skip
    screen.print()
    screen.print(table(("told", "channel", "what", "state", "tries", "trouble"), [
        (_clock(letter["created_at"]), letter["channel"], letter["message"].get("title", ""), letter["state"],
         str(letter["attempts"]), letter["error"] or "")
        for letter in letters
    ]))  # fmt: skip


def _plain(letter: Any) -> dict[str, Any]:
    kept = ("key", "channel", "state", "due", "attempts", "created_at", "sent_at", "receipt", "error", "message")
    return {name: letter[name] for name in kept}


def _clock(at: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) if at else "–"


@notify.command()
@click.argument("channel", required=False)
@click.pass_obj
def retry(project: Project, channel: str | None) -> None:
    """Send again now what was given up or waits for its next try: of CHANNEL, or of all."""
    from pilotage.engine import outbox

    known = [one.channel for one in outbox.health(project.store.engine)]
    if channel is not None and channel not in known:
        raise click.UsageError(f"nothing was ever told through {channel!r}; there are {', '.join(known) or 'none'}")
    count = outbox.retry(project.store.engine, channel, project.clock.now())
    if count:
        project.ensure_worker()
    click.echo(f"{count} message{'s' * (count != 1)} will be tried again now")


@notify.command()
@click.argument("channel", required=False)
@click.pass_obj
def test(project: Project, channel: str | None) -> None:
    """Send a test message now, through CHANNEL or all of them; exit 9 when one does not take it."""
    from pilotage.adapters.notify import open_channel
    from pilotage.adapters.ports import AdapterError
    from pilotage.model.message import Incident, Message, Severity

    there = {one.called: one.model_dump(mode="json") for one in project.whole.configuration.notify}
    if channel is not None and channel not in there:
        raise click.UsageError(f"{project.config} has no channel {channel!r}; it has {', '.join(there) or 'none'}")
    if not there:
        raise click.UsageError(
            f"{project.config} has no channel: notify: [{{kind: slack, webhook: secret://env/NAME}}]"
        )
    service, now, failed = project.whole.configuration.service, project.clock.now(), 0
    for name, section in there.items():
        if channel not in (None, name):
            continue
        sent = Message(
            f"test/{name}/{now:.3f}", f"test/{name}/{now:.3f}", "test", Severity.INFO, f"{service}: a test",
            f"{project.actor} tries this channel. Nothing has happened.", now, service, "none", "none",
            incident=Incident.TRIGGER,
        )  # fmt: skip
        try:
            notifier = open_channel(section)
            notifier.send(sent, None, again=False)
            if section["kind"] == "pagerduty":
                from dataclasses import replace

                notifier.send(replace(sent, incident=Incident.RESOLVE), None, again=False)
            click.echo(f"✓ {name}")
        except AdapterError as error:
            failed += 1
            click.echo(f"✗ {name}: {error}")
    raise SystemExit(9 if failed else 0)


@click.command("serve-callbacks")
@click.option("--listen", default="127.0.0.1:8091", show_default=True, help="Where Slack's requests arrive.")
@click.pass_obj
def serve_callbacks(project: Project, listen: str) -> None:
    """Take what people press in Slack: approve, reject, abort. Put TLS before it; requests are verified.

    Slack's app sends interactivity requests to this address. Whoever presses must be somebody of `people`, by
    `also: ["slack:U0123"]`; a question that is not open any more is not answered.
    """
    from pilotage.adapters import slack_callback
    from pilotage.adapters.notify.sections import SlackSection
    from pilotage.adapters.secrets import resolve
    from pilotage.app.chat import answer

    references = [
        channel.signing_secret for channel in project.whole.configuration.notify
        if isinstance(channel, SlackSection) and channel.signing_secret
    ]  # fmt: skip
    if not references:
        raise click.UsageError(f"{project.config}: no Slack channel has a signing_secret")
    secrets = [resolve(reference).reveal() for reference in references]
    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and int(port[:6]) < 65536):
        raise click.BadParameter(f"{listen!r} is not an address such as 127.0.0.1:8091", param_hint="--listen")

    def take(headers: Any, body: bytes) -> tuple[int, str]:
        refusal = (401, "not signed")
        for secret in secrets:
            try:
                pressed = slack_callback.read(headers, body, secret, project.clock.now())
            except slack_callback.BadCallback as error:
                refusal = (error.status, str(error))
                continue
            status, sentence = answer(project.store, pressed)
            project.ensure_worker()
            click.echo(f"{pressed.ask} of {pressed.rollout} by slack:{pressed.user}: {sentence}", err=True)
            _tell_back(pressed.reply_to, sentence)
            # Slack shows its user an error for anything but 200; ours is told in the reply.
            return 200 if status in (403, 404, 409) else status, sentence
        return refusal

    with slack_callback.serve(host, int(port), take) as server:
        click.echo(f"listening on http://{host}:{server.server_address[1]}", err=True)
        server.serve_forever()


def _tell_back(url: str, sentence: str) -> None:
    """To whoever pressed, and nobody else."""
    from pilotage.adapters.outgoing import post
    from pilotage.adapters.ports import AdapterError

    if not url.startswith("https://hooks.slack.com/"):
        return
    content = json.dumps({"response_type": "ephemeral", "replace_original": False, "text": sentence}).encode()
    try:
        post(url, content, {"Content-Type": "application/json"})
    except AdapterError as error:
        click.echo(f"the answer did not reach Slack: {error}", err=True)
