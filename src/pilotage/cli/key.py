"""`key`: show or rotate the key that signs this installation's records."""

from __future__ import annotations

import click

from pilotage.app.project import Project
from pilotage.cli.options import json_option


@click.group(invoke_without_command=True)
@click.pass_context
def key(ctx: click.Context) -> None:
    """Show the public key that verifies this installation's signatures; `key rotate` replaces it."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(show)


@key.command()
@json_option
@click.pass_obj
def show(project: Project, as_json: bool) -> None:
    """Print the public key as PEM. Give it to your auditors once, over a channel they trust."""
    from pilotage.app import keys

    found = keys.show(project)
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.records import KeyOutput

        show_json(KeyOutput(id=found.id, public_key=found.public, earlier_ids=tuple(found.earlier)))
        return
    click.echo(found.public, nl=False)
    click.echo(f"key {found.id}" + (f"; earlier keys: {', '.join(found.earlier)}" if found.earlier else ""), err=True)


@key.command("rotate")
@click.pass_obj
def rotate_key(project: Project) -> None:
    """Create a new key. Earlier public keys are kept, so older signatures can still be verified."""
    from pilotage.app import keys

    made = keys.rotate(project, project.actor)
    click.echo(made.public, nl=False)
    click.echo(f"key {made.id} signs from now on", err=True)
