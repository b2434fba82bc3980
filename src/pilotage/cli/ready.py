"""`ready`: show every readiness gate with its evidence; bundle the evidence."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option, json_option
from pilotage.cli.wishes import Wished, wish_of, wish_options

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

    from pilotage.app.readiness.assessment import Told
    from pilotage.model.plan import Plan
    from pilotage.model.readiness import Gate, Readiness
    from pilotage.render.rich_table import FittedTable

_AGAIN = 5.0
"""Seconds between two checks of --watch."""
_WIDE = 120
"""Columns from which the table is readable; below, each gate is a block."""

FORMATS = ("json", "markdown", "sarif", "code-quality")
"""Forms for other programs."""

_file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("version")
@environment_option
@wish_options
@click.option("--watch", is_flag=True, help="Check again every 5 seconds until everything is ready.")
@click.option(
    "--format", "form", type=click.Choice(["terminal", *FORMATS]), default="terminal", metavar="FORMAT",
    help=f"Output format: terminal, {', '.join(FORMATS)}.",
)  # fmt: skip
@click.option("--sarif", type=_file, help="Write what is missing to this file, as SARIF 2.1.0.")
@click.option("--markdown", type=_file, help="Write the table to this file, as Markdown.")
@click.option("--bundle", "archive", type=_file, help="Write evidence, digests, sign-offs and waivers to this archive.")
@json_option
@click.pass_obj
def ready(
    project: Project, /, version: str, environment: str | None, watch: bool, form: str, sarif: Path | None,
    markdown: Path | None, archive: Path | None, as_json: bool, **wished: Unpack[Wished],
) -> None:  # fmt: skip
    """Show whether VERSION is ready: every gate of its plan, the evidence, and what to do next.

    Without -e, one line for each environment. Exits 3 if a gate is not ready. `pilotage deploy` refuses the release
    with the same table.
    """
    from pilotage.app.known_risk import planned
    from pilotage.cli.output import show_json
    from pilotage.render.readiness_output import readiness_output

    wish, as_json = wish_of(project, version, **wished), as_json or form == "json"
    if not (form != "terminal" or watch or sarif or markdown or archive or as_json) and (
        every := project.all_of(environment)
    ):
        raise SystemExit(_show_all(project, [planned(project, name, wish) for name in every]))
    plan = planned(project, project.environment(environment), wish)
    while True:
        found = _look(project, plan)
        _write(project, plan, found, sarif, markdown, archive)
        if as_json:
            show_json(readiness_output(found), line=watch)
        elif form != "terminal":
            click.echo(in_format(project, found, form))
        else:
            show(found)
            _say_where_it_counts(project, found)
        if found.ready or not watch:
            raise SystemExit(0 if found.ready else 3)
        time.sleep(_AGAIN)


def _say_where_it_counts(project: Project, found: Readiness) -> None:
    from pilotage.app.readiness.assessment import enforced
    from pilotage.cli.plain_table import show_lines

    if not found.ready and not enforced(project.loaded, found.environment):
        section = project.loaded.configuration.readiness
        why = "pilotage.yaml has no `readiness` section" if section is None else "`readiness` guards other environments"
        show_lines([f"`deploy` does not enforce this for {found.environment}: {why}."])


def _show_all(project: Project, plans: Sequence[Plan]) -> int:
    """A line for each environment. Returns the exit status."""
    from collections import Counter

    from pilotage.cli.plain_table import show_lines, show_table
    from pilotage.model.readiness import GateStatus

    every = [_look(project, plan) for plan in plans]
    columns = (GateStatus.READY, GateStatus.WAIVED, GateStatus.NOT_REQUIRED, GateStatus.NOT_READY)
    rows = []
    for found in every:
        counts = Counter(gate.standing for gate in found.gates)
        verdict = "ready" if found.ready else "not ready"
        rows.append((found.environment, verdict, *(str(counts[status]) for status in columns)))
    show_table(("environment", "verdict", "ready", "waived", "not required", "to do"), rows)
    show_lines([f"Run `pilotage ready {plans[0].version} -e {plans[0].environment}` for the items of one environment."])
    return 0 if all(found.ready for found in every) else 3


def _look(project: Project, plan: Plan) -> Readiness:
    from pilotage.app.readiness.assessment import assess_readiness

    with _progress() as told:
        return assess_readiness(project, project.actor, plan, told)


@contextmanager
def _progress() -> Iterator[Told | None]:
    """Show a progress bar on a terminal while the gates are checked."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import Progress

    from pilotage.cli.edge import console

    with Progress(transient=True, console=console(stderr=True)) as bar:
        task = bar.add_task("looking", total=None)
        yield lambda gate, done, whole: bar.update(task, completed=done, total=whole, description=gate.item)


