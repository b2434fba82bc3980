"""Where the store is; apart from it, so that asking costs nothing."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

DATABASE = "PILOTAGE_DATABASE"
"""Environment variable with the URL of a PostgreSQL, such as postgresql+psycopg://user@host/pilotage; unset, a file."""


def made(directory: Path) -> Path:
    """The state's folder, which only this user can enter and git ignores, so that its content is not committed by
    accident."""
    if not directory.exists():
        from pilotage.adapters.files import private_folder

        private_folder(directory)
        _mark_of(directory).write_text("*\n", encoding="utf-8")
        _mark_of(directory).chmod(0o600)
    elif _mark_of(directory).exists():
        # An earlier Pilotage let everyone in. A folder that it did not make keeps its mode.
        make_private(directory, 0o700)
    return directory


def _mark_of(directory: Path) -> Path:
    return directory / ".gitignore"


def make_private(path: Path, mode: int = 0o600) -> None:
    """Take what others may do with it away, where it is this user's own."""
    with suppress(OSError):
        found = path.stat()
        if found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) & 0o077 and not found.st_mode & stat.S_ISVTX:
            path.chmod(mode)


def make_store_private(file: Path) -> None:
    """The same of a store's file and of those that SQLite keeps next to it."""
    for name in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
        make_private(name)


def database_url(directory: Path) -> str:
    return os.environ.get(DATABASE) or f"sqlite:///{directory / 'pilotage.sqlite'}"


def place_of(directory: Path, service: str, environment: str) -> Path:
    """Where the target's own files are. directory: the state's."""
    return directory / "run" / f"{service}-{environment}"


def folder_of_router(name: str) -> str:
    """The folder of a router in its target's; name: of one of several, empty for the only one."""
    return f"router-{name}" if name else "router"


def router_folders(place: Path) -> list[Path]:
    """The folder of every router that a target has or had. place: the target's."""
    return sorted(path for path in place.glob("router*") if path.name == "router" or path.name.startswith("router-"))


def router_runs(directory: Path, service: str, environment: str) -> bool:
    """Whether a router of this target runs here. Writes nothing."""
    folders = router_folders(place_of(directory, service, environment))
    if not folders:
        return False
    from pilotage.adapters.routers.found import found_routers

    return any(router.runs() for router in found_routers(folders))
