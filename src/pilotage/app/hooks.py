"""Messages of CI and registries that start a release: proven, taken once, and answered before anything rolls out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from pilotage.adapters.hook_proofs import Proven, prove
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import resolve
from pilotage.adapters.standard_webhooks import BadSignature
from pilotage.app.deploy import deploy
from pilotage.app.homes import attend
from pilotage.app.hook_answers import remember
from pilotage.app.known_risk import planned
from pilotage.app.plan import PlanRequest
from pilotage.app.project import Project
from pilotage.app.requests import DeployRequest
from pilotage.app.way.starting import StartWay, start_way
from pilotage.config.hooks import HookSection
from pilotage.model.access import AccessRole, Grant, Identity, Proof
from pilotage.model.actor import ActorKind
from pilotage.model.errors import Invalid, PilotageError, Unavailable
from pilotage.model.json import Json
from pilotage.model.json_path import JsonPath
from pilotage.model.text import line
from pilotage.model.version import check_version

_KEPT = 8 * 86400.0
"""Seconds for which a message is remembered: senders repeat one for three days at most."""
_KEPT_UNDATED = 366 * 86400.0
"""The same for messages that are signed without their time: who overheard one can send it at any time."""
_LONGEST_VERSION = 200


class NoHook(PilotageError):
    """`server.hooks` has none of this name."""

    exit_status, http_status = 2, 404


class Unproven(PilotageError):
    """The message does not come from who has the secret, or is too old."""

    code = "unproven-message"
    exit_status, http_status = 8, 401


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of a message. sentence: for the sender's log · rollout, way: ids of what it started, or empty."""

    sentence: str
    rollout: str = ""
    way: str = ""


def take(project: Project, name: str, headers: Mapping[str, str], body: bytes) -> Taken:
    """headers: by name in lower case. Raises NoHook, Unproven, Invalid, Forbidden, Conflict, NotReady."""
    section = project.whole.configuration.server.hooks.get(name)
    if section is None:
        raise NoHook(f"{project.config} has no server.hooks.{name}")
    proven = _proven(project, name, section, headers, body)
    if section.event and proven.event != section.event:
        return Taken(sentence=f"ignored: {proven.event or 'no event'} is not {section.event}")
    message = _read(body)
    if missing := _missing(section, message):
        return Taken(sentence=f"ignored: {missing}")
    version = _version(section, message)
    once = hashlib.sha256(f"hook {name} {proven.delivery}".encode()).hexdigest()
    links = project.store.accounts.links
    # One at a time on all servers of the store: a sender repeats a message to whichever answers.
    with project.store.turns.taken(f"hook {name}"):
        if proven.delivery and links.seen(once):
            return Taken(sentence="ignored: this message was taken before")
        taken = _release(_as_hook(project, name, section), section, version, headers.get("traceparent", "")[:200])
        if taken.rollout:
            remember(project.store, name, section, message, taken.rollout)
        # Noted when it is done: what was refused, or cut off, counts when it is sent again.
        links.first_time(once, project.clock.now(), _KEPT_UNDATED if section.kind == "github" else _KEPT)
    return taken


def _proven(
    project: Project, name: str, section: HookSection, headers: Mapping[str, str], body: bytes
) -> Proven:  # fmt: skip
    try:
        secret = resolve(section.secret).reveal()
    except AdapterError as error:
        raise Unavailable(f"server.hooks.{name}.secret: {error}") from None
    try:
        return prove(section.kind, secret, section.header or "", headers, body, project.clock.now())
    except BadSignature as error:
        raise Unproven(str(error)) from None


def _read(body: bytes) -> Json:
    try:
        found: Json = json.loads(body)
    except (ValueError, RecursionError):
        raise Invalid("the message is no JSON") from None
    return found


def _missing(section: HookSection, message: Json) -> str:
    """Why the message does not count; empty where it does."""
    for path, wanted in section.when.items():
        found = JsonPath(path).first_in(message)
        if found is None or type(found) is not type(wanted) or found != wanted:
            return f"{path} is not {wanted}"
    return ""


def _version(section: HookSection, message: Json) -> str:
    found = JsonPath(section.version).first_in(message)
    if not isinstance(found, str) or not found or len(found) > _LONGEST_VERSION:
        raise Invalid(f"{section.version} of the message is no version")
    version = found.removeprefix(section.strip)
    try:
        check_version(version)
    except ValueError as error:
        raise Invalid(f"{section.version} of the message: {line(str(error), 300)}") from None
    return version


def _as_hook(project: Project, name: str, section: HookSection) -> Project:
    """The project as the hook works in it: a machine that may deploy there, and approve nothing."""
    made = project.for_service(section.service) if section.service else project
    service = section.service or next(iter(project.names.environments))
    grant = Grant(role=AccessRole.DEPLOYER, service=service, environment=section.environment or "*")
    made.identity = Identity(name=f"hook {name}", kind=ActorKind.MACHINE, proof=Proof.TOKEN, grants=(grant,))
    return made


def _release(project: Project, section: HookSection, version: str, traceparent: str) -> Taken:
    if section.environment is None:
        way = start_way(project, project.actor, StartWay(version=version, replace=True)).way
        project.ensure_worker()
        return Taken(sentence=f"the way of {version} has begun", way=way.id)
    wish = PlanRequest(version, today=project.today)
    plan = planned(project, project.environment(section.environment), wish)
    request = DeployRequest(plan=plan, on_conflict="queue", traceparent=traceparent)
    started = deploy(project, project.actor, request)
    if started.rollout is None:
        return Taken(sentence=started.sentence)
    attend(project, started.rollout.service, started.rollout.environment)
    sentence = started.sentence or f"{version} rolls out in {plan.environment}"
    return Taken(sentence=sentence, rollout=started.rollout.id)
