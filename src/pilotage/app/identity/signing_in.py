"""Signing in by name and password, then by a code where the person has one."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.app.auditing import failed_login
from pilotage.app.identity import passwords, throttle
from pilotage.app.identity.password_rules import refuse_weak
from pilotage.engine.records.persons import Person
from pilotage.engine.records.store import Store
from pilotage.model.access import Proof
from pilotage.model.errors import Forbidden, Invalid


class WrongCredentials(Forbidden):
    """Name and password do not belong together, or the account cannot sign in this way. One answer for all cases."""

    http_status = 401


@dataclass(frozen=True, kw_only=True)
class Came:
    """Where an attempt comes from. browser: its id, where it signed in as this person before."""

    address: str
    browser: str = ""


def by_password(store: Store, name: str, password: str, came: Came, *, emergency_only: bool) -> Person:
    """The person, who may still need a code (`person.totp`). Raises WrongCredentials, TooOften, Busy."""
    made = throttle.attempt("password", name, came.address, came.browser)
    throttle.begin(store, made)
    person = store.persons.called(name)
    right = passwords.matches(person.password if person else None, password)
    if person is None or not right or person.disabled_at is not None or (emergency_only and not person.emergency):
        failed_login(store, name, Proof.PASSWORD, came.address, "wrong name or password, or no account for it")
        raise WrongCredentials("name and password do not belong together")
    throttle.succeed(store, made)
    if person.password and passwords.outdated(person.password):
        store.accounts.set_password(person.id, passwords.hash_password(password))
    return person


def change_password(store: Store, person: Person, current: str, new: str, again: str, came: Came) -> None:
    """current: nothing for who has none yet. Raises WrongCredentials, TooOften, WeakPassword, Busy."""
    if new != again:
        raise Invalid("the two new passwords are different")
    refuse_weak(new, (person.name, person.email))
    if person.password is not None:
        made = throttle.attempt("password", person.name, came.address, came.browser)
        throttle.begin(store, made)
        if not passwords.matches(person.password, current):
            failed_login(store, person.name, Proof.PASSWORD, came.address, "wrong present password")
            raise WrongCredentials("the present password is another one")
        throttle.succeed(store, made)
    store.accounts.set_password(person.id, passwords.hash_password(new))
