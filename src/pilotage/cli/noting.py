"""`notes`: what changed, for whom, from git; drafts that survive edits, `CHANGELOG.md`, the next version."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from pilotage.app.project import Project
from pilotage.cli.showing import form_options, show

_DAY = click.DateTime(["%Y-%m-%d"])
_AUDIENCES = ["developer", "user", "executive"]


@click.command()
@click.argument("range_", metavar="[A..B]", required=False)
@click.option("--version", "named", help="What is released; the next version when left out.")
@click.option(
    "--audience", type=click.Choice(["developer", "user", "executive"]), default="developer", show_default=True
)
@form_options
@click.option(
    "--draft",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write or renew this draft; edits in it stay. -o: as readers get it.",
)
@click.option("--changelog", type=click.Path(path_type=Path, dir_okay=False), help="Update this CHANGELOG.md in place.")
@click.option("--unreleased", is_flag=True, help="With --changelog: below Unreleased instead of a version.")
@click.option("--next-version", "only_version", is_flag=True, help="Print the next version, and nothing else.")
@click.option("--scheme", type=click.Choice(["semver", "pep440"]), default="semver", show_default=True)
@click.option("--path", "paths", multiple=True, help="Only what touches this path, as of one package of several.")
@click.option("--date", "day", type=_DAY, help="Of the release; that of its last commit when left out.")
@click.option("--repository", type=click.Path(path_type=Path, file_okay=False), help="Another one than this.")
@click.pass_obj
def notes(
    project: Project,
    range_: str | None,
    named: str | None,
    audience: str,
    form: str | None,
    output: Path | None,
    draft: Path | None,
    changelog: Path | None,
    unreleased: bool,
    only_version: bool,
    scheme: str,
    paths: tuple[str, ...],
    day: datetime | None,
    repository: Path | None,
) -> None:
    """What changed in a range of commits: from the newest version's tag to HEAD when none is named.

    Works on histories of any habit, and marks with ? what it had to guess. Reverts and what they undid are left out.
    """
    from pilotage.app import notes as made

    if draft is not None and form not in (None, "markdown"):
        raise click.UsageError(f"a draft is Markdown: leave out --format {form}")
    when = day.date() if day else None
    request = made.NotesRequest(
        range=range_, paths=paths, scheme=scheme, version=named, audience=audience, day=when, repository=repository,
        needs_version=not unreleased,
    )  # fmt: skip
    if only_version:
        click.echo(made.next_version_of(project, request))
        return
    found = made.notes_for(project, request)
    if changelog is not None:
        written = made.update_changelog(changelog, found, unreleased=unreleased)
        click.echo(f"written: {changelog}, {written}", err=True)
    if draft is not None:
        is_new = not draft.exists()
        curated = made.renew_draft(draft, found)
        click.echo(f"{'written' if is_new else 'renewed, with the edits in it'}: {draft}", err=True)
        if output is not None:
            _write(output, curated)
    if draft is None and (changelog is None or form or output):
        show(made.report_of(found), form, output)


def _write(path: Path, text: str) -> None:
    from pilotage.app.output import write_file

    write_file(path, text)
    click.echo(f"written: {path}", err=True)