def _write(
    project: Project, plan: Plan, found: Readiness, sarif: Path | None, markdown: Path | None, archive: Path | None
) -> None:
    from pilotage.app.output import write_file

    if sarif:
        write_file(sarif, in_format(project, found, "sarif"))
    if markdown:
        write_file(markdown, in_format(project, found, "markdown"))
    if archive:
        from pilotage.app.readiness.bundle import bundle

        signer = project.signer()
        digest = bundle(project.loaded, plan, found, archive, signer)
        signed = f", signed with the key {signer.id}" if signer else ""
        click.echo(f"wrote {archive}, SHA-256 {digest}{signed}", err=True)


def in_format(project: Project, found: Readiness, form: str) -> str:
    """Readiness in one of `FORMATS` but JSON."""
    from pilotage import __version__
    from pilotage.app.readiness.places import places_of
    from pilotage.render.readiness import to_markdown
    from pilotage.render.readiness_findings import to_code_quality, to_sarif

    if form == "markdown":
        return to_markdown(found)
    places = places_of(project, found)
    content = to_sarif(found, __version__, places) if form == "sarif" else to_code_quality(found, places)
    return json.dumps(content, indent=2, ensure_ascii=False)


def show(found: Readiness, to_stderr: bool = False) -> None:
    """Print the table of gates; each one that is not ready says what to do next."""
    from rich.text import Text

    from pilotage.cli.edge import console
    from pilotage.render.readiness import headline

    screen = console(stderr=to_stderr)
    screen.print(_table(found) if screen.width >= _WIDE else _blocks(found), soft_wrap=screen.width < _WIDE)
    screen.print(Text(f"\n{headline(found)}", "bold green" if found.ready else "bold red"))
    screen.print(Text(f"plan {found.plan[:12]}" + (f", artifact {found.artifact[:12]}" * bool(found.artifact)), "dim"))


def _status(gate: Gate) -> Text:
    from rich.text import Text

    from pilotage.model.readiness import GateStatus
    from pilotage.render.readiness import MARK

    shade = {
        GateStatus.READY: "green",
        GateStatus.WAIVED: "yellow",
        GateStatus.NOT_READY: "red",
        GateStatus.NOT_REQUIRED: "dim",
    }
    return Text(f"{MARK[gate.standing]} {gate.standing}", shade[gate.standing])


def _blocks(found: Readiness) -> Group:
    """Each gate with its details below it, for a narrow screen; what is to do is under who has to do it."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    from pilotage.model.readiness import GateStatus
    from pilotage.render.readiness import by_owner, evidence

    lines: list[Text | Padding] = []
    owner = ""
    for gate in by_owner(found):
        if gate.standing is GateStatus.NOT_READY and gate.owner != owner:
            owner = gate.owner
            lines.append(Text(owner, "bold"))
        lines.append(Text.assemble(_status(gate), f"  {gate.item}"))
        seen = evidence(gate)
        lines += [Padding(Text(said), (0, 0, 0, 4)) for said in (seen * (seen != "–"), gate.reason) if said]
        if gate.next:
            # What is copied from here has no line breaks in it.
            lines += [Text(f"    {'or' if number else 'next:'} {way}", no_wrap=True, overflow="ignore")
                      for number, way in enumerate(gate.next.split(", or "))]  # fmt: skip
    return Group(*lines)


def _table(found: Readiness) -> FittedTable:
    from pilotage.render.readiness import by_owner, evidence
    from pilotage.render.rich_table import rich_table

    gates = by_owner(found)
    rows = ((_status(gate), gate.item, gate.owner, evidence(gate), gate.reason, gate.next) for gate in gates)
    return rich_table(("status", "item", "owner", "evidence", "reason", "next"), rows)
