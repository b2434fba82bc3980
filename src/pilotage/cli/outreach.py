"""`announce accounts`, `announce answered`: which key accounts have the message about a release, and what they said."""

from __future__ import annotations

import time

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option, json_option, said


@click.command()
@click.argument("version")
@environment_option
@json_option
@click.pass_obj
def accounts(project: Project, /, version: str, environment: str | None, as_json: bool) -> None:
    """List key accounts: who has VERSION's message, and who answered."""
    from pilotage.app.outreach import accounts_of, accounts_output

    found = accounts_of(project, project.environment(environment), version)
    if as_json:
        from pilotage.cli.output import show_json

        show_json(accounts_output(version, found))
        return
    from pilotage.cli.plain_table import show_table

    rows = [
        (
            one.name, ", ".join(one.contacts), "refused" if one.refused else _day(one.sent),
            _day(one.answer.at) if one.answer else "–", one.answer.words if one.answer else "",
        )
        for one in found
    ]  # fmt: skip
    show_table(("account", "contacts", "sent", "answered", "answer"), rows)


@click.command()
@click.argument("account")
@click.argument("version")
@environment_option
@click.option("-m", "--message", "words", required=True, callback=said, help="What they answered, in short.")
@click.pass_obj
def answered(project: Project, /, account: str, version: str, environment: str | None, words: str) -> None:
    """Note what ACCOUNT answered about VERSION."""
    from pilotage.app.outreach import note_answer

    note_answer(project, project.actor, project.environment(environment), version, account, words)
    click.echo(f"{account} answered about {version}: {words}")


def _day(at: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at)) if at else "–"
