"""Tokens of people, service accounts and CI jobs: `pilotage_pat_ID_SECRETCHECKSUM`, shown once.

The prefix says what it is for and lets scanners find one that was published by mistake; the checksum tells a typing
error from a token that is unknown.
"""

from __future__ import annotations

import hmac
import secrets
import zlib
from collections.abc import Mapping, Sequence

from pilotage.app.identity.secrets import hash_of, new_secret
from pilotage.app.identity.sessions import grants_of
from pilotage.app.roles import is_within, permissions_of
from pilotage.engine.records.persons import TokenRow
from pilotage.engine.records.store import Store
from pilotage.model.access import ANYWHERE, AccessRole, Grant, HolderKind, Identity, Proof, TokenPurpose
from pilotage.model.actor import ActorKind

_CHECKSUM = 8
_KINDS = {
    TokenPurpose.PERSONAL: ActorKind.TOKEN,
    TokenPurpose.COMMAND_LINE: ActorKind.PERSON,
    TokenPurpose.SERVICE: ActorKind.MACHINE,
    TokenPurpose.CI: ActorKind.MACHINE,
}


def issue(
    store: Store, owner: str, name: str, grants: Sequence[Grant], by: str, expires_at: float | None,
    kind: HolderKind = HolderKind.PERSON, purpose: TokenPurpose = TokenPurpose.PERSONAL,
) -> str:  # fmt: skip
    """A new token; its whole text, which is kept nowhere. grants: what it may at most."""
    if kind is HolderKind.SERVICE and purpose is TokenPurpose.PERSONAL:
        purpose = TokenPurpose.SERVICE
    identity, secret = secrets.token_hex(6), new_secret()
    store.tokens.add(
        TokenRow(
            id=identity, hash=hash_of(secret), kind=kind, owner=owner, name=name, grants=tuple(grants), created_by=by,
            created_at=store.clock.now(), expires_at=expires_at, used_at=None, used_from="", revoked_at=None,
            purpose=purpose,
        )
    )  # fmt: skip
    text = f"{purpose.prefix}{identity}_{secret}"
    return text + _checksum(text)


def is_mistyped(text: str) -> bool:
    """Whether it looks like a token and cannot be one: a character is wrong or missing."""
    return text.startswith("pilotage_") and _checksum(text[:-_CHECKSUM]) != text[-_CHECKSUM:]


def of_header(store: Store, text: str, address: str) -> Identity | None:
    """Whose token it is. None for everything that is no valid token."""
    found, now = _valid(store, text), store.clock.now()
    if found is None:
        return None
    held = _held(store, found)
    if held is None:
        return None
    store.tokens.used(found, now, address)
    grants = narrowed(found.grants, held, _custom(store, (*found.grants, *held)))
    proof = Proof.CI if found.purpose is TokenPurpose.CI else Proof.TOKEN
    return Identity(
        name=found.owner, kind=_KINDS[found.purpose], proof=proof, grants=grants, token=found.id, address=address
    )  # fmt: skip


def _valid(store: Store, text: str) -> TokenRow | None:
    prefix = next((one.prefix for one in TokenPurpose if text.startswith(one.prefix)), None)
    if prefix is None or is_mistyped(text):
        return None
    identity, _, secret = text[:-_CHECKSUM].removeprefix(prefix).partition("_")
    found = store.tokens.called(identity) if secret else None
    if found is None or found.purpose.prefix != prefix or not hmac.compare_digest(found.hash, hash_of(secret)):
        return None
    over = found.expires_at is not None and found.expires_at <= store.clock.now()
    return None if over or found.revoked_at is not None else found


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def _held(store: Store, token: TokenRow) -> tuple[Grant, ...] | None:
    """What its owner has now; None where the owner is gone or disabled. A CI job's account has what the policy of
    pilotage.yaml gave it, which the token carries."""
    if token.purpose is TokenPurpose.CI:
        return token.grants
    if token.kind is HolderKind.SERVICE:
        return store.persons.grants_of(HolderKind.SERVICE, (token.owner,))
    person = store.persons.called(token.owner)
    return None if person is None or person.disabled_at is not None else grants_of(store, person)


def _custom(store: Store, grants: Sequence[Grant]) -> Mapping[str, frozenset[str]]:
    """Read only where a role is none of the built-in ones: every request with a token comes here."""
    return store.persons.custom_roles() if any(one.role not in set(AccessRole) for one in grants) else {}


def narrowed(wanted: Sequence[Grant], held: Sequence[Grant], custom: Mapping[str, frozenset[str]]) -> tuple[Grant, ...]:
    """Of the token's grants what its owner has too: the smaller of both roles, in the part that both cover. Two custom
    roles of which neither holds the other have nothing in common here."""
    found = list[Grant]()
    for one in wanted:
        if is_within(one, held, custom):
            found.append(one)
            continue
        for has in held:
            service, environment = _both(one.service, has.service), _both(one.environment, has.environment)
            mine, theirs = permissions_of(one.role, custom), permissions_of(has.role, custom)
            if service is None or environment is None or not (mine <= theirs or theirs <= mine):
                continue
            role = one.role if mine <= theirs else has.role
            found.append(Grant(role=role, service=service, environment=environment))
    return tuple(dict.fromkeys(found))


def _both(one: str, other: str) -> str | None:
    if one == other or other == ANYWHERE:
        return one
    return other if one == ANYWHERE else None
