"""The questions of `pilotage init` about how the service starts. Each question has a proposal, explains itself after
`?`, and is repeated after a typing error."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import click

from pilotage.model.errors import Invalid

if TYPE_CHECKING:
    from pilotage.app.proposals.found import Proposal
    from pilotage.app.starting_file import Start

_Answer = TypeVar("_Answer")

_BRACES = str.maketrans("", "", "{}")

_COMMAND = """\
  The command that starts one instance, without a shell: two versions run side
  by side, each on a port of its own.
    {port}     becomes a free port; without it, the port comes in PORT
    {version}  becomes the version; without it, the command runs in the folder
               releases/{version}
  For example:
    venvs/{version}/bin/datasette library.db --port {port}
    node server.js
    java -jar releases/{version}/app.jar --server.port={port}"""
_HEALTH = """\
  Each instance is asked for this path. It is healthy when it returns a status
  of 2xx within one second, without a login. The path of a health check is
  best; / will do."""
_LISTEN = """\
  Where users reach the service: a router listens there and splits the traffic
  between versions. The instances themselves get other ports.
    8080           this machine alone, for a trial or behind a proxy
    0.0.0.0:8080   every network interface
    [::]:8080      the same with IPv6"""
_COUNT = """\
  Instances that carry the full load. During a release as many again may run.
  With 1 a canary takes half of the traffic or all of it: 2 or more is better."""


def asks() -> bool:
    """Whether someone sits at a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask(proposed: str, read: Callable[[str], _Answer], explain: Callable[[], None]) -> _Answer:
    """The answer, parsed by `read`. If it is invalid, the question is repeated."""
    while True:
        text = str(click.prompt(" ", default=proposed, prompt_suffix=" ")).strip()
        if text in ("?", "help"):
            explain()
            continue
        try:
            return read(text)
        except Invalid as error:
            click.echo(click.wrap_text(f"{error} (? explains)", 79, "  ", "  "))


def _quoted(word: str) -> str:
    """Quoted for a shell; braces, which stand for a port or a version, are not quoted."""
    return word if shlex.quote(word.translate(_BRACES)) == word.translate(_BRACES) else shlex.quote(word)


def start_of(proposed: Start, found: Proposal, options: Mapping[str, str | None]) -> Start:
    """How the service starts: from options, else from answers on a terminal, else as proposed. options: `command`,
    `health`, `listen` and `count`. Raises Unclear for an option that is wrong."""
    from dataclasses import replace

    from pilotage.app.init import checked_count, checked_listen, checked_path, start_with

    def answered(
        name: str, question: str, shown: str, source: str, read: Callable[[str], _Answer], text: str
    ) -> _Answer:  # fmt: skip
        given = options[name]
        if given is not None or not asks():
            return read(shown if given is None else given)
        click.echo(f"\n{question}{f' Read from {source}:' if source else ''}")
        return ask(shown, read, lambda: click.echo(text))

    command = " ".join(_quoted(word) for word in proposed.command)
    if asks():
        click.echo("Press Enter to accept the value in [brackets]; ? explains a question.")
    start = answered(
        "command",
        "How does one instance start?",
        command,
        found.source,
        lambda text: proposed if text == command else start_with(text, proposed),
        _COMMAND,
    )
    health = answered(
        "health",
        "Which path says that an instance is healthy?",
        proposed.health,
        found.health_source,
        checked_path,
        _HEALTH,
    )
    listen = answered(
        "listen", "On which port do users reach the service?", proposed.listen, "", checked_listen, _LISTEN
    )
    count = answered("count", "How many instances carry the full load?", str(proposed.count), "", checked_count, _COUNT)
    return replace(start, health=health, listen=listen, count=count)
