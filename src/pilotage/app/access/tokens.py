"""Makes, lists and revokes tokens. Nobody makes a token that may do more than they may themselves."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from pilotage.app import auditing
from pilotage.app.identity import tokens
from pilotage.app.identity.sessions import grants_of
from pilotage.app.permissions import Permission, Thing
from pilotage.app.project import Project
from pilotage.app.roles import is_within
from pilotage.engine.records.persons import TokenRow
from pilotage.model.access import Grant, HolderKind, TokenPurpose
from pilotage.model.actor import ActorKind
from pilotage.model.errors import Forbidden, Invalid, PilotageError
from pilotage.model.text import line

DAYS = 90
MOST_DAYS = 366
_DAY = 86400.0
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class BadToken(Invalid):
    """The request for a token is not complete. The message says what is missing."""


class NoSuchToken(PilotageError):
    """There is no token with this id, or it is not yours."""

    exit_status, http_status = 2, 404


@dataclass(frozen=True, kw_only=True)
class TokenRequest:
    """name: what it is for · grants: what it may at most; empty for all that its maker may · days: until it expires."""

    name: str
    grants: tuple[Grant, ...] = ()
    days: int = DAYS


@dataclass(frozen=True, kw_only=True)
class Made:
    """text: the token, which is kept nowhere."""

    text: str
    row: TokenRow


def create(project: Project, actor: str, request: TokenRequest) -> Made:
    """A personal token of the actor. Raises BadToken, Forbidden."""
    identity = project.identity
    if identity is not None and identity.kind is not ActorKind.PERSON:
        raise Forbidden("only a person who is signed in makes personal tokens; a token or a CI job makes none")
    person = project.store.persons.called(actor)
    if person is None or person.disabled_at is not None:
        raise BadToken(f"nobody called {actor!r} has an account")
    grants = request.grants or (identity.grants if identity else grants_of(project.store, person))
    auditing.begin_as(project, actor, "create-token", Thing(service=""))
    return _make(project, actor, HolderKind.PERSON, actor, replace(request, grants=grants))


def create_for(project: Project, actor: str, owner: str, request: TokenRequest) -> Made:
    """A token of somebody else, in the shell of the server's machine, where there are no roles. Raises Forbidden on a
    server: a token acts with its owner's name."""
    if project.identity is not None:
        raise Forbidden(f"a token acts as its owner: only {owner} makes one of {owner}")
    auditing.begin_as(project, actor, "create-token", Thing(service=""))
    person = project.store.persons.called(owner)
    if person is None or person.disabled_at is not None:
        raise BadToken(f"nobody called {owner!r} has an account")
    grants = request.grants or grants_of(project.store, person)
    return _make(project, actor, HolderKind.PERSON, owner, replace(request, grants=grants))


def create_for_service(project: Project, actor: str, account: str, request: TokenRequest) -> Made:
    """A token of a service account. It may what the account may, and what the token may. Raises BadToken, Forbidden."""
    project.require(actor, Permission.MANAGE_TOKENS)
    if not _NAME.fullmatch(account):
        raise BadToken(f"a service account is named with a-z, 0-9, dots and hyphens, not {account!r}")
    held = project.store.persons.grants_of(HolderKind.SERVICE, (account,))
    if not held:
        raise BadToken(f"{account} has no role yet: give it one first, or its tokens may do nothing")
    grants = request.grants or held
    return _make(
        project, actor, HolderKind.SERVICE, account, replace(request, grants=grants)
    )  # fmt: skip


def _make(project: Project, actor: str, kind: HolderKind, owner: str, request: TokenRequest) -> Made:
    name = line(request.name, 100).strip()
    if not name:
        raise BadToken("say what the token is for: the name is what you know it by when you revoke it")
    if not 1 <= request.days <= MOST_DAYS:
        raise BadToken(f"a token lasts 1 to {MOST_DAYS} days, not {request.days}")
    if not request.grants:
        raise BadToken("you have no role, so a token of yours could do nothing")
    _within_maker(project, request.grants)
    purpose = TokenPurpose.SERVICE if kind is HolderKind.SERVICE else TokenPurpose.PERSONAL
    expires = _no_later_than_maker(project, project.clock.now() + request.days * _DAY)
    text = tokens.issue(project.store, owner, name, request.grants, actor, expires, kind, purpose)
    row = project.store.tokens.called(text.removeprefix(purpose.prefix).partition("_")[0])
    assert row is not None
    return Made(text=text, row=row)


def _within_maker(project: Project, grants: Sequence[Grant]) -> None:
    """Raises Forbidden."""
    if project.identity is None:
        return
    custom = project.store.persons.custom_roles()
    for grant in grants:
        if not is_within(grant, project.identity.grants, custom):
            has = ", ".join(map(str, project.identity.grants)) or "no role"
            raise Forbidden(f"you cannot make a token with {grant}: you have {has}")


def _no_later_than_maker(project: Project, expires: float) -> float:
    """What a token makes lasts no longer than itself."""
    own = project.store.tokens.called(project.identity.token) if project.identity and project.identity.token else None
    return min(expires, own.expires_at) if own is not None and own.expires_at is not None else expires


# ── lists and ends ─────────────────────────────────────────────────────────────────────────────────────────


def mine(project: Project, actor: str) -> tuple[TokenRow, ...]:
    """Those of the actor, newest first."""
    return project.store.tokens.listed(owner=actor, kind=HolderKind.PERSON)


def of_services(project: Project, actor: str) -> tuple[TokenRow, ...]:
    """Those of service accounts. Raises Forbidden."""
    project.require(actor, Permission.MANAGE_TOKENS)
    return project.store.tokens.listed(kind=HolderKind.SERVICE)


def everyones(project: Project, actor: str) -> tuple[TokenRow, ...]:
    """Raises Forbidden."""
    project.require(actor, Permission.MANAGE_TOKENS)
    return project.store.tokens.listed()


def revoke(project: Project, actor: str, identity: str) -> TokenRow:
    """Dead at once. One's own, or any with MANAGE_TOKENS. Raises NoSuchToken, Forbidden."""
    found = project.store.tokens.called(identity)
    own = found is not None and (found.kind, found.owner) == (HolderKind.PERSON, actor)
    if own:
        auditing.begin_as(project, actor, "revoke-token", Thing(service=""))
    else:
        project.require(actor, Permission.MANAGE_TOKENS)
    if found is None:
        raise NoSuchToken(f"there is no token {identity!r}")
    project.store.tokens.revoke([identity], project.clock.now())
    return found


def revoke_all(project: Project, actor: str, owner: str, kind: HolderKind = HolderKind.PERSON) -> int:
    """All of a person, or of a service account; how many worked until now. Raises Forbidden."""
    if project.identity is None or (kind, owner) != (HolderKind.PERSON, actor):
        project.require(actor, Permission.MANAGE_TOKENS)
    else:
        auditing.begin_as(project, actor, "revoke-token", Thing(service=""))
    return _revoke(project, [one.id for one in project.store.tokens.listed(owner=owner, kind=kind)])


def _revoke(project: Project, identities: Collection[str]) -> int:
    return project.store.tokens.revoke(identities, project.clock.now()) if identities else 0
