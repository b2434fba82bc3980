"""Commands that only read: `status`, `history`, `events`, `explain`. All of them speak JSON too."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pilotage.cli.adopting import home_elsewhere
from pilotage.cli.project import Project, environment_option, json_option, key_option

if TYPE_CHECKING:
    from pilotage.model.live import LiveView
    from pilotage.model.record import Recorded, Rollout, RolloutSummary

SCHEMA = 1
"""Version of the JSON that these commands print; raised when a field changes its meaning or goes."""


@click.command()
@environment_option
@json_option
@click.pass_obj
def status(project: Project, environment: str | None, as_json: bool) -> None:
    """What serves and what rolls out now."""
    service, name = project.place(environment)
    from pilotage.engine.supervisor import worker_pid

    latest = project.store.newest(service, name)
    serving = project.store.serving(service, name)
    pid = worker_pid(project.directory)
    home = home_elsewhere(project, service, name)
    if as_json:
        fields = {
            "serving": serving[0] if serving else None,
            "preserved": latest.version if latest and latest.preserved else None,
            "queued": [r.version for r in project.store.queued(service, name)],
            "worker": pid,
            "home": {"name": home.place.name, "heard": home.heard} if home else None,
            "rollout": _plain(project, [latest])[0] if latest else None,
        }
        click.echo(json.dumps({"schema": SCHEMA, "service": service, "environment": name, **fields}, indent=2))
        return
    click.echo(f"{service} in {name}: {_headline(project, (service, name), serving, pid=pid, away=bool(home))}")
    if home:
        click.echo(f"it {home.in_words}" + (f"; `pilotage adopt {name}` moves it here" if home.is_silent else ""))
    if latest is not None and latest.preserved:
        click.echo(f"the failed environment with {latest.version} is kept for study: `pilotage clean` removes it")
    for line in (*_untold(project), *_unsigned(project)):
        click.echo(line)
    for waiting in project.store.queued(service, name):
        click.echo(f"{waiting.version} waits its turn, asked by {waiting.actor}")
    if latest is not None:
        _show(project, latest)


def _headline(
    project: Project, place: tuple[str, str], serving: tuple[str, ...], *, pid: int | None, away: bool
) -> str:
    """What serves: what is known, not what was so when somebody last looked."""
    from pilotage.engine.location import place_of, router_folders, router_runs

    if away:
        return f"{serving[0]} serves" if serving else "nothing serves"
    up, idle = router_runs(project.directory, *place), "" if pid else " (no worker is at work)"
    if serving and not up and not pid:
        return f"down; {serving[0]} served last. `pilotage deploy {serving[0]}` starts it again"
    if serving or not up:
        return f"{serving[0] if serving else 'nothing'} serves{idle}"
    from pilotage.adapters.routers.envoy_rescue import split_there

    folders = router_folders(place_of(project.directory, *place))
    split = next((found for folder in folders if (found := split_there(folder))), None)
    weights = split.weights if split else ()
    shown = ", ".join(f"{version} ({weight / 10:g} %)" for version, weight in weights if weight) or "nobody"
    return f"its router sends users to {shown}, and no rollout has completed{idle}"


def _show(project: Project, latest: RolloutSummary) -> None:
    from pilotage.cli.edge import console
    from pilotage.cli.live_view import rollout_view
    from pilotage.model.record import Unreadable

    try:
        whole = project.store.get(latest.id)
    except Unreadable as error:
        click.echo(f"{latest.version} is {latest.status}: {error}")
        return
    console().print(rollout_view(whole, project.store.events(latest.id)))


@click.command()
@environment_option
@click.option("--limit", default=20, show_default=True)
@json_option
@click.pass_obj
def history(project: Project, environment: str | None, limit: int, as_json: bool) -> None:
    """Rollouts, newest first."""
    service, name = project.place(environment) if environment else (project.service_name, None)
    found = project.store.history(service, name, limit)
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA, "rollouts": _plain(project, found)}, indent=2))
        return
    from rich.table import Table

    from pilotage.cli.edge import console

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("began", "rollout", "version", "status", "took", "by", "reason"):
        table.add_column(title, overflow="fold")
    for r in found:
        took = f"{r.took:.0f} s" if r.took is not None else "–"
        began = time.strftime("%Y-%m-%d %H:%M", time.localtime(r.started_at or r.created_at))
        table.add_row(began, r.id, r.version, r.status, took, r.actor, r.reason)
    console().print(table)


@click.command()
@click.argument("rollout", required=False)
@environment_option
@click.option("--verify", is_flag=True, help="Check all records of the environment; exit 1 when any was changed.")
@key_option
@click.option(
    "--anchor", "anchors", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Compare with the signed heads in this file, too.",
)  # fmt: skip
@json_option
@click.pass_obj
def events(
    project: Project, /, rollout: str | None, environment: str | None, verify: bool, keys: tuple[Path, ...],
    anchors: tuple[Path, ...], as_json: bool,
) -> None:  # fmt: skip
    """Everything that happened in a rollout (the last one, or by its id). JSON is one event a line.

    --verify checks every rollout of the environment: chains, rows, verdicts, commands, messages, the list of rollouts,
    signatures, and anchors. Exit 1 when anything was changed, 10 when something could not be checked.
    """
    if verify:
        raise SystemExit(_verified(project, rollout, environment, keys, anchors, as_json))
    _list(project, project.rollout(environment, rollout).id, as_json)


def _list(project: Project, rollout: str, as_json: bool) -> None:
    from pilotage.render.lines import event_lines

    recorded = project.store.events(rollout)
    for line in [json.dumps(vars(e)) for e in recorded] if as_json else event_lines(recorded):
        click.echo(line)


def _verified(
    project: Project, rollout: str | None, environment: str | None, keys: tuple[Path, ...], anchors: tuple[Path, ...],
    as_json: bool,
) -> int:  # fmt: skip
    """Also where nothing can be listed: what is missing is what verification is for."""
    from pilotage.cli.verifying import verify_place

    if rollout is not None:
        found = project.summary(rollout)
        service, environment = found.service, found.environment
    else:
        service, environment = project.place(environment)
        newest = project.store.newest(service, environment)
        rollout = newest.id if newest else None
    if rollout is not None:
        _list(project, rollout, as_json)
    return verify_place(project, service, environment, keys, anchors)


@click.command()
@click.argument("rollout", required=False)
@environment_option
@json_option
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write it as a page with pictures.")
@click.pass_obj
def explain(project: Project, rollout: str | None, environment: str | None, as_json: bool, html: Path | None) -> None:
    """Why a rollout waits, failed or was undone, with the numbers."""
    from pilotage.report.explanation import explain as words

    found = project.rollout(environment, rollout)
    recorded = project.store.events(found.id)
    sentences = words(found, recorded)
    if html is not None:
        _write_page(html, found, sentences, recorded)
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA, "rollout": found.id, "because": sentences}, indent=2))
    else:
        click.echo("\n".join(sentences))


def _write_page(path: Path, rollout: Rollout, sentences: list[str], recorded: Sequence[Recorded]) -> None:
    from pilotage.adapters.files import write_durably
    from pilotage.render.html import rollout_to_html

    title = f"{rollout.service} {rollout.version} → {rollout.environment}: {rollout.state.status}"
    happened = [(time.strftime("%H:%M:%S", time.localtime(e.at)), e.type, e.sentence) for e in recorded]
    verdicts = rollout.live.to_dict()["verdicts"]
    page = rollout_to_html(title, rollout.plan, sentences[:1], verdicts, happened)
    write_durably(path, page.encode(), shared=True)
    click.echo(f"written: {path}", err=True)


def _unsigned(project: Project) -> list[str]:
    """Heads of event chains that could not be signed or anchored, in words."""
    from pilotage.engine.heads import trouble

    count, why = trouble(project.store.engine)
    return [f"{count} heads of event chains are not signed or not anchored: {why}"] if count else []


def _untold(project: Project) -> list[str]:
    """Channels through which something was not told, in words."""
    from pilotage.engine.outbox import health

    return [
        f"{one.channel}: {one.dead + one.waiting} messages not told: {one.error} (`pilotage notify list`)"
        for one in health(project.store.engine)
        if one.error
    ]


def _plain(project: Project, rollouts: Sequence[RolloutSummary]) -> list[dict[str, Any]]:
    """Rollouts as JSON, each with what its last look saw."""
    seen = project.store.live_views([rollout.id for rollout in rollouts])
    return [_rollout(rollout, seen[rollout.id]) for rollout in rollouts]


def _rollout(rollout: RolloutSummary, live: LiveView) -> dict[str, Any]:
    return {
        "id": rollout.id,
        "version": rollout.version,
        "old": rollout.old,
        "status": rollout.status.value,
        "reason": rollout.reason,
        "step": rollout.step,
        "weight": live.routed,
        "wanted": live.wanted,
        "observed": live.observed,
        "verdicts": live.to_dict()["verdicts"],
        "actor": rollout.actor,
        "sequence": rollout.sequence,
        "created_at": rollout.created_at,
        "started_at": rollout.started_at,
        "finished_at": rollout.finished_at,
        "plan": rollout.plan_hash,
    }
