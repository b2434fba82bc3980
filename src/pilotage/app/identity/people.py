"""The people of a store, as a machine's shell and its administrators see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pilotage.app.identity.policy import policy_of
from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.engine.records.persons import Person
from pilotage.model.access import Grant


@dataclass(frozen=True, kw_only=True)
class Listed:
    """ways: how this person signs in, such as password and passkey."""

    person: Person
    grants: tuple[Grant, ...]
    ways: tuple[str, ...]


def listed(project: Project) -> Sequence[Listed]:
    project.require(project.actor, Permission.MANAGE_PEOPLE)
    return [_of(project, one) for one in project.store.persons.all()]


def link_of(project: Project, secret: str, url: str = "") -> str:
    """Where a one-time link leads. url: the server's; else the one that pilotage.yaml names, else this machine's."""
    base = url or policy_of(project).url or "http://127.0.0.1:8420"
    return f"{base.rstrip('/')}/link/{secret}"


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
