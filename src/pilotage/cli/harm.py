"""`harm`: problems that users report. `feedback`: what they and the team think. `serve-intake`: receive both."""

from __future__ import annotations

import click

from pilotage.app.project import Project
from pilotage.cli.options import NUMBER, address, environment_option, json_option, reason_option, said

version_option = click.option("--version", "version", default="", help="Only about this version.")


@click.group()
def harm() -> None:
    """Report, list, confirm and dismiss problems of users."""


@harm.command("report")
@click.argument("version", callback=said)
@click.argument("text", callback=said)
@environment_option
@click.option("--request", default="", help="Id of the request that failed.")
@click.pass_obj
def report_one(project: Project, version: str, text: str, environment: str | None, request: str) -> None:
    """Record a problem with VERSION that a user told you about.

    It counts like a signed report. Leave out personal data.
    """
    from pilotage.app.harm import report_harm

    number = report_harm(project, project.actor, environment, version, text, request)
    click.echo(f"report {number} is recorded; confirm or dismiss it with `pilotage harm`")


@harm.command("list")
@environment_option
@version_option
@click.option("--all", "every", is_flag=True, help="Also list confirmed and dismissed reports.")
@json_option
@click.pass_obj
def list_all(project: Project, environment: str | None, version: str, every: bool, as_json: bool) -> None:
    """List reports of problems, newest first."""
    from pilotage.app.harm import harm_reports
    from pilotage.render.reports import HARM_TITLES, harm_row, reports_output

    found = harm_reports(project, environment, version, every=every)
    if as_json:
        from pilotage.cli.output import show_json

        show_json(reports_output(found))
        return
    from pilotage.cli.plain_table import show_table

    if not found:
        click.echo("no open reports" if not every else "no reports")
        return
    show_table(HARM_TITLES, [harm_row(one) for one in found])


@harm.command("confirm")
@click.argument("number", type=NUMBER)
@reason_option
@click.pass_obj
def confirm_one(project: Project, number: int, reason: str) -> None:
    """Confirm that a problem is real, and roll back.

    Only a version that is rolling out is rolled back. For any other, Pilotage says what to do.
    """
    from pilotage.app.commands import End
    from pilotage.app.harm import confirm

    confirmed = confirm(project, project.actor, number, reason)
    answer = confirmed.answer
    if answer is None:
        click.echo(f"report {number} is confirmed; {confirmed.advice}")
        return
    if answer.end in (End.UNATTENDED, End.UNANSWERED):
        click.echo(f"report {number} is confirmed; the rollback is recorded, but no worker has answered", err=True)
        raise SystemExit(6)
    click.echo(f"report {number} is confirmed; {answer.version} rolls back")


@harm.command("dismiss")
@click.argument("numbers", type=NUMBER, nargs=-1, required=True)
@reason_option
@click.pass_obj
def dismiss_some(project: Project, numbers: tuple[int, ...], reason: str) -> None:
    """Dismiss reports: they no longer count.

    A rollout that holds because of them continues.
    """
    from pilotage.app.harm import dismiss

    for number in numbers:
        dismiss(project, project.actor, number, reason)
        click.echo(f"report {number} is dismissed")


@click.group()
def feedback() -> None:
    """List users' feedback; invite the team to its survey."""


@feedback.command("list")
@environment_option
@version_option
@json_option
@click.pass_obj
def list_feedback(project: Project, environment: str | None, version: str, as_json: bool) -> None:
    """List ratings and what users wrote, newest first."""
    from pilotage.app.harm import feedback as given
    from pilotage.render.reports import FEEDBACK_TITLES, feedback_row, reports_output

    found = given(project, environment, version)
    if as_json:
        from pilotage.cli.output import show_json

        show_json(reports_output(found))
        return
    from pilotage.cli.plain_table import show_table

    if not found:
        click.echo("no feedback yet")
        return
    show_table(FEEDBACK_TITLES, [feedback_row(one) for one in found])


@feedback.command("invite")
@click.argument("count", type=click.IntRange(1, 500))
@click.pass_obj
def invite(project: Project, count: int) -> None:
    """Print COUNT links to the team's survey, one for each member.

    A link works once. Pilotage does not know who has which link.
    """
    from pilotage.app.harm import invitations

    for link in invitations(project, project.actor, count):
        click.echo(link)


@click.command("serve-intake")
@click.option("--listen", help="Address on which to listen. Default: `intake.listen`.")
@click.pass_obj
def serve_intake(project: Project, listen: str | None) -> None:
    """Receive users' reports and feedback: forms, and signed reports of programs.

    Put TLS in front of it. It needs the store, and not the worker: it can run on another machine if both use the same
    PostgreSQL database.
    """
    from pilotage.app.intake import intake_server

    with intake_server(project, address(listen) if listen else None) as server:
        click.echo(f"listening on http://{server.server_address[0]!s}:{server.server_port}", err=True)
        server.serve_forever()
