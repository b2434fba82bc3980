"""`judge` and `analysis`: the judge on figures of the past, and rules of another tool carried over."""

from __future__ import annotations

import errno
import json
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
    help="CSV with time, canary_bad, canary_total, stable_bad, stable_total; or a Prometheus range (JSON).",
)
@click.option("--gauge", is_flag=True, help="The CSV has time, canary, stable: samples of a gauge, not counts.")
@click.option("--factor", type=float, default=2.0, show_default=True, help="With --gauge: not harm below it.")
@click.option("--cumulative", is_flag=True, help="The CSV's counts are counters that grow, not counts per row.")
@click.option("--tolerated-ratio", type=float, default=1.25, show_default=True, help="Not called harm below it.")
@click.option("--false-rollback", default="0.1%", show_default=True, help="Probability of calling a good canary bad.")
@click.option("--limit", help="A rate that is harm whatever stable does, such as 5%.")
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="Draw the ratio there (SVG).")
@json_option
def judge(
    source: Path,
    gauge: bool,
    factor: float,
    cumulative: bool,
    tolerated_ratio: float,
    false_rollback: str,
    limit: str | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Judge the past: when would a rollback have come, and whom would it have spared?

    Exit status 4 when it would have been rolled back, 0 otherwise.
    """
    from pilotage.app.replay import ReplayRequest, replay_counts, replay_samples

    if picture is not None and not picture.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(picture))
    request = ReplayRequest(
        source=source, tolerated_ratio=tolerated_ratio, false_rollback=false_rollback, limit=limit,
        cumulative=cumulative, factor=factor, picture=picture,
    )  # fmt: skip
    judged = (replay_samples if gauge else replay_counts)(request)
    if picture is not None:
        click.echo(f"wrote {picture}", err=True)
    if as_json:
        click.echo(json.dumps(judged.data, ensure_ascii=False))
    else:
        for note in judged.notes:
            click.echo(note, err=True)
        click.echo(judged.sentence)
        if judged.scale:
            click.echo(judged.scale)
    raise SystemExit(4 if judged.harm else 0)


@click.group()
def analysis() -> None:
    """Rules of Argo Rollouts: read them, and count as it does."""


@analysis.command("import")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--prometheus", help="Its address; prints the section `analysis:` for pilotage.yaml.")
@json_option
def import_(source: Path, prometheus: str | None, as_json: bool) -> None:
    """Read the AnalysisTemplates of a YAML file and show the rules they make."""
    from pilotage.app.replay import import_rules

    found = import_rules(source, prometheus)
    if as_json:
        click.echo(json.dumps(found.data, ensure_ascii=False, default=str))
    elif prometheus:
        click.echo(found.section)
    else:
        for line in found.lines:
            click.echo(line)
