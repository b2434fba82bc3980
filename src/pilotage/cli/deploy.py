"""`deploy` and `watch`: start a rollout and follow it. Ctrl-C only detaches; the worker continues."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Unpack

import click

from pilotage.app.homes import Attended, attend, keep_up
from pilotage.app.project import Project
from pilotage.cli.following import GROUPS, follow, follow_group_lines
from pilotage.cli.options import environment_option, json_option
from pilotage.cli.wishes import Wished, wish_of, wish_options

if TYPE_CHECKING:
    from pilotage.app.deploy import DeployResult
    from pilotage.app.promotion import Promotion
    from pilotage.app.requests import DeployRequest
    from pilotage.model.plan import Plan


@click.command()
@click.argument("version", required=False)
@environment_option
@click.option(
    "--from",
    "source",
    metavar="ENVIRONMENT",
    help="Deploy what serves this environment, once its rollout has completed there. With VERSION: only that one.",
)
@click.option("--baked", help="With --from: how long it must have served there, such as 2h.")
@wish_options
@click.option("--detach", is_flag=True, help="Return as soon as the rollout has started.")
@click.option("--timeout", help="Stop following after this time, such as 10m (exit 6). The rollout continues.")
@click.option(
    "--on-conflict",
    type=click.Choice(["refuse", "queue", "replace"]),
    help="If another rollout is in progress: refuse, queue behind it, or replace it (roll it back first). "
    "Default: on_conflict in pilotage.yaml.",
)
@click.option(
    "--break-glass",
    is_flag=True,
    help="Emergency: skip freezes and gates, analyse only the first weight. Requires --reason.",
)
@click.option(
    "--yes", is_flag=True, help="Confirm that deploying the stable version rolls back the rollout in progress."
)
@click.option(
    "--log-groups", type=click.Choice(GROUPS), default=None,
    help="Fold each step in the log of a job: github, gitlab or none. Default: by the pipeline it runs in.",
)  # fmt: skip
@json_option
@click.pass_obj
def deploy(
    project: Project,
    /,
    version: str | None,
    environment: str | None,
    source: str | None,
    baked: str | None,
    detach: bool,
    timeout: str | None,
    on_conflict: str | None,
    break_glass: bool,
    yes: bool,
    log_groups: str | None,
    as_json: bool,
    **wished: Unpack[Wished],
) -> None:
    """Plan VERSION, roll it out, and follow the rollout. Ctrl-C detaches; the worker continues.

    Exits with 3 if the plan has a conflict you did not accept, or if `readiness` is configured and the release is not
    ready.

    \b
        pilotage deploy 2.5.0 -e production
        pilotage deploy --from staging -e production
        pilotage deploy 2.5.1 --break-glass --reason "fixes the outage"
    """
    from dataclasses import replace

    from pilotage.app.known_risk import planned
    from pilotage.app.requests import DeployRequest

    seconds = seconds_of(timeout)
    promoted = _promotion(project, source, version, environment, baked)
    version = promoted.version if promoted else _named(version)
    if project.whole.configuration.services and project.service is None:
        raise SystemExit(_deploy_all(project, version, environment, detach, seconds, as_json))
    glass = _emergency_reason(wished) if break_glass else ""
    plan = planned(project, project.environment(environment), wish_of(project, version, **wished))
    wanted = on_conflict or project.loaded.configuration.on_conflict
    request = DeployRequest(
        plan=plan, on_conflict=wanted, emergency_reason=glass, may_undo=yes,
        traceparent=os.environ.get("TRACEPARENT", ""),
    )  # fmt: skip
    request = replace(request, promoted=promoted.event if promoted else None)
    with _shows_readiness(), _summarised(project, plan):
        started = _begun(project, request)
    click.echo(started.sentence, err=True)
    if started.rollout is None:
        _keep_unchanged(project, started.sentence)
        keep_up(project, plan.service, plan.environment)
        return
    attended = attend(project, started.rollout.service, started.rollout.environment) is not Attended.NOBODY
    if detach or not attended:
        _show_detached(as_json, rollout=started.rollout.id)
        raise SystemExit(0 if attended or detach else 6)
    status = follow(project, started.rollout.id, seconds, as_json, groups=log_groups)
    # The stable version was requested while another rolled out, so a rollback is the success.
    raise SystemExit(0 if status == 4 and version == started.rollout.old else status)


def _promotion(
    project: Project, source: str | None, version: str | None, environment: str | None, baked: str | None
) -> Promotion | None:
    """What --from means; None without it."""
    from pilotage.app.promotion import promotion

    if source is None:
        if baked is not None:
            raise click.UsageError("--baked requires --from")
        return None
    if project.whole.configuration.services and project.service is None:
        raise click.UsageError("--from promotes one service: name it with --service")
    target = project.environment(environment)
    found = promotion(project, source, target, version=version, baked=seconds_of(baked, "--baked") or 0.0)
    click.echo(found.sentence, err=True)
    return found


def _named(version: str | None) -> str:
    if version is None:
        raise click.UsageError("name the VERSION, or the environment to take it from with --from")
    return version


def _begun(project: Project, request: DeployRequest) -> DeployResult:
    """The rollout. On a terminal, ask before another one is rolled back for it."""
    from dataclasses import replace

    from pilotage.app.deploy import WouldUndo, deploy

    try:
        return deploy(project, project.actor, request)
    except WouldUndo as refused:
        if not sys.stdin.isatty():
            raise
        click.confirm(f"{str(refused).partition(' Confirm with')[0]} Continue?", abort=True)
        return deploy(project, project.actor, replace(request, may_undo=True))


def _emergency_reason(wished: Wished) -> str:
    """Take --reason as that of the emergency. With --accept, it stays that of the accepted conflicts, too."""
    reason = wished["accept_reason"]
    if not reason:
        raise click.UsageError("--break-glass requires --reason")
    if not wished["accept"]:
        wished["accept_reason"] = None
    return reason


@contextmanager
def _shows_readiness() -> Iterator[None]:
    """Print the checks of a release that is refused because it is not ready."""
    from pilotage.app.preconditions import GatesShut

    try:
        yield
    except GatesShut as refused:
        from pilotage.cli.ready import show

        show(refused.found, to_stderr=True)
        raise


@contextmanager
def _summarised(project: Project, plan: Plan) -> Iterator[None]:
    """In a job of a pipeline, keep in its summary why a release was refused."""
    from pilotage.model.errors import PilotageError

    try:
        yield
    except PilotageError as refused:
        from pilotage.app.ci_summary import summarise_refusal

        summarise_refusal(project, f"{plan.service} {plan.version} → {plan.environment}", refused)
        raise


def _keep_unchanged(project: Project, sentence: str) -> None:
    from pilotage.app.ci_summary import summarise_unchanged

    summarise_unchanged(project, sentence)


def _show_detached(as_json: bool, rollout: str | None = None, group_id: str | None = None) -> None:
    """Print the id of what continues without this command."""
    if not as_json:
        click.echo(rollout or group_id)
        return
    from pilotage.cli.output import show_json
    from pilotage.model.output.rollouts import DetachedOutput

    show_json(DetachedOutput(rollout=rollout, group_id=group_id), line=True)


def _deploy_all(
    project: Project, version: str, environment: str | None, detach: bool, timeout: float | None, as_json: bool
) -> int:
    """Release every service together. Each line shows the service's name."""
    from pilotage.app.deploy_group import deploy_group
    from pilotage.app.requests import GroupRequest

    services = project.whole.configuration.services
    places = {name for section in services.values() for name in section.environments}
    if environment is None and len(places) > 1:
        raise click.UsageError(f"name the environment with -e: {', '.join(sorted(places))}")
    place = environment or next(iter(places))
    versions = dict.fromkeys(services, version)
    begun = deploy_group(project, project.actor, GroupRequest(environment=place, versions=versions))
    if not begun:
        click.echo(f"{version} already serves everywhere in {place}", err=True)
        return 0
    release = str(begun[0].group_id)
    click.echo(f"{release}: {version} of {', '.join(r.service for r in begun)} rolls out to {place}", err=True)
    project.ensure_worker()
    if detach:
        _show_detached(as_json, group_id=release)
        return 0
    return follow_group_lines(project, release, timeout, as_json)


@click.command()
@environment_option
@click.option("--timeout", help="Stop following after this time, such as 10m (exit 6).")
@json_option
@click.option("--ticks", is_flag=True, help="With --json: also print what each tick observed.")
@click.pass_obj
def watch(project: Project, environment: str | None, timeout: str | None, as_json: bool, ticks: bool) -> None:
    """Follow the rollout in progress, or show how the last one ended."""
    from pilotage.app.shown import shown

    rollout = shown(project, environment)
    if not rollout.state.status.final:
        attend(project, rollout.service, rollout.environment)
    raise SystemExit(follow(project, rollout.id, seconds_of(timeout), as_json, ticks))


def seconds_of(text: str | None, option: str = "--timeout") -> float | None:
    from pilotage.model.quantity import parse_duration

    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None
