"""`/pilotage …` in Slack: the same use cases as in the shell, by the person whose alias the Slack user is.

What is typed is data: words that mean nothing get the list of commands, and every answer is escaped. An approval names
what it approves, so that one that was read an hour ago cannot approve what waits now.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass

from pilotage.adapters.notify.slack import escaped
from pilotage.adapters.slack_callback import Typed
from pilotage.app.access.chat import identity_of
from pilotage.app.auditing import in_chat
from pilotage.app.commands import Answer, End, meant, submit_to
from pilotage.app.project import Project, Unclear
from pilotage.app.requests import CommandRequest, DeployRequest
from pilotage.app.status import EnvironmentStatus, everywhere
from pilotage.engine.records.store import StoreConflict
from pilotage.model.errors import PilotageError
from pilotage.model.record import RolloutSummary
from pilotage.model.rollout import CommandKind
from pilotage.model.text import line
from pilotage.model.way import WayStatus

_log = logging.getLogger(__name__)

HELP = """`/pilotage status [-e ENVIRONMENT]`: what serves, what rolls out, and what waits for you
`/pilotage deploy VERSION [-e ENVIRONMENT]`: start a rollout
`/pilotage approve VERSION STEP [-e ENVIRONMENT]`: approve the step or stage that waits; `status` names it
`/pilotage abort [-e ENVIRONMENT] [REASON]`: roll back the rollout in progress
`/pilotage help`: this list
With several services, add `-s SERVICE`."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """command: the first word · words: those after it, without the options · environment, service: None if none is
    named."""

    command: str
    words: tuple[str, ...]
    environment: str | None = None
    service: str | None = None


def read_words(text: str) -> Wanted:
    """What was typed. Raises Unclear."""
    words = text.split()
    environment, service = _option(words, "-e", "an environment"), _option(words, "-s", "a service")
    command = words[0].lower() if words else "help"
    return Wanted(command=command, words=tuple(words[1:]), environment=environment, service=service)


def _option(words: list[str], name: str, what: str) -> str | None:
    """The word after an option; both are taken out. Raises Unclear."""
    if name not in words:
        return None
    place = words.index(name)
    if place + 1 == len(words):
        raise Unclear(f"{name} is followed by {what}")
    value = words[place + 1]
    del words[place : place + 2]
    return value


def carry_out(project: Project, typed: Typed) -> str:
    """The answer to a slash command, in Slack's markup."""
    actor = f"slack:{typed.user}"
    try:
        wanted = read_words(typed.text)
        if wanted.command == "help":
            return HELP
        person = project.people.identify(actor).name
        if person == actor:
            return escaped(f"Nobody in `people` has the alias {actor}, so {typed.name or 'you'} may not do this.")
        meant_here = project.for_service(wanted.service) if wanted.service else copy(project)
        if wanted.command in ("deploy", "approve"):
            # Whoever is known here may look and take traffic off harm; what else they may, their account's roles say.
            meant_here.identity = identity_of(project.store, person)
        with in_chat(person, wanted.command):
            return escaped(_answer(meant_here, actor, wanted)) or HELP
    except PilotageError as error:
        return escaped(f"Not done: {error}")
    except Exception:
        _log.exception("a slash command failed")
        return "Not done: an internal error; the log of `pilotage serve-callbacks` has it."


def _answer(project: Project, actor: str, wanted: Wanted) -> str:
    """Plain text; empty for what is no command. Raises PilotageError."""
    match wanted.command, wanted.words:
        case "status", ():
            return "\n".join(_status(project, wanted.environment))
        case "deploy", (version,):
            return _deploy(project, actor, version, wanted.environment)
        case "approve", (version, step):
            return _approve(project, actor, version, step, wanted.environment)
        case "abort", words:
            return _abort(project, actor, wanted.environment, " ".join(words))
    return ""


# ── status ─────────────────────────────────────────────────────────────────────────────────────────────────


