"""Tokens of people and of service accounts: `pilotage_pat_ID_SECRET`, shown once."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence

from pilotage.app.identity.secrets import hash_of, new_secret
from pilotage.app.identity.sessions import grants_of
from pilotage.engine.records.persons import TokenRow
from pilotage.engine.records.store import Store
from pilotage.model.access import ANYWHERE, Grant, HolderKind, Identity, Proof
from pilotage.model.actor import ActorKind

PREFIX = "pilotage_pat_"


def issue(
    store: Store, owner: str, name: str, grants: Sequence[Grant], by: str, expires_at: float | None,
    kind: HolderKind = HolderKind.PERSON,
) -> str:  # fmt: skip
    """A new token; its whole text, which is kept nowhere. grants: what it may at most."""
    identity, secret = secrets.token_hex(6), new_secret()
    store.persons.add_token(
        TokenRow(
            id=identity, hash=hash_of(secret), kind=kind, owner=owner, name=name, grants=tuple(grants), created_by=by,
            created_at=store.clock.now(), expires_at=expires_at, used_at=None, used_from="", revoked_at=None,
        )
    )  # fmt: skip
    return f"{PREFIX}{identity}_{secret}"


def of_header(store: Store, text: str, address: str) -> Identity | None:
    """Whose token it is. None for everything that is no valid token."""
    identity, _, secret = text.removeprefix(PREFIX).partition("_")
    found = store.persons.token(identity) if text.startswith(PREFIX) and secret else None
    now = store.clock.now()
    if found is None or not hmac.compare_digest(found.hash, hash_of(secret)) or found.revoked_at is not None:
        return None
    if found.expires_at is not None and found.expires_at <= now:
        return None
    held = _held(store, found)
    if held is None:
        return None
    store.persons.used_token(found.id, now, address)
    kind = ActorKind.TOKEN if found.kind is HolderKind.PERSON else ActorKind.MACHINE
    return Identity(
        name=found.owner, kind=kind, proof=Proof.TOKEN, grants=_narrowed(found.grants, held), token=found.id,
        address=address,
    )  # fmt: skip


def _held(store: Store, token: TokenRow) -> tuple[Grant, ...] | None:
    """What its owner has now; None where the owner is gone."""
    if token.kind is HolderKind.SERVICE:
        return store.persons.grants_of(HolderKind.SERVICE, (token.owner,))
    person = store.persons.called(token.owner)
    return None if person is None or person.disabled_at is not None else grants_of(store, person)


def _narrowed(wanted: Sequence[Grant], held: Sequence[Grant]) -> tuple[Grant, ...]:
    """Of the token's grants what its owner has too: the same role, in the part that both cover."""
    found = (
        Grant(role=one.role, service=service, environment=environment)
        for one in wanted for has in held
        if one.role == has.role
        and (service := _both(one.service, has.service)) is not None
        and (environment := _both(one.environment, has.environment)) is not None
    )  # fmt: skip
    return tuple(dict.fromkeys(found))


def _both(one: str, other: str) -> str | None:
    if one == other or other == ANYWHERE:
        return one
    return other if one == ANYWHERE else None
