"""Gives and takes away roles, and makes roles of an organisation's own. The last admin keeps the role."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pilotage.app.access.grants_asked import checked
from pilotage.app.identity.sessions import grants_of
from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.app.roles import BUILT_IN, is_within
from pilotage.engine.records.persons import Person
from pilotage.engine.records.roles import CustomRole, Held
from pilotage.model.access import AccessRole, Grant, HolderKind
from pilotage.model.errors import Conflict, Forbidden, Invalid, PilotageError

_NAME = re.compile(r"[a-z][a-z0-9-]{1,39}")
_HOLDER = re.compile(r"[^\s/@*][^/*\x00-\x1f]{0,199}")


class BadRole(Invalid):
    """The name or the permissions of a role are wrong. The message lists what there is."""


class NoSuchPerson(PilotageError):
    """Nobody of this name has an account."""

    exit_status, http_status = 2, 404


class RoleInUse(Conflict):
    """Somebody has this role. Take it away first."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who has which role where."""

    people: tuple[Person, ...]
    grants: tuple[Held, ...]
    custom: tuple[CustomRole, ...]


def overview(project: Project, actor: str) -> Access:
    """Raises Forbidden."""
    project.require(actor, Permission.MANAGE_PEOPLE)
    store = project.store
    return Access(people=store.persons.all(), grants=store.roles.all(), custom=store.roles.custom())


def give(project: Project, actor: str, kind: HolderKind, holder: str, grant: Grant) -> bool:
    """False if the holder had it. Nobody gives more than they have. Raises Forbidden, NoSuchGrant, NoSuchPerson."""
    project.require(actor, Permission.MANAGE_PEOPLE)
    refuse_more(project, grant)
    checked(project, grant)
    if not _HOLDER.fullmatch(holder):
        raise BadRole(f"{holder!r} is no name of a {kind}")
    if kind is HolderKind.PERSON and project.store.persons.called(holder) is None:
        raise NoSuchPerson(f"nobody called {holder!r} has an account")
    return project.store.persons.grant(kind, holder, grant, actor, project.clock.now())


def take_away(project: Project, actor: str, kind: HolderKind, holder: str, grant: Grant) -> bool:
    """False if the holder does not have it. Raises Forbidden, LastAdmin."""
    project.require(actor, Permission.MANAGE_PEOPLE)
    refuse_more(project, grant)
    return project.store.roles.take_away(kind, holder, grant)


def disable(project: Project, actor: str, name: str, *, disabled: bool) -> None:
    """A disabled account signs in nowhere, and its sessions and tokens are dead at once. Nobody shuts out or lets in
    somebody who may more than they. Raises NoSuchPerson, Forbidden, LastAdmin."""
    project.require(actor, Permission.MANAGE_PEOPLE)
    if (person := project.store.persons.called(name)) is not None:
        refuse_over(project, person)
    if not project.store.roles.disable(name, project.clock.now() if disabled else None):
        raise NoSuchPerson(f"nobody called {name!r} has an account")


def make_role(project: Project, actor: str, name: str, permissions: Sequence[str]) -> CustomRole:
    """A role of one's own, new or changed. Nobody makes one that may more than they may, or changes one that did, from
    whose holders they would take it. Raises BadRole, Forbidden."""
    project.require(actor, Permission.MANAGE_PEOPLE)
    if name in set(AccessRole) or not _NAME.fullmatch(name):
        raise BadRole(f"a role is named with a-z, digits and hyphens, and not as a built-in one; got {name!r}")
    wanted = tuple(dict.fromkeys(_permission(word).value for word in permissions))
    if not wanted:
        raise BadRole("a role needs at least one permission")
    _may_all(project, wanted)
    _may_all(project, tuple(project.store.persons.custom_roles().get(name, ())))
    role = CustomRole(name=name, permissions=wanted, by=actor, at=project.clock.now())
    project.store.roles.save_custom(role)
    return role


def delete_role(project: Project, actor: str, name: str) -> bool:
    """Raises RoleInUse, Forbidden."""
    project.require(actor, Permission.MANAGE_PEOPLE)
    if holders := sorted({one.holder for one in project.store.roles.all() if one.grant.role == name}):
        raise RoleInUse(f"{', '.join(holders)} {'has' if len(holders) == 1 else 'have'} the role {name}")
    _may_all(project, tuple(project.store.persons.custom_roles().get(name, ())))
    return project.store.roles.delete_custom(name)


def _permission(word: str) -> Permission:
    for one in Permission:
        if word in (one.value, one.name.lower().replace("_", "-")):
            return one
    listed = ", ".join(one.name.lower().replace("_", "-") for one in Permission)
    raise BadRole(f"there is no permission {word!r}; there are {listed}")


def refuse_more(project: Project, grant: Grant) -> None:
    """Raises Forbidden."""
    if project.identity is None:
        return
    custom = project.store.persons.custom_roles()
    if not is_within(grant, project.identity.grants, custom):
        has = ", ".join(map(str, project.identity.grants)) or "no role"
        raise Forbidden(f"you cannot give or take {grant}: you have {has}")


def refuse_over(project: Project, person: Person) -> None:
    """Raises Forbidden where this account may more than whoever asks: by its roles here, or by those that `people` of
    pilotage.yaml gives its name, which nobody but an admin may hand on."""
    for grant in grants_of(project.store, person):
        refuse_more(project, grant)
    if not may_everything(project) and (owner := project.people.owner_of(person.name)):
        raise Forbidden(
            f"{person.name} is a name of {owner} in `people` of pilotage.yaml: only an admin changes this account"
        )


def _may_all(project: Project, permissions: Sequence[str]) -> None:
    """Raises Forbidden."""
    if project.identity is None:
        return
    custom = {**project.store.persons.custom_roles(), "": frozenset(permissions)}
    if not is_within(Grant(role=""), project.identity.grants, custom):
        raise Forbidden("you cannot make, change or delete a role that may more than you may everywhere")


def may_everything(project: Project) -> bool:
    """In the shell of the server's machine nobody asks."""
    if project.identity is None:
        return True
    return is_within(Grant(role=AccessRole.ADMIN), project.identity.grants, project.store.persons.custom_roles())


def built_in() -> dict[str, tuple[str, ...]]:
    """Names of permissions by role."""
    return {role.value: tuple(sorted(one.value for one in may)) for role, may in BUILT_IN.items()}
