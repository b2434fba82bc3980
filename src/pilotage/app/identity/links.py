"""One-time links that make an account or give it a new password."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from pilotage.app import auditing
from pilotage.app.access.grants_asked import checked
from pilotage.app.access.roles import may_everything, refuse_more, refuse_over
from pilotage.app.identity.password_rules import refuse_weak
from pilotage.app.identity.passwords import hash_password
from pilotage.app.identity.secrets import hash_of, new_secret
from pilotage.app.identity.sessions import grants_of
from pilotage.app.permissions import People, Permission, Thing
from pilotage.app.project import Project
from pilotage.app.roles import is_within
from pilotage.engine.records import audit
from pilotage.engine.records.links import Link, LinkPurpose, NewAccount
from pilotage.engine.records.persons import NameTaken, Person
from pilotage.engine.records.store import Store
from pilotage.model.access import AccessRole, Grant
from pilotage.model.actor import ActorKind
from pilotage.model.errors import Conflict, Forbidden, Invalid, PilotageError
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


class NoSuchLink(PilotageError):
    """No invitation with this id is open."""

    exit_status, http_status = 2, 404


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
    if wanted.emergency and not may_everything(project):
        raise Forbidden("only somebody who may do everything makes an emergency account")
    vouched = bool(wanted.name) and may_everything(project)
    if wanted.name and not vouched and project.people.owner_of(wanted.name):
        raise Forbidden(f"{wanted.name} is in `people` of pilotage.yaml: only an admin invites somebody by this name")
    if wanted.name:
        refuse_bad_name(wanted.name)
        if project.store.persons.called(wanted.name) is not None:
            raise NameTaken(f"there is a person called {wanted.name!r} already")
    if wanted.email and not _MAIL.fullmatch(wanted.email):
        raise BadName(f"{wanted.email!r} is no mail address such as ada@example.org")
    about: JsonObject = {
        "name": wanted.name, "email": wanted.email, "emergency": wanted.emergency, "by": project.actor,
        "vouched": vouched, "on_server": _by_account(project),
        "grants": [
            {"role": one.role, "service": one.service, "environment": one.environment} for one in wanted.grants
        ],
    }  # fmt: skip
    _audit(project, "invite", wanted.name, {"email": wanted.email, "grants": [str(one) for one in wanted.grants]})
    return _made(project.store, LinkPurpose.INVITATION, about, INVITATION_LIFETIME)


def recover(project: Project, name: str, *, emergency: bool = False) -> str:
    """The secret of a link that sets a new password; until it is used, nothing changes. Raises
    UnknownPerson, and Forbidden where that would give somebody more than they have."""
    project.require(project.actor, Permission.MANAGE_PEOPLE)
    person = called(project.store, name)
    refuse_over(project, person)
    if emergency and not may_everything(project):
        raise Forbidden("only somebody who may do everything makes an emergency account")
    about: JsonObject = {
        "name": person.name, "emergency": emergency, "by": project.actor, "on_server": _by_account(project),
        "vouched": may_everything(project),
        "held": [one.text for one in grants_of(project.store, person)],
    }  # fmt: skip
    _audit(project, "recover", person.name, {})
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
        raise LinkOver(_OVER, cure="ask for a new one")
    if found.purpose is LinkPurpose.RECOVERY:
        person = store.persons.called(str(found.about.get("name", "")))
        if person is not None and person.disabled_at is not None and person.disabled_at >= found.created_at:
            raise LinkOver("the account was closed after this link was made", cure="ask for a new one")
    return found


def redeem(store: Store, people: People, secret: str, name: str, password: str, address: str = "") -> Person:
    """Make the account, or set its password, and use the link. name: where the person chooses it · people: of the
    configuration. Raises LinkOver, BadName, NameTaken, WeakPassword; only then the link remains."""
    link, now = look_up(store, secret), store.clock.now()
    about = link.about
    chosen = str(about.get("name") or name.strip())
    refuse_bad_name(chosen)
    if link.purpose is not LinkPurpose.OWNER and not about.get("vouched"):
        refuse_name_of(people, chosen)
    _still_given(store, link, chosen, vouched=bool(people.owner_of(chosen)))
    refuse_weak(password, (chosen, str(about.get("email", ""))))
    hashed = hash_password(password)
    with auditing.by_link(chosen, _DONE[link.purpose], str(about.get("by", "")), address):
        if link.purpose is LinkPurpose.RECOVERY:
            emergency = bool(about.get("emergency"))
            used = store.accounts.links.set_password(link.hash, now, chosen, hashed, emergency=emergency)
        else:
            used = store.accounts.links.make_account(link.hash, now, _account(link, chosen, hashed))
    if not used:
        raise LinkOver(_OVER, cure="ask for a new one")
    return called(store, chosen)


_OVER = "this link was used, replaced or is too old"
_DONE = {
    LinkPurpose.OWNER: "make-owner", LinkPurpose.INVITATION: "accept-invitation",
    LinkPurpose.RECOVERY: "recover-account",
}  # fmt: skip


def _still_given(store: Store, link: Link, name: str, *, vouched: bool) -> None:
    """A link gives no more than who made it could give: not after their account was closed, and no way into an account
    that has got more roles since. vouched: whether only an admin may hand the name on. Raises LinkOver."""
    about = link.about
    if not about.get("on_server"):
        return
    maker = store.persons.called(str(about.get("by", "")))
    if maker is None or maker.disabled_at is not None:
        raise LinkOver("whoever made this link has no account any more", cure="ask for a new one")
    held, custom = grants_of(store, maker), store.persons.custom_roles()
    admin = (Grant(role=AccessRole.ADMIN),) if vouched else ()
    if not all(is_within(one, held, custom) for one in (*granted(link), *admin)):
        raise LinkOver("whoever made this link has fewer roles now than it gives", cure="ask for a new one")
    if link.purpose is LinkPurpose.RECOVERY:
        given = about.get("held")
        known = set(given) if isinstance(given, list) else set()
        if any(one.text not in known for one in grants_of(store, called(store, name))):
            raise LinkOver(f"{name} has got more roles since this link was made", cure="ask for a new one")


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A link that was made and not used yet. id: the begin of its hash · name: empty where the person chooses it."""

    id: str
    purpose: LinkPurpose
    name: str
    email: str
    by: str
    grants: tuple[Grant, ...]
    created_at: float
    expires_at: float


