"""Who types in a shell: the operating system's user, or whoever PILOTAGE_ACTOR names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pilotage.app.permissions import Permission
from pilotage.model.access import Proof

if TYPE_CHECKING:
    from pilotage.app.project import Project

VARIABLE = "PILOTAGE_ACTOR"
_UNSIGNED = frozenset({Permission.READ, Permission.PLAN, Permission.READ_AUDIT})
"""What needs no proof: nothing is recorded under the name."""


def actor() -> str:
    return os.environ.get(VARIABLE) or login()


def login() -> str:
    """The user of this process, as the kernel knows it; no variable changes it."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


def proof(project: Project) -> Proof:
    """How the actor of a shell was proven so far."""
    if actor() == login():
        return Proof.SHELL
    return Proof.SSH_KEY if actor() in _proven(project) else Proof.VARIABLE


def require(project: Project, name: str, permission: Permission) -> None:
    """With `identity: verified`: whoever acts under another name than the login proves it with an SSH key. Raises
    NameNotProven."""
    if permission in _UNSIGNED or name == login() or name in _proven(project) or not _verified(project):
        return
    from pilotage.app.identity.ssh_proof import prove

    prove(project, name)
    _proven(project).add(name)


def _verified(project: Project) -> bool:
    """If the configuration cannot be read, nobody is kept from stopping a rollout."""
    from pilotage.config.yaml_reader import ConfigError

    try:
        return project.whole.configuration.identity == "verified"
    except ConfigError:
        return False


def _proven(project: Project) -> set[str]:
    """Names that were proven in this process."""
    found: set[str] = project.__dict__.setdefault("_proven", set())
    return found
