"""`login`, `logout`: this command line as a client of a server."""

from __future__ import annotations

import click


@click.command()
@click.argument("url", envvar="PILOTAGE_SERVER")
def login(url: str) -> None:
    """Sign this command line in to the server at URL.

    A person says yes on a page of the server. The token is kept in a file that only you can read. In CI, set
    PILOTAGE_TOKEN instead.
    """
    from pilotage.app.remote.signing_in import Asked, sign_in

    def show(asked: Asked) -> None:
        click.echo(
            f"Open this page, compare the code and say yes:\n\n    {asked.url}\n    code: {asked.code}\n", err=True
        )

    where = sign_in(url, show)
    click.echo(f"signed in; the token is in {where}", err=True)
    click.echo(f"export PILOTAGE_SERVER={url}")


@click.command()
@click.argument("url", envvar="PILOTAGE_SERVER")
def logout(url: str) -> None:
    """Forget the token of the server at URL. Revoke it on the server's page of your tokens."""
    from pilotage.app.remote.signing_in import sign_out

    click.echo(f"forgot the token of {url}" if sign_out(url) else f"no token of {url} is kept", err=True)
