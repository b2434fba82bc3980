"""Which place this is, and the home of a target: the data, without database queries."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.files import read_leniently, write_json
from pilotage.adapters.identity import pid_namespace
from pilotage.engine.placement.location import made

_log = logging.getLogger(__name__)

LEASE = 6.0
"""Seconds without a heartbeat after which a holder loses its lease."""

FIRST_NAMESPACE = "pid:[4026531836]"
"""The space of process ids that the kernel itself starts with (PROC_PID_INIT_INO): of a machine, not of a container."""

_LATELY = 2 * LEASE
"""Seconds without a heartbeat after which a worker is reported as silent."""


@dataclass(frozen=True)
class Place:
    """id: of this folder on this machine · name: for people, such as `host-a in /srv/app`."""

    id: str
    name: str


@dataclass(frozen=True)
class Home:
    """The home of a target. heard: seconds since its worker's last heartbeat, by the database's clock, None if there
    was none · is_here: whether it is this place."""

    place: Place
    heard: float | None
    is_here: bool

    @property
    def in_words(self) -> str:
        heard = "its worker has never reported" if self.heard is None else f"last reported {_ago(self.heard)} ago"
        return f"runs on {self.place.name}, {heard}"

    @property
    def is_silent(self) -> bool:
        return self.heard is None or self.heard > _LATELY


def home_as_seen(directory: Path, home: str, name: str | None, expires: float | None, now: float) -> Home:
    """A home from the store's columns. expires: of its lease, None if it was never taken · now: by the clock that
    leases use."""
    return home_seen_from(known_here(directory), home, name, expires, now)


def home_seen_from(place: str | None, home: str, name: str | None, expires: float | None, now: float) -> Home:
    """The same, as a process sees it that knows which place this is."""
    heard = None if not expires else max(0.0, now - (expires - LEASE))
    return Home(Place(home, name or home), heard, home == place)


def known_here(directory: Path) -> str | None:
    """The id of this place; None where it cannot be known, as a process that only reads may not write here."""
    with suppress(OSError):
        return here(directory).id
    return None


def here(directory: Path) -> Place:
    """This folder on this machine. A copy of it elsewhere, or at another path, is another place. Each has its own note,
    so that a container and its host, which see one folder, take nothing from each other. directory: the state's."""
    import hashlib
    import secrets
    import socket

    made(directory)
    machine, path = _machine(directory), str(directory.resolve())
    file = directory / f"place-{hashlib.sha256(f'{machine} {path}'.encode()).hexdigest()[:12]}.json"
    copy = file.with_name(f".{file.name}")
    found = _noted(file) or _noted(copy)
    if found is None:
        beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
        write_json(beside, {"id": secrets.token_hex(8), "path": path})
        if file.exists():
            beside.replace(file)  # It could not be read.
        else:
            # If several processes ask first, the first writer decides.
            with suppress(FileExistsError):
                os.link(beside, file)
            beside.unlink()
        found = _noted(file)
    _keep_both(file, copy, {"id": found, "path": path})
    project = directory.resolve().parent if directory.name == ".pilotage" else directory.resolve()
    return Place(str(found), f"{socket.gethostname()} in {project}")


def _keep_both(file: Path, copy: Path, note: dict[str, str | None]) -> None:
    """A folder that lost its note would be a stranger to all that runs in it, so there are two."""
    for one in (file, copy):
        if note["id"] and _noted(one) is None:
            try:
                write_json(one, note)
            except OSError as error:
                _log.warning("cannot write %s: %s", one, error.strerror)


def _noted(file: Path) -> str | None:
    found = read_leniently(file)
    return found["id"] if isinstance(found, dict) and isinstance(found.get("id"), str) else None


def _machine(directory: Path) -> str:
    """Names this machine. A container is replaced by another one, which continues in its volume: there the folder has
    to do, as its file system knows it."""
    if pid_namespace() in ("", FIRST_NAMESPACE):
        for file in _machine_files():
            with suppress(OSError):
                if found := file.read_text(encoding="ascii").strip():
                    return found
    with suppress(OSError):
        return f"folder {directory.stat().st_ino}"
    return "folder"


def _machine_files() -> Iterator[Path]:
    yield Path("/etc/machine-id")
    yield Path("/var/lib/dbus/machine-id")


def _ago(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
