"""`key`: the public key by which others check what this installation signed."""

from __future__ import annotations

import json

import click

from pilotage.cli.project import Project, json_option


@click.group(invoke_without_command=True)
@click.pass_context
def key(ctx: click.Context) -> None:
    """Show the public key that signs here; `key rotate` replaces it."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(show)


@key.command()
@json_option
@click.pass_obj
def show(project: Project, as_json: bool) -> None:
    """Print the public key as PEM. Give it to whoever checks your records, once and by a way they trust."""
    from pilotage.adapters.keys import known_keys, signer_of
    from pilotage.engine.custody import custody_of
    from pilotage.engine.location import made

    signer = signer_of(made(project.directory), custody_of(project.whole).key)
    earlier = [name for name in known_keys(project.directory) if name != signer.id]
    if as_json:
        click.echo(json.dumps({"schema": 1, "id": signer.id, "public": signer.public, "earlier": earlier}, indent=2))
        return
    click.echo(signer.public, nl=False)
    click.echo(f"key {signer.id}" + (f"; earlier keys: {', '.join(earlier)}" if earlier else ""), err=True)


@key.command("rotate")
@click.pass_obj
def rotate_key(project: Project) -> None:
    """Make a new key. Earlier public keys stay, so what they signed can still be checked."""
    from pilotage.adapters.keys import rotate
    from pilotage.engine.custody import custody_of
    from pilotage.engine.location import made

    if (named := custody_of(project.whole).key) is not None:
        raise click.UsageError(f"signing.key names {named}: put a new key there")
    signer = rotate(made(project.directory))
    click.echo(signer.public, nl=False)
    click.echo(f"key {signer.id} signs from now on", err=True)
