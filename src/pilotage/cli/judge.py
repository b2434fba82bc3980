"""`judge` and `analysis`: replay recorded metrics through the judge; import rules from Argo Rollouts."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import click

from pilotage.cli.options import json_option


@click.command()
@click.option(
    "--replay",
    "source",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="CSV with time, canary_bad, canary_total, stable_bad, stable_total; or a Prometheus range as JSON.",
)
@click.option("--gauge", is_flag=True, help="The CSV has time, canary, stable: samples of a gauge.")
@click.option(
    "--factor", type=float, default=2.0, show_default=True, help="With --gauge: smallest ratio that counts as harm."
)
@click.option("--cumulative", is_flag=True, help="The CSV has growing counters, not counts per row.")
@click.option(
    "--max-ratio", type=float, default=1.25, show_default=True, help="Smallest error ratio that counts as harm."
)
@click.option(
    "--false-positive-rate", default="0.1%", show_default=True, help="Probability of rolling back a good canary."
)
@click.option("--limit", help="Error rate that is always harm, such as 5%.")
@click.option(
    "--chart", "picture", type=click.Path(path_type=Path, dir_okay=False), help="Draw the ratio to this file, as SVG."
)
@json_option
def judge(
    source: Path,
    gauge: bool,
    factor: float,
    cumulative: bool,
    max_ratio: float,
    false_positive_rate: str,
    limit: str | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Replay recorded metrics: when would Pilotage have rolled back, and how many users would that have spared?

    Exits 4 if it would have rolled back, otherwise 0.
    """
    from pilotage.app.replay import ReplayRequest, replay_counts, replay_samples

    if picture is not None and not picture.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(picture))
    request = ReplayRequest(
        source=source, max_ratio=max_ratio, false_positive_rate=false_positive_rate, limit=limit,
        cumulative=cumulative, factor=factor, picture=picture,
    )  # fmt: skip
    judged = (replay_samples if gauge else replay_counts)(request)
    if picture is not None:
        click.echo(f"wrote {picture}", err=True)
    if as_json:
        from pilotage.cli.output import show_json

        show_json(judged.output, line=True)
    else:
        for note in judged.notes:
            click.echo(note, err=True)
        click.echo(judged.sentence)
        if judged.scale:
            click.echo(judged.scale)
    raise SystemExit(4 if judged.harm else 0)


@click.group()
def analysis() -> None:
    """Import analysis rules from Argo Rollouts."""


@analysis.command("import")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--prometheus", help="Address of your Prometheus. Prints the section `analysis:` for pilotage.yaml.")
@click.option("--arg", "arguments", multiple=True, metavar="NAME=VALUE", help="Value of a template's argument.")
@json_option
def import_(source: Path, prometheus: str | None, arguments: tuple[str, ...], as_json: bool) -> None:
    """Show the rules that AnalysisTemplates make.

    Names what cannot be imported, and why.
    """
    from pilotage.app.replay import import_rules

    if wrong := next((one for one in arguments if "=" not in one), None):
        raise click.BadParameter(f"{wrong!r} is not NAME=VALUE, such as limit=0.95", param_hint="--arg")
    found = import_rules(source, prometheus, dict(one.split("=", 1) for one in arguments))
    for said in found.left:
        click.echo(f"not imported: {said}", err=True)
    for said in found.warnings:
        click.echo(f"warning: {said}", err=True)
    if as_json:
        from pilotage.cli.output import show_json

        show_json(found.output)
    elif prometheus:
        click.echo(found.section)
    else:
        for line in found.lines:
            click.echo(line)
