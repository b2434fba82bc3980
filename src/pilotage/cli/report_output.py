"""A document to the terminal, as Markdown, as a page or as JSON; to standard output or to a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pilotage.cli.options import Command

if TYPE_CHECKING:
    from pilotage.app.periods import Report

FORMS = ("terminal", "markdown", "html", "json")


def form_options(command: Command) -> Command:
    """`--format` and `--output`."""
    for option in (
        click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file."),
        click.option(
            "--format",
            "form",
            type=click.Choice(FORMS),
            help="Output format. Default: terminal, or markdown if not on a terminal.",
        ),
    ):
        command = option(command)
    return command


def show(report: Report, form: str | None, output: Path | None) -> None:
    """form: None for a terminal on one and Markdown elsewhere; the name of a file may say it, too."""
    form = form or _form_of(output)
    if form == "terminal" and output is None:
        from pilotage.cli.edge import console
        from pilotage.render.document import to_terminal

        console().print(to_terminal(report.document))
        return
    text = _text(report, form)
    if output is None:
        click.echo(text, nl=False)
        return
    from pilotage.app.output import write_file

    write_file(output, text)
    click.echo(f"written: {output}", err=True)


def _form_of(output: Path | None) -> str:
    if output is not None:
        return {".html": "html", ".htm": "html", ".json": "json"}.get(output.suffix.lower(), "markdown")
    return "terminal" if sys.stdout.isatty() else "markdown"


def _text(report: Report, form: str) -> str:
    from pilotage.render.document import to_html, to_markdown

    match form:
        case "html":
            return to_html(report.document)
        case "json":
            from pilotage.cli.output import json_text

            return json_text(report.output) + "\n"
        case _:
            return to_markdown(report.document)
