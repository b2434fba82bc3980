"""`judge` and `analysis`: the judge on figures of the past, and rules of another tool carried over."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pilotage.cli.project import json_option

if TYPE_CHECKING:
    from pilotage.judge.replay import Replay
    from pilotage.judge.rules import Rule


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
    if gauge:
        raise SystemExit(_replay_gauge(source, factor, false_rollback, picture, as_json))
    from pilotage.judge.counts import CountJudge
    from pilotage.judge.figures import looks_of
    from pilotage.judge.replay import replay
    from pilotage.model.observation import VerdictKind
    from pilotage.model.quantity import parse_share
    from pilotage.render.scale import ratio_scale

    try:
        made = CountJudge(tolerated_ratio, parse_share(false_rollback), parse_share(limit) if limit else None)
        done = replay(looks_of(_text(source), cumulative=cumulative), made)
    except ValueError as error:
        raise click.UsageError(f"{source}: {error}") from None
    if picture is not None:
        from pilotage.render.judge_chart import ratio_chart

        _draw(picture, ratio_chart(done, f"{source.name}: canary against stable"))
    if as_json:
        click.echo(json.dumps(_answer(done), ensure_ascii=False))
    else:
        for note in done.notes:
            click.echo(note, err=True)
        click.echo(done.sentence)
        shown = (done.decided or done.moments[-1]).verdict
        click.echo(f"1/64× {ratio_scale(shown.ratio, shown.interval, tolerated_ratio)} 256×  (│ is tolerated)")
    harm = done.decided is not None and done.decided.verdict.kind is VerdictKind.FAIL
    raise SystemExit(4 if harm else 0)


def _draw(picture: Path, svg: str) -> None:
    from pilotage.adapters.files import write_durably

    if not picture.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(picture))
    write_durably(picture, svg.encode(), shared=True)
    click.echo(f"wrote {picture}", err=True)


def _replay_gauge(source: Path, factor: float, false_rollback: str, picture: Path | None, as_json: bool) -> int:
    from pilotage.judge.figures import samples_of
    from pilotage.judge.gauges import GaugeJudge
    from pilotage.judge.replay import replay_gauge
    from pilotage.model.quantity import parse_share

    try:
        judge = GaugeJudge(source.stem, factor, parse_share(false_rollback))
        done = replay_gauge(samples_of(_text(source)), judge)
    except ValueError as error:
        raise click.UsageError(f"{source}: {error}") from None
    if picture is not None:
        from pilotage.render.judge_chart import gauge_chart

        _draw(picture, gauge_chart(done, f"{source.name}: canary and stable"))
    for note in done.notes:
        click.echo(note, err=True)
    if as_json:
        after = done.decided[0].at - done.samples[0].at if done.decided else None
        answer = {
            "schema": 1,
            "decision": "fail" if done.decided else None,
            "seconds": after,
            "sentence": done.sentence,
        }
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        click.echo(done.sentence)
    return 4 if done.decided else 0


def _text(source: Path) -> str:
    """Spreadsheets put a mark before the first letter."""
    try:
        return source.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None


def _answer(done: Replay) -> dict[str, Any]:
    decided = done.decided
    return {
        "schema": 1,
        "decision": decided.verdict.kind.value if decided else None,
        "seconds": decided.at - done.began if decided else None,
        "hurt": decided.hurt if decided else done.moments[-1].hurt,
        "spared": done.spared,
        "looks": len(done.moments),
        "sentence": done.sentence,
        "notes": done.notes,
    }


@click.group()
def analysis() -> None:
    """Rules of Argo Rollouts: read them, and count as it does."""


@analysis.command("import")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--prometheus", help="Its address; prints the section `analysis:` for pilotage.yaml.")
@json_option
def import_(source: Path, prometheus: str | None, as_json: bool) -> None:
    """Read the AnalysisTemplates of a YAML file and show the rules they make."""
    from dataclasses import asdict

    from pilotage.judge.rules import rules_of

    templates = [found for found in _documents(source) if str(found.get("kind", "")).endswith("AnalysisTemplate")]
    if not templates:
        raise click.UsageError(f"{source}: no AnalysisTemplate or ClusterAnalysisTemplate in it")
    try:
        rules = {str(found["metadata"]["name"]): rules_of(found) for found in templates}
    except (ValueError, KeyError, TypeError) as error:
        raise click.UsageError(f"{source}: {error}") from None
    if as_json:
        shown = {name: [asdict(rule) for rule in made] for name, made in rules.items()}
        click.echo(json.dumps({"schema": 1, "templates": shown}, ensure_ascii=False, default=str))
        return
    if prometheus:
        click.echo(_section(prometheus, [rule for made in rules.values() for rule in made]))
        return
    for name, made in rules.items():
        for rule in made:
            click.echo(f"{name}/{rule.name}: {_told(rule)}")


def _section(prometheus: str, rules: list[Rule]) -> str:
    """The rules as an environment of pilotage.yaml takes them."""
    import dataclasses

    import yaml

    from pilotage.judge.rules import Rule

    usual = {field.name: field.default for field in dataclasses.fields(Rule)}
    shown = []
    for rule in rules:
        fields = {
            "name": rule.name, "query": rule.query, "success_condition": rule.success and rule.success.text,
            "failure_condition": rule.failure and rule.failure.text, "interval": rule.interval,
            "initial_delay": rule.initial_delay, "count": rule.count, "failure_limit": rule.failure_limit,
            "inconclusive_limit": rule.inconclusive_limit, "consecutive_error_limit": rule.consecutive_error_limit,
            "consecutive_success_limit": rule.consecutive_success_limit, "dry_run": rule.dry_run,
        }  # fmt: skip
        shown.append({name: value for name, value in fields.items() if value is not None and value != usual.get(name)})
    section = {"analysis": {"prometheus": prometheus, "rules": shown}}
    return str(yaml.safe_dump(section, sort_keys=False, allow_unicode=True)).rstrip()


def _told(rule: Any) -> str:
    success = f"success when {rule.success.text}" if rule.success else ""
    failure = f"failure when {rule.failure.text}" if rule.failure else ""
    often = f"{rule.count or 'any number of'} times every {rule.interval:g} s" if rule.interval else "once"
    limits = (
        f"tolerates {rule.failure_limit} failures, {rule.inconclusive_limit} inconclusive, "
        f"{rule.consecutive_error_limit} errors in a row"
    )
    dry = "dry run" if rule.dry_run else ""
    return "; ".join(part for part in (success, failure, f"measured {often}", limits, dry) if part)


def _documents(source: Path) -> list[dict[str, Any]]:
    import yaml

    try:
        text = source.read_text(encoding="utf-8")
        # A few aliases of aliases make a text of gigabytes out of one of a page.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
            raise click.UsageError(f"{source}: an alias is not allowed: write the value out")
        found = list(yaml.safe_load_all(text))
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise click.UsageError(f"{source}: {error}") from None
    except RecursionError:
        raise click.UsageError(f"{source}: nested too deeply") from None
    return [document for document in found if isinstance(document, dict)]
