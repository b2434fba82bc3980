"""`hosts` and `exec`."""

from __future__ import annotations

import sys
from typing import BinaryIO

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option, json_option


@click.command()
@environment_option
@json_option
@click.pass_obj
def hosts(project: Project, environment: str | None, as_json: bool) -> None:
    """Show each host of an environment: whether it can be reached, what runs there, disk and clock.

    Asks 16 hosts at a time. Changes nothing.

    Exits with 9 if a host cannot be reached.
    """
    from pilotage.app.hosts import examine_hosts
    from pilotage.render.hosts import TITLES, output_of, row_of, troubles

    found = examine_hosts(project, environment)
    if as_json:
        from pilotage.cli.output import show_json

        show_json(output_of(project.environment(environment), found))
    else:
        from pilotage.cli.plain_table import show_lines, show_table

        reached = [one for one in found if not one.problem]
        if reached:
            show_table(TITLES, [row_of(one) for one in reached])
        show_lines(troubles(found))
    raise SystemExit(9 if any(one.problem for one in found) else 0)


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@environment_option
@click.option("--host", help="Host to run it on, by its name in pilotage.yaml.")
@click.option("-i", "--instance", help="Instance to run it in, such as web1/2.5.0-3 or 10.0.0.5:20001.")
@click.option(
    "--timeout", type=click.FloatRange(1, 86_400), default=3600.0, show_default=True,
    help="Seconds after which the command is killed.",
)  # fmt: skip
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def exec(  # noqa: A001 - the command is called so
    project: Project,
    environment: str | None,
    host: str | None,
    instance: str | None,
    timeout: float,
    command: tuple[str, ...],
) -> None:
    """Run a command on a host, or in an instance, and show its output.

    No shell reads the arguments, and there is no standard input. In a container it runs inside. Pilotage records who
    ran what and where, without the values of secrets. Ctrl-C kills the command there.

    Exits with the status of the command.

    \b
        pilotage exec --host web1 -- df -h
        pilotage exec -i web1/2.5.0-3 -- env
    """
    from pilotage.app.hosts import run_there, where_to_run

    place = project.environment(environment)
    where = where_to_run(project, place, host, instance)
    streams = (sys.stdout.buffer, sys.stderr.buffer)
    out, err = (_Stream(stream) for stream in streams)
    status = run_there(project, project.actor, place, where, command, out=out, err=err, within=timeout)
    raise SystemExit(status)


class _Stream:
    """Writes at once."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __call__(self, data: bytes) -> None:
        self._stream.write(data)
        self._stream.flush()
