"""How a program is started: as which user, and within which limits. `launcher` does it."""

from __future__ import annotations

import json
import os
import pwd
import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pilotage.adapters import launcher
from pilotage.adapters.ports import AdapterError

_LIMITS = {"open_files": "NOFILE", "memory": "AS", "processes": "NPROC", "core": "CORE"}
"""Names in the configuration, and those of `resource`."""


@dataclass(frozen=True, kw_only=True)
class Launch:
    """user: a name; empty for that of this process · limits: by their names in the configuration; -1 for none."""

    user: str = ""
    limits: Mapping[str, int] = field(default_factory=dict)

    def command(self, command: Sequence[str]) -> list[str]:
        """The command with what sets user and limits before it. Raises AdapterError for an unknown user."""
        if not self.user and not self.limits:
            return list(command)
        limits = {_LIMITS[name]: value for name, value in self.limits.items()}
        wanted = json.dumps({"limits": limits, "user": self._who()})
        return [sys.executable, "-I", "-S", launcher.__file__, wanted, "--", *command]

    def environment(self) -> dict[str, str]:
        """Variables that name the user; empty where it stays the same."""
        if not self.user:
            return {}
        found = _account(self.user)
        return {"USER": found.pw_name, "LOGNAME": found.pw_name, "HOME": found.pw_dir, "SHELL": found.pw_shell}

    def _who(self) -> tuple[int, int, list[int]] | None:
        if not self.user:
            return None
        found = _account(self.user)
        if found.pw_uid == os.geteuid():
            return None
        return found.pw_uid, found.pw_gid, os.getgrouplist(found.pw_name, found.pw_gid)

    def lacks(self) -> str:
        """Why this user or these limits cannot be had here; empty where they can."""
        return self._no_user() or self._no_limit()

    def _no_user(self) -> str:
        if not self.user:
            return ""
        try:
            found = _account(self.user)
        except AdapterError as error:
            return f"{error}: create the user, or correct fleet.user"
        if os.geteuid() in (0, found.pw_uid):
            return ""
        me = _name_of(os.geteuid())
        refused = f"only root can start programs as {self.user}, and Pilotage runs as {me}"
        return f"{refused}: remove fleet.user, or run Pilotage as root"

    def _no_limit(self) -> str:
        for name, value in self.limits.items():
            hard = resource.getrlimit(getattr(resource, f"RLIMIT_{_LIMITS[name]}"))[1]
            if hard != resource.RLIM_INFINITY and not 0 <= value <= hard and os.geteuid() != 0:
                most = f"the hard limit of this process is {hard}, and only root can raise it"
                return f"fleet.limits.{name} is {value if value >= 0 else 'unlimited'}: {most}. Use {hard} or less"
        return ""


def may_execute(file: Path, user: str) -> bool:
    """Whether the user may execute the file, by its mode; for the user of this process, by the kernel's answer."""
    if not user or not file.exists():
        return os.access(file, os.X_OK)
    try:
        found = _account(user)
    except AdapterError:
        return True  # said elsewhere
    if found.pw_uid == os.geteuid():
        return os.access(file, os.X_OK)
    mode, groups = file.stat(), os.getgrouplist(found.pw_name, found.pw_gid)
    if found.pw_uid == 0:
        return bool(mode.st_mode & 0o111)
    if mode.st_uid == found.pw_uid:
        return bool(mode.st_mode & 0o100)
    return bool(mode.st_mode & (0o010 if mode.st_gid in groups else 0o001))


def _account(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise AdapterError(f"there is no user {user!r} on this machine") from None


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
