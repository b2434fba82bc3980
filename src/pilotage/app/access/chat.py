"""Who a person of a chat is: the one in `people` who has the chat's name as an alias, with their account's roles.

Before anybody has an account, `people` alone decides, as it does without a server. Traffic is taken off harm for
everybody whom `people` names.
"""

from __future__ import annotations

from pilotage.app.commands import permission_for
from pilotage.app.identity.sessions import grants_of
from pilotage.app.permissions import Permission, Thing
from pilotage.app.roles import admits
from pilotage.engine.records.store import Store
from pilotage.model.access import Identity, Proof
from pilotage.model.actor import ActorKind
from pilotage.model.rollout import CommandKind


def identity_of(store: Store, name: str) -> Identity | None:
    """name: in `people`. None where nobody has an account; without roles where this person has none."""
    if store.accounts.none():
        return None
    person = store.persons.called(name)
    held = grants_of(store, person) if person is not None and person.disabled_at is None else ()
    return Identity(name=name, kind=ActorKind.PERSON, proof=Proof.CHAT, grants=held)


def refusal_of(store: Store, name: str, kind: CommandKind, service: str, environment: str) -> str:
    """Why this person may not give a command in a chat; empty where they may."""
    permission, identity = permission_for(kind), identity_of(store, name)
    if identity is None or permission is Permission.TAKE_BACK:
        return ""
    thing = Thing(service=service, environment=environment)
    refused = admits(identity, permission, thing, store.persons.custom_roles())
    return refused.sentence if refused else ""
