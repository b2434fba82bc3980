"""Signs a command line in: it shows a code, a person compares it in a browser and says yes, and it gets a token.

The token can do what the person can do when they say yes, for 90 days, and never more than they can do at the moment of
use. It exists nowhere but in the answer to the command line that asked.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from pilotage.app import auditing
from pilotage.app.identity import tokens
from pilotage.app.identity.secrets import hash_of, new_secret
from pilotage.app.identity.sessions import grants_of
from pilotage.engine.records.device_logins import DeviceLogin
from pilotage.engine.records.store import Store
from pilotage.model.access import Identity, Proof, TokenPurpose
from pilotage.model.actor import ActorKind
from pilotage.model.errors import Conflict, Forbidden, PilotageError
from pilotage.model.text import line

LIFETIME = 600.0
"""Seconds for which a code counts."""
_TOKEN_LIFETIME = 90 * 86400.0
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels: no code is a word (RFC 8628, section 6.1)."""


class NoSuchLogin(PilotageError):
    """This code or secret belongs to no command line that waits."""

    exit_status, http_status = 2, 404


class NotApproved(Conflict):
    """Nobody has said yes yet."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What the command line gets: the secret to ask with, and the code to show."""

    secret: str
    code: str


def ask(store: Store, host: str) -> Asking:
    """host: what the command line says of its machine. Raises TooManyLogins."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    made = Asking(secret=new_secret(), code=f"{letters[:4]}-{letters[4:]}")
    store.device_logins.ask(hash_of(made.secret), made.code, line(host, 100), store.clock.now(), LIFETIME)
    return made


def waiting(store: Store, code: str) -> DeviceLogin:
    """Raises NoSuchLogin."""
    found = store.device_logins.coded(code.strip().upper(), store.clock.now())
    if found is None:
        raise NoSuchLogin("no command line waits with this code", cure="run `pilotage login` again")
    return found


def allow(store: Store, identity: Identity, code: str) -> DeviceLogin:
    """A person says yes. Raises NoSuchLogin, Forbidden for machines and tokens."""
    if identity.kind is not ActorKind.PERSON or identity.token:
        raise Forbidden("only a person who is signed in with a browser can sign a command line in")
    login = waiting(store, code)
    if not store.device_logins.approve(login, identity.name, identity.proof.value, store.clock.now()):
        raise NoSuchLogin("this command line does not wait any more", cure="run `pilotage login` again")
    return login


def deny(store: Store, code: str) -> None:
    store.device_logins.withdraw(waiting(store, code), store.clock.now())


def token_of(store: Store, secret: str, address: str = "") -> str:
    """The token, once. Raises NotApproved, NoSuchLogin."""
    now = store.clock.now()
    try:
        login = store.device_logins.take(hash_of(secret), now)
    except KeyError:
        raise NoSuchLogin("this login was refused or is over", cure="run `pilotage login` again") from None
    if login is None:
        raise NotApproved("nobody has said yes yet")
    person = store.persons.called(login.approved_by)
    if person is None or person.disabled_at is not None:
        raise NoSuchLogin("whoever said yes has no account any more")
    held = grants_of(store, person)
    name = f"command line on {login.host}"
    with auditing.signing_in(person.name, Proof(login.proof) if login.proof else Proof.LINK, address):
        return tokens.issue(
            store, person.name, name, held, person.name, now + _TOKEN_LIFETIME, purpose=TokenPurpose.COMMAND_LINE
        )  # fmt: skip
