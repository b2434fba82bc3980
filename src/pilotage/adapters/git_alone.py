"""How git is started so that nothing but the commits decides what it says, and nothing of a repository runs a program.

A clone's configuration can name programs: a file system monitor, hooks, how to reach a remote. `UNARMED` and `quiet`
switch them off, and the network with them. `Objects` goes further: git sees the objects of the repository and an empty
configuration, for its folder is one that Pilotage ships. There are no attributes of a work tree, of `info/attributes`
or of the machine, no `.mailmap` of a work tree, no replaced objects and no remote to fetch from.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

UNARMED = (
    "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.attributesFile=/dev/null", "core.pager=cat",
    "diff.external=", "protocol.ext.allow=never", "gpg.program=false", "gpg.ssh.program=false",
    "gpg.x509.program=false", "core.alternateRefsCommand=false", "gc.auto=0", "maintenance.auto=false",
)  # fmt: skip
"""Settings for every call of git that need not reach anybody."""

PATIENCE = 300.0
"""Seconds that one call of git may take."""

_SHIPPED = Path(__file__).parent / "bare_repository"

_KEPT = ("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")
"""Where a hook finds the objects that are being pushed."""


_QUIET = {
    "GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull, "GIT_ATTR_NOSYSTEM": "1", "LC_ALL": "C",
}  # fmt: skip


def quiet() -> Mapping[str, str]:
    """The environment for a repository with its own configuration: no network, no terminal, no replaced objects."""
    return {**os.environ, **_QUIET}


@dataclass(frozen=True, kw_only=True)
class Objects:
    """The objects of a repository. folder: where they are · shallow: the file that says where a shallow clone ends ·
    kind: `sha1` or `sha256`."""

    folder: str
    shallow: str
    kind: str

    def environment(self) -> Mapping[str, str]:
        mine = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT}
        found = {
            **mine, **_QUIET, "GIT_DIR": str(_SHIPPED / self.kind), "GIT_OBJECT_DIRECTORY": self.folder,
            "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
        }  # fmt: skip
        if Path(self.shallow).exists():
            found["GIT_SHALLOW_FILE"] = self.shallow
        return found
