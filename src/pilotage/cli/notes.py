"""`notes`: release notes from git, drafts that keep edits, `CHANGELOG.md`, the next version."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilotage.app.project import Project
from pilotage.cli.days import Day
from pilotage.cli.report_output import form_options, show

if TYPE_CHECKING:
    from pilotage.app.notes import NotesFound

_DAY = Day()
_AUDIENCES = ["developer", "user", "executive"]


@click.command()
@click.argument("range_", metavar="[A..B]", required=False)
@click.option("--version", "named", help="Version of the release. Default: the next version.")
@click.option(
    "--audience",
    type=click.Choice(_AUDIENCES),
    default="developer",
    show_default=True,
    help="Who reads the notes.",
)
@form_options
@click.option(
    "--draft",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write or update this draft; your edits stay. Add -o to also write it without comments.",
)
@click.option("--changelog", type=click.Path(path_type=Path, dir_okay=False), help="Update this CHANGELOG.md in place.")
@click.option("--unreleased", is_flag=True, help="With --changelog: write under Unreleased, not under a version.")
@click.option("--next-version", "only_version", is_flag=True, help="Print the next version only.")
@click.option(
    "--lines", "only_lines", is_flag=True, help="List the parts of complete notes, and why some are left out."
)
@click.option("--published", is_flag=True, help="List the notes that the worker has published, or will.")
@click.option(
    "--scheme",
    type=click.Choice(["semver", "pep440", "calver"]),
    default="semver",
    show_default=True,
    help="Scheme of version numbers.",
)
@click.option(
    "--path", "paths", multiple=True, help="Include only changes to this path, for one package of several. Repeatable."
)
@click.option(
    "--tag-prefix",
    help="Prefix of the tags that are versions, such as api-v. Default: the one that fits --path, else v or none.",
)
@click.option("--date", "day", type=_DAY, help="Date of the release. Default: the date of its last commit.")
@click.option(
    "--repository", type=click.Path(path_type=Path, file_okay=False), help="Read this repository, not the current one."
)
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
    only_lines: bool,
    published: bool,
    scheme: str,
    paths: tuple[str, ...],
    tag_prefix: str | None,
    day: datetime | None,
    repository: Path | None,
) -> None:
    """Write release notes for the commits A..B.

    Without A..B, the notes cover everything since the tag of the last final version. If HEAD itself has a version's
    tag, they cover that version.

    No commit convention is needed. A ? marks a kind of change that is a guess. Reverts are left out, together with
    what they undid.
    """
    from pilotage.app import notes as made

    if published:
        _published(project)
        return
    if draft is not None and form not in (None, "markdown"):
        raise click.UsageError(f"a draft is Markdown: leave out --format {form}")
    when = day.date() if day else None
    request = made.NotesRequest(
        range=range_, paths=paths, scheme=scheme, version=named, audience=audience, day=when, repository=repository,
        needs_version=not unreleased, tag_prefix=tag_prefix,
    )  # fmt: skip
    if only_version:
        click.echo(made.next_version_of(project, request))
        return
    found = made.notes_for(project, request)
    if only_lines:
        click.echo("\n".join(made.lines_here(found)))
        return
    if changelog is not None:
        written = made.update_changelog(changelog, found, unreleased=unreleased)
        click.echo(f"written: {changelog}, {written}", err=True)
    if draft is not None:
        _renew(draft, found, output)
    elif changelog is None or form or output:
        show(made.report_of(found), form, output)


def _renew(draft: Path, found: NotesFound, output: Path | None) -> None:
    """output: a copy without comments."""
    from pilotage.app.notes import renew_draft

    is_new = not draft.exists()
    curated = renew_draft(draft, found)
    click.echo(f"{'written' if is_new else 'updated, your edits kept'}: {draft}", err=True)
    if output is not None:
        _write(output, curated)


def _published(project: Project) -> None:
    from pilotage.app.notes_publishing import published_notes
    from pilotage.cli.plain_table import show_table
    from pilotage.model.timestamp import timestamp

    rows = [
        (
            one.version, one.place.value, one.stage.value, one.state.value, timestamp(one.at or one.due),
            one.error or one.address,
        )
        for one in published_notes(project)
    ]  # fmt: skip
    show_table(("version", "place", "stage", "state", "at", "where, or why not"), rows)


def _write(path: Path, text: str) -> None:
    from pilotage.app.output import write_file

    write_file(path, text)
    click.echo(f"written: {path}", err=True)
