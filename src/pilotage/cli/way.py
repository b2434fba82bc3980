"""`way`: the stages that one version travels, from its commit to its users."""

from __future__ import annotations

import click

from pilotage.app.project import Project
from pilotage.cli.options import json_option, reason_option


class _VersionOrCommand(click.Group):
    """`pilotage way 2.5.0` shows that way: whatever is no command of the group is a version."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = next((word for word in args if not word.startswith("-")), None)
        if first is not None and first not in self.commands:
            args = ["show", *args]
        elif first is None and not {"-h", "--help"} & set(args):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_VersionOrCommand)
def way() -> None:
    """Take one version along its stages: build, test, staging, production.

    Without a command, lists the ways of the service; with a VERSION, shows that one.

    \b
        pilotage way
        pilotage way start 2.5.0
        pilotage way 2.5.0
    """


@way.command("list")
@json_option
@click.pass_obj
def list_(project: Project, as_json: bool) -> None:
    """List ways, newest first, and which version each environment has."""
    from pilotage.app.way.viewing import all_ways, grid
    from pilotage.cli.way_output import show_list

    show_list(all_ways(project), grid(project), as_json=as_json)


@way.command()
@click.argument("version")
@json_option
@click.pass_obj
def show(project: Project, version: str, as_json: bool) -> None:
    """Show the way of VERSION in full.

    Each stage with its state and how long it took, what it waits for, and the command that is next.
    """
    from pilotage.app.way.viewing import one_way
    from pilotage.cli.way_output import show_one

    show_one(one_way(project, version), as_json=as_json)


@way.command()
@click.argument("version")
@click.option("--commit", default="", metavar="REV", help="Commit to build. Default: the tag VERSION or vVERSION.")
@click.option("--replace", is_flag=True, help="Abort the way that is under way, and start this one after it.")
@click.option("--detach/--follow", "detach", default=False, help="Return once it has started. Default: follow it.")
@click.option("--timeout", help="Stop following after this time, such as 2h (exit 6). The way continues.")
@json_option
@click.pass_obj
def start(
    project: Project, version: str, commit: str, replace: bool, detach: bool, timeout: str | None, as_json: bool
) -> None:
    """Start the way of VERSION, and follow it. Ctrl-C detaches; the worker continues.

    Exits with 0 once every stage has passed, with 4 if one failed and was undone, with 5 if something could not be
    undone.
    """
    from pilotage.app.way.starting import StartWay, start_way
    from pilotage.cli.deploy import seconds_of
    from pilotage.cli.way_output import follow, show_started

    seconds = seconds_of(timeout)
    stored = start_way(project, project.actor, StartWay(version=version, commit=commit, replace=replace))
    project.ensure_worker()
    if detach:
        show_started(stored.way.id, as_json=as_json)
        return
    raise SystemExit(follow(project, stored.way.id, seconds, as_json=as_json))


def _command(kind: str, text: str) -> click.Command:
    @click.command(kind, help=text)
    @click.argument("version", required=False, default="")
    @click.option("--stage", default="", help="Refuse unless this stage is the current one.")
    @reason_option
    @click.pass_obj
    def command(project: Project, version: str, stage: str, reason: str) -> None:
        from pilotage.app.way.control import WayEnd, WayRequest, ask_way
        from pilotage.model.way_command import WayCommandKind

        request = WayRequest(kind=WayCommandKind(kind), version=version, stage=stage, reason=reason)
        answer = ask_way(project, project.actor, request)
        if answer.end is WayEnd.UNANSWERED:
            click.echo(f"{kind} is recorded, and no worker has answered yet: run `pilotage doctor`", err=True)
        else:
            click.echo(f"{kind} {answer.version}: {answer.sentence}")
        late = 0 if kind == "abort" else 7
        status = {WayEnd.DONE: 0, WayEnd.REFUSED: 7, WayEnd.TOO_LATE: late, WayEnd.UNANSWERED: 6}
        raise SystemExit(status[answer.end])

    return command


way.add_command(_command("approve", "Approve the stage that waits for it. Not by whoever started the way."))
way.add_command(_command("promote", "Begin the stage that waits for a person."))
way.add_command(_command("hold", "Begin no further stage. What runs goes on."))
way.add_command(_command("resume", "Continue after a hold."))
way.add_command(_command("retry", "Run the stage that was cut off again."))
way.add_command(_command("abort", "End the way. What its stage touched returns to the version before."))


@way.command()
@click.argument("version", required=False, default="")
@json_option
@click.pass_obj
def events(project: Project, version: str, as_json: bool) -> None:
    """List a way's events.

    Without VERSION, those of the way that was started last.
    """
    from pilotage.app.way.viewing import events_of
    from pilotage.cli.way_output import show_events

    _, recorded = events_of(project, version)
    show_events(recorded, as_json=as_json)
