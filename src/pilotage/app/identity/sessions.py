"""Sessions of browsers: a random secret in a cookie, its hash in the store, roles read again at each request."""

from __future__ import annotations

from pilotage.app import auditing
from pilotage.app.identity.secrets import hash_of, new_secret
from pilotage.engine.records.persons import Person, SessionRow
from pilotage.engine.records.store import Store
from pilotage.model.access import Grant, HolderKind, Identity, Proof
from pilotage.model.actor import ActorKind

LIFETIME = 12 * 3600.0
"""Seconds until a person signs in again."""
IDLE = 4 * 3600.0
"""Seconds without a request after which a session ends."""
_AHEAD = 300.0
"""Seconds by which a clock may be set back before the sessions that began later than now are over."""
FRESH = 15 * 60.0
"""Seconds after signing in within which a person may change how they sign in."""


def begin(store: Store, person: Person, proof: Proof, address: str, agent: str) -> str:
    """A new session; its secret, which is shown to nobody but the browser."""
    secret, now = new_secret(), store.clock.now()
    store.accounts.prune_sessions(now)
    session = SessionRow(
        hash=hash_of(secret), person=person.id, proof=proof, created_at=now, seen_at=now,
        expires_at=now + LIFETIME, address=address, agent=agent[:200],
    )  # fmt: skip
    with auditing.signing_in(person.name, proof, address):
        store.persons.begin_session(session)
    return secret


def of_cookie(store: Store, secret: str, address: str) -> Identity | None:
    """Who holds it. None where it has expired, was not used for long, was ended, or belongs to a disabled person."""
    now = store.clock.now()
    session = _valid(store, secret, now)
    person = None if session is None else store.persons.numbered(session.person)
    if session is None or person is None or person.disabled_at is not None:
        return None
    store.accounts.saw(session, now)
    return Identity(
        name=person.name, kind=ActorKind.PERSON, proof=session.proof, grants=grants_of(store, person),
        groups=person.groups, address=address,
    )  # fmt: skip


def row_of(store: Store, secret: str) -> SessionRow | None:
    """The session of a cookie, if it is valid."""
    return _valid(store, secret, store.clock.now()) if secret else None


def grants_of(store: Store, person: Person) -> tuple[Grant, ...]:
    """A person's own roles and those of their groups, as of now."""
    own = store.persons.grants_of(HolderKind.PERSON, (person.name,))
    return (*own, *store.persons.grants_of(HolderKind.GROUP, person.groups)) if person.groups else own


def _valid(store: Store, secret: str, now: float) -> SessionRow | None:
    found = store.persons.session(hash_of(secret), now)
    if found is None or found.seen_at < now - IDLE or found.created_at > now + _AHEAD:
        return None
    return found
