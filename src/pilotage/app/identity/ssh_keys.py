"""Public SSH keys of people, with which they prove in a shell who they are."""

from __future__ import annotations

from pilotage.adapters.ssh_signatures import TYPES, public_key
from pilotage.app.access.roles import refuse_over
from pilotage.app.identity.links import called
from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.engine.records.persons import Person
from pilotage.engine.records.store import Store
from pilotage.model.errors import Invalid

MOST = 20


class BadSshKey(Invalid):
    """A line is no public key of OpenSSH."""


def keys_in(text: str) -> tuple[str, ...]:
    """A key a line, as in `~/.ssh/id_ed25519.pub`; empty lines and comments are left out. Raises BadSshKey."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    found = [(line, public_key(line)) for line in lines]
    if wrong := next((line for line, key in found if key is None), ""):
        raise BadSshKey(f"{wrong[:60]!r} is no public key of OpenSSH: a line begins with {', '.join(TYPES[:3])} …")
    keys = tuple(dict.fromkeys(key for _, key in found if key is not None))
    if len(keys) > MOST:
        raise BadSshKey(f"{len(keys)} keys; at most {MOST} are kept")
    return keys


def keep(store: Store, person: Person, text: str) -> None:
    """These, in place of all that there were. Raises BadSshKey."""
    store.accounts.set_ssh_keys(person.id, keys_in(text))


def keep_in_shell(project: Project, name: str, text: str) -> int:
    """The same, by whoever manages people; how many. Raises BadSshKey, UnknownPerson, Forbidden."""
    project.require(project.actor, Permission.MANAGE_PEOPLE)
    person = called(project.store, name)
    refuse_over(project, person)
    keep(project.store, person, text)
    return len(keys_in(text))
