"""`auth`: who has which role where, and why somebody may do something. `token`: tokens of people and programs."""

from __future__ import annotations

import click

from pilotage.app.project import Project
from pilotage.cli.options import json_option

_KINDS = click.Choice(["person", "group", "service"])
_kind = click.option("--kind", type=_KINDS, default="person", show_default=True, help="What NAME is.")


@click.group()
def auth() -> None:
    """Give, take and list roles; say why somebody may do something."""


@auth.command("grant")
@click.argument("name")
@click.argument("grants", metavar="ROLE[@SERVICE[/ENVIRONMENT]]...", nargs=-1, required=True)
@_kind
@click.pass_obj
def give_roles(project: Project, name: str, grants: tuple[str, ...], kind: str) -> None:
    """Give NAME a role, such as deployer@shop/production."""
    from pilotage.app.access.roles import give
    from pilotage.model.access import Grant, HolderKind

    for one in map(Grant.read, grants):
        changed = give(project, project.actor, HolderKind(kind), name, one)
        click.echo(f"{name} is {one}" if changed else f"{name} is {one} already")


@auth.command("revoke")
@click.argument("name")
@click.argument("grants", metavar="ROLE[@SERVICE[/ENVIRONMENT]]...", nargs=-1, required=True)
@_kind
@click.pass_obj
def take_roles(project: Project, name: str, grants: tuple[str, ...], kind: str) -> None:
    """Take a role from NAME. The last admin keeps it."""
    from pilotage.app.access.roles import take_away
    from pilotage.model.access import Grant, HolderKind

    for one in map(Grant.read, grants):
        changed = take_away(project, project.actor, HolderKind(kind), name, one)
        click.echo(f"{name} is no longer {one}" if changed else f"{name} was not {one}")


@auth.command("list")
@json_option
@click.pass_obj
def list_roles(project: Project, as_json: bool) -> None:
    """List who has which role where."""
    from pilotage.app.access.output import access_output
    from pilotage.app.access.roles import overview
    from pilotage.cli.output import show_json
    from pilotage.cli.plain_table import show_table

    found = access_output(overview(project, project.actor))
    if as_json:
        show_json(found)
        return
    show_table(("kind", "name", "role", "by", "at"), [(o.kind, o.holder, o.grant, o.by, o.at) for o in found.grants])
    roleless = {one.name for one in found.people} - {one.holder for one in found.grants if one.kind == "person"}
    if roleless:
        click.echo(f"no role of their own: {', '.join(sorted(roleless))}")


@auth.command("why")
@click.argument("actor")
@click.argument("action")
@click.argument("where", metavar="[SERVICE[/ENVIRONMENT]]", default="")
@json_option
@click.pass_obj
def explain_access(project: Project, actor: str, action: str, where: str, as_json: bool) -> None:
    """Say why ACTOR may or may not do an ACTION, such as deploy.

    Exits 8 if ACTOR may not.
    """
    from pilotage.app.access.why import permission_called, why
    from pilotage.cli.output import show_json
    from pilotage.model.errors import Forbidden

    service, _, environment = where.partition("/")
    found = why(project, project.actor, actor, permission_called(action), service, environment)
    if as_json:
        show_json(found)
    else:
        place = f" in {where}" if where else ""
        click.echo(f"{actor} {'may' if found.allowed else 'may not'} {permission_called(action)}{place}")
        for sentence in (*found.sentences, *found.who):
            click.echo(f"  {sentence}")
    if not found.allowed:
        raise SystemExit(Forbidden.exit_status)


@click.group()
def token() -> None:
    """Make, list and revoke tokens for programs."""


@token.command("create")
@click.argument("name")
@click.option("--owner", help="Whose token. Default: yours.")
@click.option("--service-account", help="A token of this service account.")
@click.option("--grant", "grants", multiple=True, help="What it may at most, such as deployer@shop/production.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 366), help="Days until it expires.")
@click.pass_obj
def create_token(
    project: Project, name: str, owner: str | None, service_account: str | None, grants: tuple[str, ...], days: int
) -> None:
    """Make a token called NAME. It is printed once and kept nowhere."""
    from pilotage.app.access.grants_asked import read_grants
    from pilotage.app.access.tokens import TokenRequest, create, create_for, create_for_service

    request = TokenRequest(name=name, grants=read_grants(project, grants), days=days)
    if service_account is not None:
        made = create_for_service(project, project.actor, service_account, request)
    elif owner is not None and owner != project.actor:
        made = create_for(project, project.actor, owner, request)
    else:
        made = create(project, project.actor, request)
    click.echo(made.text)
    click.echo("shown this once; revoke it with `pilotage token revoke " + made.row.id + "`", err=True)


@token.command("list")
@click.option("--all", "every", is_flag=True, help="Those of everyone, also ended ones.")
@json_option
@click.pass_obj
def list_tokens(project: Project, every: bool, as_json: bool) -> None:
    """List your tokens, and when each was used."""
    from pilotage.app.access.output import tokens_output
    from pilotage.app.access.tokens import everyones, mine
    from pilotage.cli.output import show_json
    from pilotage.cli.plain_table import show_table

    found = everyones(project, project.actor) if every else mine(project, project.actor)
    shown = tokens_output(found, project.clock.now())
    if as_json:
        show_json(shown)
        return
    rows = [
        (
            one.id, one.name, one.owner, ", ".join(one.grants), _moment(one.used_at), _moment(one.expires_at),
            "works" if one.works else "ended",
        )
        for one in shown.tokens
    ]  # fmt: skip
    show_table(("id", "name", "owner", "may", "used", "expires", "state"), rows)


def _moment(written: str | None) -> str:
    from pilotage.model.timestamp import local_minute

    return local_minute(written) if written else "never"


@token.command("revoke")
@click.argument("identities", metavar="[ID]...", nargs=-1)
@click.option("--owner", help="All tokens of this person or service account.")
@click.option("--service-account", is_flag=True, help="The owner is a service account.")
@click.pass_obj
def revoke_tokens(project: Project, identities: tuple[str, ...], owner: str | None, service_account: bool) -> None:
    """Revoke tokens: from now on they are dead."""
    from pilotage.app.access.tokens import revoke, revoke_all
    from pilotage.model.access import HolderKind

    if bool(identities) == (owner is not None):
        raise click.UsageError("name tokens by their ids, or all of one owner with --owner")
    for identity in identities:
        click.echo(f"{revoke(project, project.actor, identity).name} is revoked")
    if owner is not None:
        kind = HolderKind.SERVICE if service_account else HolderKind.PERSON
        click.echo(f"{revoke_all(project, project.actor, owner, kind)} tokens of {owner} are revoked")
