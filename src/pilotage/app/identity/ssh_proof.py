"""Proves in a shell who somebody is: their SSH key signs a challenge, and their account has its public half."""

from __future__ import annotations

import json
import socket

from pilotage.adapters.ssh_signatures import sign, verifies
from pilotage.app.identity.secrets import new_secret
from pilotage.app.project import Project
from pilotage.app.shell_actor import VARIABLE, login
from pilotage.model.errors import Forbidden

_CURE = f"sign in as the user who you are, unset {VARIABLE}, or make your SSH key available"


class NameNotProven(Forbidden):
    """A variable alone signs nothing here."""


def prove(project: Project, name: str) -> str:
    """The public key that proved it. Raises NameNotProven."""
    person = project.store.persons.called(name) if project.has_store else None
    said = f"{VARIABLE} says {name}, but you are logged in as {login()}, and `identity: verified` wants a proof"
    if person is None or person.disabled_at is not None or not person.ssh_keys:
        raise NameNotProven(f"{said}: {name} has no account with an SSH key", cure=_CURE)
    challenge = json.dumps(
        {"what": "pilotage shell 1", "name": name, "host": socket.gethostname(), "folder": str(project.folder),
         "at": project.clock.now(), "nonce": new_secret()}
    ).encode()  # fmt: skip
    for key in person.ssh_keys:
        signature = sign(key, challenge)
        if signature is not None and verifies(key, challenge, signature):
            return key
    raise NameNotProven(f"{said}: neither your agent nor ~/.ssh holds an SSH key of {name}", cure=_CURE)
