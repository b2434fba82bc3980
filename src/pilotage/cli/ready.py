"""`ready` and `audit`: show every readiness gate with its evidence; bundle the evidence and verify the bundle."""

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
from pilotage.cli.exit import UNVERIFIABLE
from pilotage.cli.options import environment_option, json_option, key_option
from pilotage.cli.wishes import Wished, wish_of, wish_options
from pilotage.model.text import clean

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

    from pilotage.app.readiness.assessment import Told
    from pilotage.app.readiness.audit import Audit
    from pilotage.model.plan import Plan
    from pilotage.model.readiness import Gate, Readiness
    from pilotage.render.rich_table import FittedTable

_AGAIN = 5.0
"""Seconds between two checks of --watch."""
_WIDE = 120
"""Columns from which the table is readable; below, each gate is a block."""

_file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("version")
@environment_option
@wish_options
@click.option("--watch", is_flag=True, help="Check again every 5 seconds until everything is ready.")
@click.option("--sarif", type=_file, help="Write what is missing to this file, as SARIF 2.1.0.")
@click.option("--markdown", type=_file, help="Write the table to this file, as Markdown.")
@click.option("--bundle", "archive", type=_file, help="Write evidence, digests, sign-offs and waivers to this archive.")
@json_option
@click.pass_obj
def ready(
    project: Project, /, version: str, environment: str | None, watch: bool, sarif: Path | None, markdown: Path | None,
    archive: Path | None, as_json: bool, **wished: Unpack[Wished],
) -> None:  # fmt: skip
    """Show whether VERSION is ready: every gate of its plan, the evidence, and what to do next.

    Without -e, one line for each environment. Exits 3 if a gate is not ready. `pilotage deploy` refuses the release
    with the same table.
    """
    from pilotage.app.plan import plan_for
    from pilotage.cli.output import show_json
    from pilotage.render.readiness_output import readiness_output

    wish = wish_of(project, version, **wished)
    if not (watch or sarif or markdown or archive or as_json) and (every := project.all_of(environment)):
        raise SystemExit(_show_all(project, [plan_for(project.loaded, name, wish) for name in every]))
    plan = plan_for(project.loaded, project.environment(environment), wish)
    while True:
        found = _look(project, plan)
        _write(project, plan, found, sarif, markdown, archive)
        if as_json:
            show_json(readiness_output(found), line=watch)
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
    from pilotage import __version__
    from pilotage.app.output import write_file
    from pilotage.render.readiness import to_markdown, to_sarif

    if sarif:
        content = to_sarif(found, __version__, project.config.name)
        write_file(sarif, json.dumps(content, indent=2, ensure_ascii=False))
    if markdown:
        write_file(markdown, to_markdown(found))
    if archive:
        from pilotage.app.readiness.bundle import bundle

        signer = project.signer()
        digest = bundle(project.loaded, plan, found, archive, signer)
        signed = f", signed with the key {signer.id}" if signer else ""
        click.echo(f"wrote {archive}, SHA-256 {digest}{signed}", err=True)


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


@click.group()
def audit() -> None:
    """Verify bundles of evidence."""


@audit.command("verify")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--artifact",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Compare this file with the digest in the bundle.",
)
@key_option
@json_option
@click.pass_obj
def verify_bundle(project: Project, path: Path, artifact: Path | None, keys: tuple[Path, ...], as_json: bool) -> None:
    """Verify a bundle made by `ready --bundle`.

    Verifies signature and digests, reads every report again and decides every gate again. Needs no network, no
    configuration and no store. Use --key to name the public key of the expected signer. Without it, the keys of this
    state folder are trusted. Exits 1 if anything was changed, 2 if FILE is not a bundle, 3 if the release was not
    ready, and 10 if no known key signed it.
    """
    from pilotage.app.keys import trusted_keys
    from pilotage.app.readiness.audit import verify
    from pilotage.cli.output import show_json
    from pilotage.model.output.readiness import AuditOutput
    from pilotage.model.readiness import BadBundle

    try:
        found = verify(path, artifact, keys=trusted_keys(project, keys), strict=bool(keys))
    except BadBundle as error:
        words = clean(str(error))
        if as_json:
            show_json(AuditOutput(intact=False, faults=(words,)))
        else:
            click.echo(words)
        raise SystemExit(error.exit_status) from None
    _show_audit(found, as_json)
    unsure = 0 if found.known else UNVERIFIABLE
    raise SystemExit(1 if found.faults else 3 if not found.readiness.ready else unsure)


def _show_audit(found: Audit, as_json: bool) -> None:
    from pilotage.render.readiness import headline

    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.readiness import AuditOutput

        show_json(
            AuditOutput(
                intact=not found.faults,
                faults=tuple(clean(fault) for fault in found.faults),
                ready=found.readiness.ready,
                sha256=found.sha256,
                files=found.files,
                reports_reread=found.remade,
                claims=found.claimed,
                key_id=found.key or None,
                key_known=found.known,
            )
        )
        return
    for fault in found.faults:
        click.echo(f"✗ {clean(fault)}")
    if not found.faults:
        click.echo(f"complete: {found.files} files unchanged, {found.remade} reports read again with the same result")
    click.echo(_signed(found))
    click.echo(f"{clean(headline(found.readiness))}\nSHA-256 {found.sha256}")


def _signed(found: Audit) -> str:
    """Return a sentence about the signature, or its absence."""
    claims = f"; {found.claimed} ready gates have no report in the bundle and rely on its author" * bool(found.claimed)
    if not found.key:
        return f"unsigned: says only that files agree with their list{claims}"
    if not found.known:
        return f"signed with the key {found.key}, which is unknown here: --key PUBLIC.pem names its owner's{claims}"
    return f"signed with the known key {found.key}{claims}"
