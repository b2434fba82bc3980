"""`pilotage changed`: which services of a repository a range of commits touches."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from pilotage.app.project import Project
from pilotage.cli.options import json_option
from pilotage.model.wording import counted

if TYPE_CHECKING:
    from pilotage.app.changed import Range, Touched


@click.command()
@click.argument("range_", metavar="A..B")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "matrix"]), default="text", show_default=True,
    help="Output format. matrix is a matrix of GitHub Actions.",
)  # fmt: skip
@json_option
@click.pass_obj
def changed(project: Project, range_: str, form: str, as_json: bool) -> None:
    """Say which services the commits A..B touch, by their `paths` and `built_from`.

    \b
    pilotage changed v1.2.0..HEAD     commits since a version
    pilotage changed main...HEAD      a branch, without what it merged from main

    A file that belongs to no service touches all of them, unless `ignored_paths` names it.
    """
    from pilotage.app.changed import changed as find

    found = find(project, range_)
    if as_json or form == "json":
        from pilotage.cli.output import show_json
        from pilotage.render.touched import changed_output

        show_json(changed_output(range_, found))
    elif form == "matrix":
        click.echo(json.dumps({"include": [{"service": one.service} for one in found.services if one]}))
    else:
        _show(found)


def _show(found: Range) -> None:
    from pilotage.cli.plain_table import show_lines, show_table

    rows = [(one.service, "touched" if one else "–", _why(one)) for one in found.services]
    show_table(("service", "", "because"), rows)
    if found.ignored:
        count = len(found.ignored)
        show_lines([f"{counted(count, 'file')} in ignored_paths, such as {found.ignored[0]}"])


def _why(one: Touched) -> str:
    from pilotage.app.changed import Reason

    words = {Reason.OWN: "its own", Reason.BUILT_FROM: "it is built from", Reason.SHARED: "nobody's"}
    parts = []
    for reason, paths in one.counted().items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        parts.append(f"{words[reason]}: {paths[0]}{more}")
    return "; ".join(parts)
