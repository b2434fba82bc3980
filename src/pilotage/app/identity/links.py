"""One-time links that make an account or give it a new password."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pilotage.app.access.grants_asked import checked
from pilotage.app.access.roles import refuse_more
from pilotage.app.identity.password_rules import refuse_weak
from pilotage.app.identity.passwords import hash_password
from pilotage.app.identity.secrets import hash_of, new_secret
from pilotage.app.identity.sessions import grants_of
from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.engine.records.links import Link, LinkPurpose, NewAccount
from pilotage.engine.records.persons import NameTaken, Person
from pilotage.engine.records.store import Store
from pilotage.model.access import AccessRole, Grant
from pilotage.model.errors import Conflict, Invalid
from pilotage.model.json import JsonObject

OWNER_LIFETIME, RECOVERY_LIFETIME, INVITATION_LIFETIME = 3600.0, 3600.0, 7 * 86400.0
"""Seconds."""
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?")
_OURS = frozenset({"pilotage", "worker"})
"""Names under which Pilotage itself stands in the audit log."""
_MAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


class BadName(Invalid):
    """No person can have this name."""


class LinkOver(Conflict):
    """The link was used, replaced, or is too old."""

    http_status = 410


class UnknownPerson(Invalid):
    """Nobody has this name."""

    http_status = 404


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """Who may make an account. name: empty where the person chooses it."""

    name: str
    grants: tuple[Grant, ...]
    email: str = ""
    emergency: bool = False


def first_link(store: Store) -> str | None:
    """The secret of a link that makes the owner's account; None where anybody has an account. Earlier ones end."""
    if not store.accounts.none():
        return None
    return _made(store, LinkPurpose.OWNER, {}, OWNER_LIFETIME)


def invite(project: Project, wanted: Invitation) -> str:
    """The secret of a link with which a new person sets their password. Raises Forbidden, NoSuchGrant, BadName,
    NameTaken."""
    project.require(project.actor, Permission.MANAGE_PEOPLE)
    for grant in wanted.grants:
        refuse_more(project, grant)
        checked(project, grant)
    if wanted.name:
        refuse_bad_name(wanted.name)
        if project.store.persons.called(wanted.name) is not None:
            raise NameTaken(f"there is a person called {wanted.name!r} already")
    if wanted.email and not _MAIL.fullmatch(wanted.email):
        raise BadName(f"{wanted.email!r} is no mail address such as ada@example.org")
    about: JsonObject = {
        "name": wanted.name, "email": wanted.email, "emergency": wanted.emergency, "by": project.actor,
        "grants": [
            {"role": one.role, "service": one.service, "environment": one.environment} for one in wanted.grants
        ],
    }  # fmt: skip
    return _made(project.store, LinkPurpose.INVITATION, about, INVITATION_LIFETIME)


def recover(project: Project, name: str, *, emergency: bool = False) -> str:
    """The secret of a link that sets a new password; until it is used, nothing changes. Raises
    UnknownPerson, and Forbidden where that would give somebody more than they have."""
    project.require(project.actor, Permission.MANAGE_PEOPLE)
    person = called(project.store, name)
    for grant in grants_of(project.store, person):
        refuse_more(project, grant)
    about: JsonObject = {"name": person.name, "emergency": emergency}
    return _made(project.store, LinkPurpose.RECOVERY, about, RECOVERY_LIFETIME)


def called(store: Store, name: str) -> Person:
    """Raises UnknownPerson, with the names that there are."""
    found = store.persons.called(name)
    if found is None:
        known = ", ".join(one.name for one in store.persons.all()[:20]) or "nobody yet"
        raise UnknownPerson(f"nobody is called {name!r}; there is {known}")
    return found


def look_up(store: Store, secret: str) -> Link:
    """What a link leads to; looking does not use it. Raises LinkOver."""
    found = store.accounts.links.valid(hash_of(secret), store.clock.now())
    if found is None or found.purpose is LinkPurpose.SEEN:
        raise LinkOver("this link was used, replaced or is too old", cure="ask for a new one")
    return found


def redeem(store: Store, secret: str, name: str, password: str) -> Person:
    """Make the account, or set its password, and use the link. name: where the person chooses it. Raises LinkOver,
    BadName, NameTaken, WeakPassword; only then the link remains."""
    link, now = look_up(store, secret), store.clock.now()
    about = link.about
    chosen = str(about.get("name") or name.strip())
    refuse_bad_name(chosen)
    refuse_weak(password, (chosen, str(about.get("email", ""))))
    hashed = hash_password(password)
    if link.purpose is LinkPurpose.RECOVERY:
        emergency = bool(about.get("emergency"))
        used = store.accounts.links.set_password(link.hash, now, chosen, hashed, emergency=emergency)
    else:
        used = store.accounts.links.make_account(link.hash, now, _account(link, chosen, hashed))
    if not used:
        raise LinkOver("this link was used, replaced or is too old", cure="ask for a new one")
    return called(store, chosen)


def refuse_bad_name(name: str) -> None:
    """Raises BadName."""
    if name.casefold() in _OURS:
        raise BadName(f"{name} is a name of Pilotage itself: choose another one")
    if not _NAME.fullmatch(name):
        raise BadName(f"{name[:80]!r} cannot be a name: use letters, digits and . _ @ -, at most 64, such as ada")


def _account(link: Link, name: str, password: str) -> NewAccount:
    about = link.about
    if link.purpose is LinkPurpose.OWNER:
        return NewAccount(name=name, password=password, emergency=True, grants=(Grant(role=AccessRole.ADMIN),))
    given = about.get("grants")
    grants = tuple(
        Grant(role=str(one["role"]), service=str(one["service"]), environment=str(one["environment"]))
        for one in (given if isinstance(given, list) else ()) if isinstance(one, dict)
    )  # fmt: skip
    return NewAccount(
        name=name, password=password, email=str(about.get("email", "")), emergency=bool(about.get("emergency")),
        grants=grants, by=str(about.get("by", "")),
    )  # fmt: skip


def _made(store: Store, purpose: LinkPurpose, about: JsonObject, lifetime: float) -> str:
    secret = new_secret()
    store.accounts.links.add(hash_of(secret), purpose, about, store.clock.now(), lifetime)
    return secret
