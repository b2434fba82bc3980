"""`notify`: channels and messages. `serve-feeds`: in-app messages. `serve-callbacks`: what people press in Slack."""

from __future__ import annotations

import time

import click

from pilotage.app.project import Project
from pilotage.cli.options import address, json_option
from pilotage.model.wording import counted


@click.group()
def notify() -> None:
    """Show channels and messages; send a test; retry."""


@notify.command("list")
@click.option("--limit", default=20, show_default=True, help="Number of messages to show, newest first.")
@json_option
@click.pass_obj
def show(project: Project, limit: int, as_json: bool) -> None:
    """Show the state of each channel and the newest messages."""
    from pilotage.app.channels import overview, overview_output

    health, letters = overview(project, limit)
    if as_json:
        from pilotage.cli.output import show_json

        show_json(overview_output(health, letters))
        return
    from pilotage.cli.plain_table import show_table

    channels = [(h.channel, str(h.sent), str(h.waiting), str(h.dead), _clock(h.last_sent), h.error) for h in health]
    show_table(("channel", "sent", "waiting", "given up", "last", "trouble"), channels)
    click.echo()
    messages = [
        (_clock(one.created_at), one.channel, one.title, one.state, str(one.attempts), one.error or "")
        for one in letters
    ]
    show_table(("created", "channel", "message", "state", "tries", "trouble"), messages)


def _clock(at: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) if at else "–"


@notify.command()
@click.argument("channel", required=False)
@click.pass_obj
def retry(project: Project, channel: str | None) -> None:
    """Retry the failed messages of CHANNEL, or of all channels, now."""
    from pilotage.app.channels import send_again

    count = send_again(project, project.actor, channel)
    click.echo(f"{counted(count, 'message')} will be tried again now")


@notify.command()
@click.argument("channel", required=False)
@click.pass_obj
def test(project: Project, channel: str | None) -> None:
    """Send a test message to operators, or through CHANNEL.

    Channels that customers or the public read get one only if you name them. Exits 9 if a channel fails.
    """
    from pilotage.app.channels import read_by_others, try_out

    failed = 0
    for name, error in try_out(project, project.actor, channel):
        failed += bool(error)
        click.echo(f"✗ {name}: {error}" if error else f"✓ {name}")
    if channel is None and (others := read_by_others(project)):
        click.echo(f"not tested, because others read them: {', '.join(others)}", err=True)
    raise SystemExit(9 if failed else 0)


@click.command("serve-callbacks")
@click.option(
    "--listen", default="127.0.0.1:8091", show_default=True, help="Address on which to receive Slack's requests."
)
@click.pass_obj
def serve_callbacks(project: Project, listen: str) -> None:
    """Receive what people press and type in Slack: buttons, and /pilotage.

    Put TLS in front of it, and enter the address in the interactivity settings of your Slack app, and as that of its
    slash command. Pilotage verifies Slack's signature. The user must be listed in `people` (`aliases:
    ["slack:U0123"]`), and the question must still be open.
    """
    from pilotage.app.callbacks import callback_server

    with callback_server(project, *address(listen)) as server:
        click.echo(f"listening on http://{server.server_address[0]!s}:{server.server_port}", err=True)
        server.serve_forever()


@click.command("serve-feeds")
@click.option("--listen", default="127.0.0.1:8094", show_default=True, help="Address on which to serve the feeds.")
@click.pass_obj
def serve_feeds(project: Project, listen: str) -> None:
    """Serve the feeds of in-app messages.

    Pages of any address may read them. The files are in the `folder` of the channel of kind in-app, and any web server
    can serve them.
    """
    from pilotage.app.channels import feeds_served

    with feeds_served(project, *address(listen)) as (folder, url):
        click.echo(f"{folder} at {url}SERVICE/VERSION.json", err=True)
        while True:
            time.sleep(60)
