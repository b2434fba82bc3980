"""The people of a store, as a machine's shell and its administrators see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pilotage.app.identity.links import called
from pilotage.app.identity.policy import policy_of
from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.engine.records.persons import Person
from pilotage.model.access import AccessRole, Grant
from pilotage.model.errors import Conflict, Invalid


class LastOwner(Conflict):
    """Nobody could manage people any more."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """ways: how this person signs in, such as password and passkey."""

    person: Person
    grants: tuple[Grant, ...]
    ways: tuple[str, ...]


def listed(project: Project) -> Sequence[Listed]:
    project.require(project.actor, Permission.MANAGE_PEOPLE)
    return [_of(project, one) for one in project.store.persons.all()]


def disable(project: Project, name: str) -> None:
    """Sessions end, tokens count no longer; records keep the name. Raises UnknownPerson, LastOwner."""
    project.require(project.actor, Permission.MANAGE_PEOPLE)
    store, person = project.store, called(project.store, name)
    others = (one for one in store.persons.all() if one.id != person.id and one.disabled_at is None)
    if not any(_manages(project, one) for one in others):
        raise LastOwner(f"{name} is the last who may do everything", cure="give somebody the role admin first")
    store.accounts.disable(person.id, store.clock.now())


def enable(project: Project, name: str) -> None:
    """Raises UnknownPerson."""
    project.require(project.actor, Permission.MANAGE_PEOPLE)
    project.store.accounts.enable(called(project.store, name).id)


def link_of(project: Project, secret: str, url: str = "") -> str:
    """Where a one-time link leads. url: the server's; else the one that pilotage.yaml names, else this machine's."""
    base = url or policy_of(project).url or "http://127.0.0.1:8420"
    return f"{base.rstrip('/')}/link/{secret}"


def grant_of(text: str, custom: Sequence[str] = ()) -> Grant:
    """Of ROLE, ROLE@SERVICE or ROLE@SERVICE/ENVIRONMENT; `*` for all. Raises Invalid."""
    role, _, where = text.partition("@")
    service, _, environment = where.partition("/")
    if role not in (known := [*AccessRole, *custom]):
        raise Invalid(f"there is no role {role!r}; there are {', '.join(known)}")
    return Grant(role=role, service=service or "*", environment=environment or "*")


def _manages(project: Project, person: Person) -> bool:
    """Whether this person has an account that lets others in."""
    return any(grant == Grant(role=AccessRole.ADMIN) for grant in _grants(project, person))


def _grants(project: Project, person: Person) -> tuple[Grant, ...]:
    from pilotage.app.identity.sessions import grants_of

    return grants_of(project.store, person)


def _of(project: Project, person: Person) -> Listed:
    keys = len(project.store.accounts.passkeys_of(person.id))
    found = {
        "password": person.password is not None, "code": person.totp is not None, "passkey": keys > 0,
        person.issuer or "": person.issuer is not None, "SSH key": bool(person.ssh_keys),
    }  # fmt: skip
    return Listed(
        person=person, grants=_grants(project, person), ways=tuple(name for name, has in found.items() if has)
    )  # fmt: skip
