"""Asks whether somebody may do something: their roles on the server, their roles in `people`, and the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilotage.app import auditing, permissions, shell_actor
from pilotage.app.permissions import Permission, Thing
from pilotage.model.actor import Actor, ActorKind
from pilotage.model.errors import Forbidden

if TYPE_CHECKING:
    from pilotage.app.project import Project


def require(project: Project, name: str, permission: Permission, thing: Thing) -> Actor:
    """The actor, who may do this; from now on the audit log shows what changes as theirs. Raises Forbidden, which the
    log shows too."""
    if project.identity is None:
        shell_actor.require(project, name, permission)
    kind = project.identity.kind if project.identity is not None else ActorKind.PERSON
    actor = project.people.identify(name, kind)
    refusal = refusal_of(project, actor, permission, thing)
    if refusal:
        auditing.refuse(project, actor.name, permission, thing, refusal)
        raise Forbidden(refusal)
    auditing.begin(project, actor.name, permission, thing)
    return actor


def service_of(project: Project) -> str:
    """Empty where there are several, or where that cannot be read: a role for all of them is needed then."""
    from pilotage.config.yaml_reader import ConfigError

    if project.service:
        return project.service
    try:
        names = project.names
    except ConfigError:
        return ""
    return "" if names.several else next(iter(names.environments))


def refusal_of(project: Project, actor: Actor, permission: Permission, thing: Thing) -> str:
    """Why not; empty where the actor may."""
    from pilotage.app.roles import admits

    if project.identity is not None:
        known = project.store.persons.custom_roles()
        if refusal := admits(project.identity, permission, thing, known):
            return refusal.sentence
    refused = permissions.may(actor, permission, thing, project.people)
    return refused.sentence if refused else ""
