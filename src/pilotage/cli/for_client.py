"""A command that a server carries out for a client: this process is the server's child and knows who asks.

The server hands over who asks through a pipe, never in an environment variable. Before the command runs, it must be one
that runs on servers, the identity must have its permission, and every file that it names must be one that came along.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from pilotage.app.remote.handing import ASKED_FD, FILES
from pilotage.cli.parsed_words import ParsedWords, parse_words
from pilotage.cli.remote_commands import EVERYWHERE, REMOTE, Here
from pilotage.model.errors import Forbidden, Invalid

if TYPE_CHECKING:
    from pilotage.app.permissions import Permission, Refusal, Thing
    from pilotage.app.project import Project
    from pilotage.model.access import Identity


class NotForServers(Invalid):
    """A server does not carry this out."""


def asked_for(project: Project, root: click.Command, words: Sequence[str]) -> Project:
    """The project as the client's identity works in it. Raises NotForServers, Forbidden, Invalid."""
    from pilotage.app.remote.handing import received

    identity = received(int(os.environ.pop(ASKED_FD)))
    project.identity = identity
    parsed = parse_words(root, words)
    if parsed.config:
        raise NotForServers("a server has its own pilotage.yaml", where="--config", cure="leave the option out")
    _permit(project, identity, parsed)
    _permit_rollouts(project, identity, words)
    folder = Path(os.environ[FILES])
    for named in parsed.paths:
        if not Path(named).resolve().is_relative_to(folder):
            raise NotForServers(f"{named} is not among the files that came along")
    for named in parsed.plans:
        if not Path(named).resolve().is_relative_to(folder) and (os.sep in named or Path(named).exists()):
            raise NotForServers(f"{named} is not among the files that came along")
    return project


def _permit(project: Project, identity: Identity, parsed: ParsedWords) -> None:
    needs = REMOTE.get(parsed.command)
    if needs is None or isinstance(needs, Here):
        why = needs or "is not one that servers know"
        raise NotForServers(f"`pilotage {parsed.command}` does not run on a server: it {why}")
    from pilotage.app.permissions import Thing
    from pilotage.app.roles import admits

    service, environment = _place(project, parsed)
    here = Thing(service=service, environment=environment)
    thing = Thing(service="") if parsed.command in EVERYWHERE else here
    if refusal := admits(identity, needs, thing, project.store.persons.custom_roles()):
        _refuse(project, identity, needs, thing, refusal)


def _refuse(project: Project, identity: Identity, permission: Permission, thing: Thing, why: Refusal) -> NoReturn:
    """As pages and API refuse: with a row of the audit log. Raises Forbidden."""
    from pilotage.app import auditing

    auditing.refuse(project, identity.name, permission, thing, why.sentence)
    raise Forbidden(why.sentence)


def _place(project: Project, parsed: ParsedWords) -> tuple[str, str]:
    """The service and the environment that the words mean; empty for several. If the configuration cannot be read,
    those of the store: a rollout can still be stopped."""
    try:
        names = project.names
    except Invalid:
        return project.place(parsed.environment or None)
    service = parsed.service or ("" if names.several else next(iter(names.environments)))
    environments = names.environments.get(service, ())
    return service, parsed.environment or (environments[0] if len(environments) == 1 else "")


def _permit_rollouts(project: Project, identity: Identity, words: Sequence[str]) -> None:
    """Rollouts that are named by their ids may be of another service than the one that `-s` names."""
    from pilotage.app.permissions import Permission, Thing
    from pilotage.app.roles import admits

    for word in words:
        try:
            rollout = project.store.look_up(word.partition("=")[2] or word)
        except KeyError:
            continue
        thing = Thing(service=rollout.service, environment=rollout.environment)
        if refusal := admits(identity, Permission.READ, thing, project.store.persons.custom_roles()):
            _refuse(project, identity, Permission.READ, thing, refusal)
