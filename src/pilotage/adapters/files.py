"""Files that are complete or absent: written under a name that cannot be guessed, then renamed.

Pilotage's own files belong to its user alone, whatever the umask: folders 0700, files 0600.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import stat
from pathlib import Path
from typing import IO

from pilotage.adapters.exchange import exchanged
from pilotage.model.json import Json

_log = logging.getLogger(__name__)
_PRIVATE, _PRIVATE_FOLDER, _SHARED = 0o600, 0o700, 0o666


def write_json(path: Path, data: object) -> None:
    """Replace the file's content by JSON, as `write_durably` does."""
    write_durably(path, json.dumps(data, indent=1, sort_keys=True).encode())


def write_durably(path: Path, content: bytes, *, shared: bool = False) -> None:
    """Replace the file's content atomically; also a crash of the machine leaves the old or the new. Where a link lies,
    the link is replaced.

    shared: for others to read: it keeps the mode of the file before, or gets that of the umask.
    """
    _replace(path, content, durably=True, shared=shared)


def write_at_once(path: Path, content: bytes) -> None:
    """Replace the file's content atomically, without a wait for the disk: for what is made again after a crash of the
    machine, which may leave it torn."""
    _replace(path, content, durably=False, shared=False)


def write_over(path: Path, content: bytes) -> None:
    """As `write_at_once`; where the disk has no room for another file, over the blocks of the one that is there. Who
    watches the folder for files that are moved into it sees it either way. Raises OSError."""
    aside = path.with_name(f".{path.name}.aside")
    try:
        write_at_once(path, content)
    except OSError as error:
        if not path.exists():
            with contextlib.suppress(OSError):
                aside.rename(path)  # where an earlier one was cut off
        for half in path.parent.glob(f".{path.name}.*"):
            half.unlink(missing_ok=True)
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not _has_room_for(path, len(content)):
            raise
        with path.open("r+b") as file:
            file.write(content)
            file.truncate()
        path.rename(aside)
        aside.rename(path)


def _has_room_for(path: Path, size: int) -> bool:
    """Whether the blocks of the file are enough: half of a file would be worse than the old one."""
    with contextlib.suppress(FileNotFoundError):
        found = path.stat()
        return size <= max(found.st_size, found.st_blocks * 512)
    return False


def _replace(path: Path, content: bytes, *, durably: bool, shared: bool) -> None:
    if shared and path.exists() and not path.is_file():
        path.write_bytes(content)  # Such as /dev/stdout, which no file may take the place of.
        return
    if shared:
        path.parent.mkdir(parents=True, exist_ok=True)
    else:
        private_folder(path.parent)
    beside = _written_beside(path, content, durably=durably, shared=shared)
    try:
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def replace_if_unchanged(path: Path, before: bytes | None, content: bytes) -> bool:
    """Replace a file that others write too, as `write_durably` does for others to read, but only what holds `before`
    (None: no file). Returns False, and leaves what is there, when it is something else by now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = _written_beside(path, content, durably=True, shared=True)
    try:
        if before is None:
            with contextlib.suppress(FileExistsError):
                os.link(beside, path)
                return True
            return False
        return exchanged(beside, path, before)
    finally:
        beside.unlink(missing_ok=True)


def _written_beside(path: Path, content: bytes, *, durably: bool, shared: bool) -> Path:
    beside = path.with_name(f".{path.name[:100]}.{os.urandom(8).hex()}")
    try:
        with os.fdopen(created(beside, _SHARED if shared else _PRIVATE), "wb") as file:
            if shared and path.is_file() and not path.is_symlink():
                os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
            file.write(content)
            file.flush()
            if durably:
                os.fsync(file.fileno())
        return beside
    except BaseException as error:
        beside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # a full disk is told by a write, which knows no name
        raise


def created(path: Path, mode: int = _PRIVATE) -> int:
    """A descriptor of a new file. Whatever already has that name, a link included, is refused."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)


def private_folder(path: Path) -> Path:
    """See that the folder is there; it and the parents that are made for it are this user's alone."""
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
    return path


def open_log(path: Path) -> IO[bytes]:
    """A file to append to that only this user can read. Raises OSError, also for a link."""
    private_folder(path.parent)
    if path.is_dir() and not path.is_symlink():
        set_aside(path, "it is a folder")
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, _PRIVATE), "ab")


def read_json(path: Path) -> Json:
    """The file's content; None if there is none, or if it is not JSON. In the latter case it is set aside and the log
    says so."""
    try:
        found: Json = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError, IsADirectoryError) as error:
        set_aside(path, str(error))
        return None
    return found


def read_leniently(path: Path) -> Json:
    """The content of a file; None if it cannot be read. The file stays: another version may be able to read it."""
    try:
        found: Json = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return found


def set_aside(path: Path, why: str) -> None:
    """An unusable file of Pilotage counts as lost and is not fatal. It is kept for debugging as `NAME.unreadable`."""
    aside = path.with_name(f"{path.name}.unreadable")
    _log.warning("cannot read %s (%s): continuing without it; it is kept as %s", path, why[:200], aside.name)
    try:
        path.replace(aside)
    except OSError as error:
        _log.warning("cannot move %s aside: %s", path, error.strerror)
