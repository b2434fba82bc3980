"""`scaffold`: print files to run and watch Pilotage with."""

from __future__ import annotations

import click

from pilotage.app.project import Project
from pilotage.cli.options import address

_KINDS = (
    "worker-unit", "server-unit", "backup-unit", "backup-timer", "containerfile", "compose", "alerts", "dashboard",
)  # fmt: skip


@click.command()
@click.argument("kind", type=click.Choice(_KINDS), metavar="FILE")
@click.option("--user", default="pilotage", show_default=True, help="Whom units run as.")
@click.option("--listen", default="127.0.0.1:8420", show_default=True, help="Address and port of the server.")
@click.option("--certificate", metavar="FILE", help="The server's certificate (PEM).")
@click.option("--key", metavar="FILE", help="The certificate's private key (PEM).")
@click.option("--proxy", "proxies", multiple=True, metavar="ADDRESS", help="The proxy in front of it. Repeatable.")
@click.pass_obj
def scaffold(
    project: Project, kind: str, user: str, listen: str, certificate: str | None, key: str | None,
    proxies: tuple[str, ...],
) -> None:  # fmt: skip
    """Print a file to run or watch Pilotage with.

    FILE is one of worker-unit, server-unit, backup-unit, backup-timer (systemd), containerfile, compose (with
    PostgreSQL), alerts (rules for Prometheus), dashboard (for Grafana).

    \b
        pilotage scaffold server-unit --listen 0.0.0.0:443 --certificate cert.pem --key key.pem
        pilotage scaffold server-unit | sudo tee /etc/systemd/system/pilotage-server.service
        pilotage scaffold alerts > /etc/prometheus/rules/pilotage.yaml
    """
    from pilotage.app.scaffolding import Scaffold, Values, scaffold

    if (certificate is None) != (key is None):
        raise click.UsageError("--certificate and --key belong together")
    _, port = address(listen)
    pairs = [("--certificate", certificate), ("--key", key), *(("--proxy", one) for one in proxies)]
    values = Values(
        config=project.config.resolve(), state=project.directory, user=user, listen=listen, port=port,
        options=[part for name, value in pairs if value is not None for part in (name, value)],
    )  # fmt: skip
    click.echo(scaffold(Scaffold(kind), values), nl=False)