def _status(project: Project, environment: str | None) -> Iterator[str]:
    for one in everywhere(project, environment):
        yield f"*{one.environment}*: {one.headline}"
        yield from _under_way(project, one)
        yield from one.frozen
    for version, stage in _waiting_stages(project):
        yield f"{version} waits before {stage}: `/pilotage approve {version} {stage}`"


def _under_way(project: Project, one: EnvironmentStatus) -> Iterator[str]:
    newest = one.newest
    if newest is None or newest.status.final:
        return
    yield f"{newest.version} is {newest.status}{f': {newest.reason}' * bool(newest.reason)}"
    if _waits_for_approval(project, newest):
        yield f"it waits for you: `/pilotage approve {newest.version} {newest.step} -e {one.environment}`"


def _waits_for_approval(project: Project, rollout: RolloutSummary) -> bool:
    from pilotage.model.plan import StepKind

    if project.store.open_question(rollout.id) is None:
        return False
    whole = project.store.get(rollout.id)
    return whole.plan.steps[whole.state.step].kind is StepKind.GATE


def _waiting_stages(project: Project) -> Iterator[tuple[str, str]]:
    """Versions on their way with the stage that waits for an approval."""
    from pilotage.app.way.viewing import all_ways

    for view in all_ways(project, limit=5):
        current = view.current
        if view.stored.state.status is WayStatus.UNDER_WAY and current and current.state.waiting == "approval":
            yield view.stored.way.version, current.stage.name


# ── what changes something ─────────────────────────────────────────────────────────────────────────────────


def _deploy(project: Project, actor: str, version: str, environment: str | None) -> str:
    from pilotage.app.deploy import deploy
    from pilotage.app.homes import attend
    from pilotage.app.known_risk import planned
    from pilotage.app.plan import PlanRequest

    named = project.environment(environment)
    plan = planned(project, named, PlanRequest(version, today=project.today))
    wanted = project.loaded.configuration.on_conflict
    started = deploy(project, actor, DeployRequest(plan=plan, on_conflict=wanted))
    if started.rollout is None:
        return f"{started.sentence}."
    attend(project, started.rollout.service, started.rollout.environment)
    return f"{started.sentence}. `/pilotage status -e {named}` shows how it goes."


def _approve(project: Project, actor: str, version: str, step: str, environment: str | None) -> str:
    """Of the step or the stage that the person names. Raises StoreConflict if another one waits."""
    if (version, step) in _waiting_stages(project):
        return _approve_stage(project, actor, version, step)
    rollout = meant(project, environment)
    question = project.store.open_question(rollout.id)
    if rollout.version != version or rollout.step != step or not _waits_for_approval(project, rollout):
        raise StoreConflict(f"{version} does not wait for {step} now; `/pilotage status` shows what waits")
    request = CommandRequest(kind=CommandKind.APPROVE, reason="in Slack", about=question)
    return _said("approve", submit_to(project, actor, rollout, request))


def _approve_stage(project: Project, actor: str, version: str, stage: str) -> str:
    from pilotage.app.way.control import WayEnd, WayRequest, ask_way
    from pilotage.model.way_command import WayCommandKind

    request = WayRequest(kind=WayCommandKind.APPROVE, version=version, stage=stage, reason="in Slack")
    answer = ask_way(project, actor, request)
    if answer.end is WayEnd.UNANSWERED:
        return f"approve of {stage} for {version} is recorded; no worker has handled it yet."
    return f"approve of {stage} for {version}: {answer.sentence}"


def _abort(project: Project, actor: str, environment: str | None, reason: str) -> str:
    rollout = meant(project, environment)
    said = f"in Slack: {line(reason, 300)}" if reason else "in Slack"
    return _said(
        "abort", submit_to(project, actor, rollout, CommandRequest(kind=CommandKind.ABORT, reason=said))
    )  # fmt: skip


def _said(command: str, answer: Answer) -> str:
    match answer.end:
        case End.TOO_LATE if not answer.sentence:
            return f"nothing to do: {answer.version} is {answer.status}."
        case End.UNATTENDED | End.UNANSWERED:
            return f"{command} of {answer.version} is recorded; no worker has handled it yet."
        case _:
            return f"{command} of {answer.version}: {answer.sentence}"
