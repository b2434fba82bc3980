"""A person's calendar as an address that calendar programs read without signing in. It shows what the person may see
now, and can change nothing."""

from __future__ import annotations

from pilotage.app.identity.secrets import hash_of, new_secret
from pilotage.app.identity.sessions import grants_of
from pilotage.engine.records import calendar_links
from pilotage.engine.records.store import Store
from pilotage.model.access import Identity, Proof
from pilotage.model.actor import ActorKind
from pilotage.model.audit import Act
from pilotage.model.errors import Forbidden

LIFETIME = 366 * 86400.0
"""Seconds until a link expires: whoever still uses it makes another one."""


class NoFeed(Forbidden):
    """Only a person has a calendar feed."""


def make_feed(store: Store, who: Identity) -> str:
    """A new secret, in place of the one before. It is shown once. Raises NoFeed."""
    if who.kind is not ActorKind.PERSON or who.token:
        what = "token" if who.token else who.kind
        raise NoFeed(f"only a person who is signed in with a browser makes a calendar feed, not a {what}")
    secret = new_secret()
    calendar_links.make(store.engine, hash_of(secret), _act(who, "make-calendar-feed"), store.clock.now(), LIFETIME)
    return secret


def revoke_feed(store: Store, who: Identity) -> bool:
    """False if there was none."""
    return calendar_links.revoke(store.engine, _act(who, "revoke-calendar-feed"), store.clock.now())


def _act(who: Identity, action: str) -> Act:
    return Act(
        actor=who.name, kind=who.kind.value, proof=who.proof.value, action=action, address=who.address,
        object=f"calendar of {who.name}",
    )  # fmt: skip


def feed_since(store: Store, who: Identity) -> tuple[float, float] | None:
    """When the person's feed was made, and when it expires; None without one."""
    return calendar_links.made_at(store.engine, who.name, store.clock.now())


def reader_of(store: Store, secret: str) -> Identity | None:
    """Whose feed it is, with the roles of now. None for an unknown, revoked or expired secret, and for a person who
    was disabled."""
    name = calendar_links.person_of(store.engine, hash_of(secret), store.clock.now())
    person = None if name is None else store.persons.called(name)
    if person is None or person.disabled_at is not None:
        return None
    return Identity(
        name=person.name, kind=ActorKind.PERSON, proof=Proof.TOKEN, grants=grants_of(store, person),
        groups=person.groups,
    )  # fmt: skip
