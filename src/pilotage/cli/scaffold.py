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
@click.pass_obj
def scaffold(project: Project, kind: str, user: str, listen: str) -> None:
    """Print a file to run or watch Pilotage with.

    FILE is one of worker-unit, server-unit, backup-unit, backup-timer (systemd), containerfile, compose (with
    PostgreSQL), alerts (rules for Prometheus), dashboard (for Grafana).

    \b
        pilotage scaffold server-unit | sudo tee /etc/systemd/system/pilotage-server.service
        pilotage scaffold alerts > /etc/prometheus/rules/pilotage.yaml
    """
    from pilotage.app.scaffolding import Scaffold, Values, scaffold

    address(listen)
    click.echo(scaffold(Scaffold(kind), Values(folder=project.folder, user=user, listen=listen)), nl=False)
