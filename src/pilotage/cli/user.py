"""`user`: accounts of the server, in the shell of its machine."""

from __future__ import annotations

from typing import TextIO

import click

from pilotage.app.project import Project
from pilotage.cli.options import json_option
from pilotage.model.wording import counted

_url = click.option("--url", default="", metavar="URL", help="How browsers reach the server, if not by its setting.")


@click.group(invoke_without_command=True)
@click.pass_context
def user(ctx: click.Context) -> None:
    """List accounts of the server, invite people, and let somebody in who is locked out.

    Whoever may write the store needs no account for this.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_users)


@user.command("list")
@json_option
@click.pass_obj
def list_users(project: Project, as_json: bool) -> None:
    """List accounts with their roles, and how each signs in."""
    from pilotage.app.identity.people import listed
    from pilotage.app.identity.people_output import people_output

    found = people_output(listed(project))
    if as_json:
        from pilotage.cli.output import show_json

        show_json(found)
        return
    if not found.people:
        click.echo("no accounts yet: `pilotage serve` prints a link that makes the first one", err=True)
        return
    from pilotage.cli.plain_table import show_table

    rows = [
        (
            one.name, ", ".join(one.roles) or "no role", ", ".join(one.ways) or "not yet",
            _state(one.disabled, one.emergency),
        )
        for one in found.people
    ]  # fmt: skip
    show_table(("name", "roles", "signs in by", "state"), rows)


def _state(disabled: bool, emergency: bool) -> str:
    return "disabled" if disabled else "emergency account" if emergency else "active"


@user.command()
@click.argument("name")
@click.option("--role", "roles", multiple=True, metavar="ROLE[@SERVICE[/ENVIRONMENT]]", help="A role. Repeatable.")
@click.option("--email", default="", help="Mail address of this person.")
@click.option("--emergency", is_flag=True, help="The password works while the identity provider is down.")
@_url
@click.pass_obj
def add(project: Project, name: str, roles: tuple[str, ...], email: str, emergency: bool, url: str) -> None:
    """Print a link with which NAME sets a password. It works once, for a week."""
    from pilotage.app.identity.links import Invitation, invite
    from pilotage.app.identity.people import link_of
    from pilotage.model.access import Grant

    grants = tuple(Grant.read(role) for role in roles)
    secret = invite(project, Invitation(name=name, grants=grants, email=email, emergency=emergency))
    click.echo(link_of(project, secret, url))


@user.command()
@click.argument("name")
@click.option("--emergency", is_flag=True, help="Its password then works while the identity provider is down.")
@_url
@click.pass_obj
def recover(project: Project, name: str, emergency: bool, url: str) -> None:
    """Print a link with which NAME sets a new password. It works once, for an hour.

    When it is used, codes, passkeys and sessions of the account end, and a disabled account is enabled.
    """
    from pilotage.app.identity.links import recover as make
    from pilotage.app.identity.people import link_of

    click.echo(link_of(project, make(project, name, emergency=emergency), url))


@user.command()
@json_option
@click.pass_obj
def invitations(project: Project, as_json: bool) -> None:
    """List invitations and password links that nobody used."""
    from pilotage.app.access.output import invitations_output
    from pilotage.app.identity.links import pending

    found = invitations_output(pending(project))
    if as_json:
        from pilotage.cli.output import show_json

        show_json(found)
        return
    if not found.invitations:
        click.echo("no invitation is open", err=True)
        return
    from pilotage.cli.plain_table import show_table
    from pilotage.model.timestamp import local_minute

    rows = [
        (
            one.id, one.name or "chosen by the guest", one.purpose, ", ".join(one.grants) or "no role", one.by,
            local_minute(one.expires_at),
        )
        for one in found.invitations
    ]  # fmt: skip
    show_table(("id", "name", "for", "roles", "made by", "works until"), rows)


@user.command()
@click.argument("identity", metavar="ID")
@click.pass_obj
def uninvite(project: Project, identity: str) -> None:
    """Withdraw an invitation or a password link."""
    from pilotage.app.identity.links import withdraw

    gone = withdraw(project, identity)
    click.echo(f"the link for {gone.name or 'a new person'} works no more", err=True)


@user.command()
@click.argument("name")
@click.argument("file", type=click.File())
@click.pass_obj
def keys(project: Project, name: str, file: TextIO) -> None:
    """Keep the public SSH keys in FILE for NAME.

    They take the place of earlier ones; `-` reads standard input. With `identity: verified` they prove in a shell who
    NAME is.
    """
    from pilotage.app.identity.ssh_keys import keep_in_shell

    number = keep_in_shell(project, name, file.read(200_000))
    click.echo(f"{name} has {counted(number, 'SSH key')}", err=True)


@user.command()
@click.argument("name")
@click.pass_obj
def disable(project: Project, name: str) -> None:
    """Close the account of NAME.

    Its sessions end, its tokens stop working, and its name stays in the records.
    """
    from pilotage.app.access.roles import disable as change

    change(project, project.actor, name, disabled=True)
    click.echo(f"{name} is disabled", err=True)


@user.command()
@click.argument("name")
@click.pass_obj
def enable(project: Project, name: str) -> None:
    """Let NAME sign in again."""
    from pilotage.app.access.roles import disable as change

    change(project, project.actor, name, disabled=False)
    click.echo(f"{name} is enabled", err=True)
