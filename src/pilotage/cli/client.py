"""The command line as a client of the server that PILOTAGE_SERVER names: same words, same exit statuses."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

import click

from pilotage.cli.parsed_words import parse_words
from pilotage.cli.remote_commands import REMOTE, Here

SERVER = "PILOTAGE_SERVER"
_READS_STDIN = ("phase check",)


def goes_to_server(root: click.Command, words: Sequence[str]) -> bool:
    """Whether the server carries it out. Help and mistakes are answered here."""
    if not os.environ.get(SERVER) or not words or any(word in ("-h", "--help", "-V", "--version") for word in words):
        return False
    try:
        command = parse_words(root, words).command
    except click.ClickException:
        return False
    needs = REMOTE.get(command)
    if needs is Here.OPERATES or needs is Here.FILES:
        raise click.UsageError(f"`pilotage {command}` {needs}; unset {SERVER} to run it here")
    return needs is not None and not isinstance(needs, Here)


def run_on_server(root: click.Command, words: Sequence[str]) -> int:
    """The exit status of the command on the server. Raises PilotageError."""
    from pilotage.app.remote.sending import request_of, send

    parsed = parse_words(root, words)
    if parsed.config:
        raise click.UsageError(f"--config names a file here, and {SERVER} a server: leave one of them out")
    reads = "-" in words or parsed.command in _READS_STDIN
    stdin = sys.stdin.read() if reads and not sys.stdin.isatty() else ""
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() or os.environ.get("COLUMNS") else 0
    request = request_of(words, parsed.paths, parsed.plans, stdin, columns)
    return send(os.environ[SERVER], request, _say)


def _say(stream: str, text: str) -> None:
    target = sys.stdout if stream == "out" else sys.stderr
    target.write(text)
    target.flush()
