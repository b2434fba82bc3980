"""`notes`: what changed, for whom, from git; drafts that survive edits, `CHANGELOG.md`, the next version."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pilotage.cli.project import Project
from pilotage.cli.showing import form_options, show

if TYPE_CHECKING:
    from pilotage.report.notes import Notes

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
    from pilotage.adapters.git import Git
    from pilotage.app.notes import changes_between, following, release_of
    from pilotage.report.notes import Audience, notes_of
    from pilotage.report.versions import Scheme

    if draft is not None and form not in (None, "markdown"):
        raise click.UsageError(f"a draft is Markdown: leave out --format {form}")
    folder = repository or project.config.resolve().parent
    found = changes_between(Git(folder), range_, paths)
    if only_version:
        click.echo(following(found, Scheme(scheme)))
        return
    version = named or _version(found, scheme, needed=not unreleased)
    when = day.date() if day else found.day
    store = project.store if project.has_store and repository is None else None
    release = release_of(found, _service(project, folder, repository), version, when, store)
    made = notes_of(found.changes, release, Audience(audience))
    if changelog is not None:
        _update(changelog, "Unreleased" if unreleased else version, None if unreleased else when, found.changes)
    if draft is not None:
        curated = _renew(draft, made)
        if output is not None:
            _write(output, curated)
    if draft is None and (changelog is None or form or output):
        _show(made, form, output)


def _version(found: Any, scheme: str, *, needed: bool) -> str:
    from pilotage.app.notes import following
    from pilotage.report.versions import BadVersion, Scheme

    try:
        return following(found, Scheme(scheme))
    except BadVersion:
        if needed and found.before:
            return "unreleased"
        raise


def _service(project: Project, folder: Path, repository: Path | None) -> str:
    from pilotage.app.notes import service_here

    if repository is None and project.config.exists():
        return project.whole.configuration.service
    return service_here(folder)


def _update(path: Path, version: str, day: Any, changes: Any) -> None:
    from pilotage.adapters.files import write_durably
    from pilotage.report.changelog import updated
    from pilotage.report.notes import kept_sections

    before = path.read_text(encoding="utf-8") if path.exists() else None
    write_durably(path, updated(before, version, day, kept_sections(changes)).encode(), shared=True)
    click.echo(f"written: {path}, {version}", err=True)


def _renew(path: Path, made: Notes) -> str:
    """Returns the draft as readers get it."""
    from pilotage.adapters.files import write_durably
    from pilotage.render.notes import draft_of
    from pilotage.report.curated import unmarked

    before = path.read_text(encoding="utf-8") if path.exists() else None
    draft = draft_of(made, before)
    write_durably(path, draft.encode(), shared=True)
    click.echo(f"{'renewed, with the edits in it' if before else 'written'}: {path}", err=True)
    return unmarked(draft)


def _write(path: Path, text: str) -> None:
    from pilotage.adapters.files import write_durably

    write_durably(path, text.encode(), shared=True)
    click.echo(f"written: {path}", err=True)


def _show(made: Notes, form: str | None, output: Path | None) -> None:
    from pilotage.render.notes import data_of, document_of

    show(document_of(made), data_of(made), form, output)
