"""The argument list of `ssh`, and the configuration file that goes before the user's own.

The file, rather than options, because `ssh` hands only the file on to the `ssh` of a jump host.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from pilotage.adapters.hosts.far_side import SHELL
from pilotage.config.hosts import HostSection

_FIRST = """\
# What holds for every connection of Pilotage; all else is up to the user's own configuration, which follows.
Host *
  BatchMode yes
  StrictHostKeyChecking yes
  UpdateHostKeys no
  ControlMaster no
  ControlPath none
  ForwardAgent no
  ForwardX11 no
  ClearAllForwardings yes
  PermitLocalCommand no
  RemoteCommand none
  ServerAliveInterval 5
  ServerAliveCountMax 3
"""
_USUAL = ("~/.ssh/config", "/etc/ssh/ssh_config")
_PREFIX = "pilotage-ssh-"


def command(name: str, section: HostSection, base: Path, *, seconds: int, log: Path) -> list[str]:
    """To run the shell of the host. base: the folder from which its relative paths start · seconds: for the connection
    to stand · log: where `ssh` writes what it does."""
    said = ["-T", "-E", str(log), "-o", "LogLevel=DEBUG1", "-o", f"ConnectTimeout={seconds}"]
    return ["ssh", *_where(section, base), *said, "--", section.address or name, SHELL]


def asking(name: str, section: HostSection, base: Path) -> list[str]:
    """To print what the configuration says of the host; connects to nothing."""
    return ["ssh", "-G", *_where(section, base), "--", section.address or name]


def known_hosts(name: str, section: HostSection, base: Path, within: float) -> str:
    """The file in which `ssh` looks for the host's key and to which people may add it; empty where that is none, such
    as /dev/null."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        command = asking(name, section, base)
        told = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=within, check=False)
        for row in told.stdout.decode(errors="replace").splitlines():
            if row.startswith("userknownhostsfile "):
                file = row.split()[1]
                return "" if file in ("none", "/dev/null") else file
    return "~/.ssh/known_hosts"


def lacking(section: HostSection, base: Path) -> str:
    """Which file that the section names cannot be read; empty if none. `ssh` passes over both without a word."""
    for setting, named in (("config_file", section.config_file), ("identity_file", section.identity_file)):
        if named is None or "%" in named or "${" in named:
            continue  # `ssh` fills these in
        path = _path(named, base)
        if not os.access(path, os.R_OK):
            state = "cannot be read" if os.path.lexists(path) else "does not exist"
            return f"{setting} names {path}, which {state}; correct the path, or leave the setting out"
    return ""


def _path(named: str, base: Path) -> str:
    return str(base / os.path.expanduser(named))  # noqa: PTH111 - pathlib raises where there is no such user


def _where(section: HostSection, base: Path) -> list[str]:
    users = (_path(section.config_file, base),) if section.config_file else _USUAL
    own = ["-F", str(_file(os.getpid(), users))]
    if section.port is not None:
        own += ["-p", str(section.port)]
    if section.user is not None:
        own += ["-l", section.user]
    if section.jump is not None:
        own += ["-J", section.jump]
    if section.identity_file is not None:
        own += ["-o", "IdentitiesOnly=yes", "-i", _path(section.identity_file, base)]
    return own


def private_folder() -> Path:
    """A folder of this process in the system's folder for temporary files, removed when the process ends."""
    return _private_folder(os.getpid())


@lru_cache(maxsize=1)
def _private_folder(pid: int) -> Path:
    _sweep()
    made = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{pid}-"))
    atexit.register(_remove, made, pid)
    return made


def _remove(folder: Path, pid: int) -> None:
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Remove what killed processes of this user left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}[0-9]*-*"):
        pid = folder.name.removeprefix(_PREFIX).split("-")[0]
        with contextlib.suppress(OSError):
            if pid.isdecimal() and folder.lstat().st_uid == os.getuid() and not _runs(int(pid)):
                shutil.rmtree(folder, ignore_errors=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@lru_cache(maxsize=64)
def _file(pid: int, users: tuple[str, ...]) -> Path:  # noqa: ARG001 - a forked process has a folder of its own
    """What is first in the file is what holds for `ssh`."""
    number, name = tempfile.mkstemp(dir=private_folder(), prefix="config-")
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(_FIRST + "".join(f'Match all\n  Include "{path}"\n' for path in users))
    return Path(name)