def pending(project: Project) -> tuple[Pending, ...]:
    """Invitations and links for new passwords that still work, newest first. Raises Forbidden."""
    project.require(project.actor, Permission.MANAGE_PEOPLE)
    found = project.store.accounts.links.pending(project.clock.now())
    return tuple(_pending(one) for one in found)


def _pending(link: Link) -> Pending:
    about = link.about
    return Pending(
        id=link.hash[:16], purpose=link.purpose, name=str(about.get("name", "")), email=str(about.get("email", "")),
        by=str(about.get("by", "")), grants=granted(link), created_at=link.created_at, expires_at=link.expires_at,
    )  # fmt: skip


def withdraw(project: Project, identity: str) -> Pending:
    """A link works no more. Nobody takes back what they could not give. Raises Forbidden, NoSuchLink."""
    project.require(project.actor, Permission.MANAGE_PEOPLE)
    links = project.store.accounts.links
    link = next((one for one in links.pending(project.clock.now()) if one.hash[:16] == identity), None)
    if link is None:
        raise NoSuchLink(f"no invitation {identity[:40]!r} is open; `pilotage user invitations` lists them")
    for grant in granted(link):
        refuse_more(project, grant)
    links.withdraw(link.hash, project.clock.now())
    _audit(project, "withdraw-invitation", str(link.about.get("name", "")), {})
    return _pending(link)


def _by_account(project: Project) -> bool:
    """Whether a person makes the link by their account; not in the shell, nor a service account."""
    return project.identity is not None and project.identity.kind is not ActorKind.MACHINE


def _audit(project: Project, action: str, name: str, after: JsonObject) -> None:
    """Links are no part of the log, so it is said here who made or withdrew one."""
    act = auditing.act_of(project, project.actor, Permission.MANAGE_PEOPLE, Thing(service=""))
    said = replace(act, action=action, object=name or "(a name that the guest chooses)")
    audit.write(project.store.engine, said, project.clock.now(), after={"links": [after]} if after else None)


def refuse_name_of(people: People, name: str, or_else: str = "") -> None:
    """The names of `people` carry roles in the release process, so nobody takes one by joining. or_else: what an admin
    may do instead of an invitation. Raises BadName."""
    if owner := people.owner_of(name):
        raise BadName(
            f"{name} is a name of {owner} in `people` of pilotage.yaml",
            cure=f"if that is you, let an admin invite {owner} by name" + f", or {or_else}" * bool(or_else),
        )


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
    return NewAccount(
        name=name, password=password, email=str(about.get("email", "")), emergency=bool(about.get("emergency")),
        grants=granted(link), by=str(about.get("by", "")),
    )  # fmt: skip


def granted(link: Link) -> tuple[Grant, ...]:
    given = link.about.get("grants")
    return tuple(
        Grant(role=str(one["role"]), service=str(one["service"]), environment=str(one["environment"]))
        for one in (given if isinstance(given, list) else ()) if isinstance(one, dict)
    )  # fmt: skip


def _made(store: Store, purpose: LinkPurpose, about: JsonObject, lifetime: float) -> str:
    secret = new_secret()
    store.accounts.links.add(hash_of(secret), purpose, about, store.clock.now(), lifetime)
    return secret
