"""A backup of Pilotage's store as one file: a ZIP archive whose last member is the manifest.

A file is written beside its name and gets the name when it is complete. A reader trusts nothing before `verify`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from pilotage.adapters.files import created, private_folder
from pilotage.adapters.ports import AdapterError
from pilotage.model.errors import Invalid
from pilotage.model.json import WrongJson
from pilotage.model.store_backup import Manifest, NewerFormat, Part, manifest_of

_MANIFEST, _LARGEST_MANIFEST = "manifest.json", 64 * 2**20
_CHUNK = 2**20
_TABLES, _FILES = "tables/", "files/"


class BadBackup(Invalid):
    """The file is not a complete, unchanged backup that this version can restore."""


class BackupFileExists(Invalid):
    """Something with this name is already there."""


class ArchiveWriter:
    """Writes the parts of a backup, and hashes them on the way."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6)

    def table(self, name: str, lines: Iterable[bytes]) -> Part:
        return self._add(_TABLES, f"{name}.jsonl", lines)

    def file(self, name: str, content: Iterable[bytes]) -> Part:
        return self._add(_FILES, name, content)

    def finish(self, manifest: Manifest) -> None:
        self._zip.writestr(_entry(_MANIFEST), manifest.to_json())
        self._zip.close()

    def _add(self, folder: str, name: str, content: Iterable[bytes]) -> Part:
        digest, size = hashlib.sha256(), 0
        with self._zip.open(_entry(folder + name), "w", force_zip64=True) as member:
            for chunk in content:
                member.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        return Part(name=name, size=size, sha256=digest.hexdigest())


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, time.gmtime()[:6])
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o100600 << 16
    return entry


class Archive:
    """A backup to read. Raises BadBackup wherever the file is damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise BadBackup(f"{path} does not exist") from None
        except OSError as error:
            raise AdapterError(f"{path} cannot be read: {error.strerror}") from None
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            raise BadBackup(f"{path} is no backup of a store, or only a part of one") from None
        self.manifest = self._manifest()

    def close(self) -> None:
        self._zip.close()

    def verify(self) -> None:
        """Read every part and compare its size and hash with the manifest's."""
        for one in self.manifest.tables:
            self._drain(_TABLES, one.part)
        for part in self.manifest.files:
            self._drain(_FILES, part)

    def table(self, part: Part) -> Iterator[bytes]:
        """The lines of a table."""
        rest = b""
        for chunk in self._read(_TABLES, part):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
        if rest:
            raise self._damaged(part, "its last line is cut off")

    def file(self, part: Part) -> Iterator[bytes]:
        """The content of a file, in chunks."""
        return self._read(_FILES, part)

    def _drain(self, folder: str, part: Part) -> None:
        for _ in self._read(folder, part):
            pass

    def _read(self, folder: str, part: Part) -> Iterator[bytes]:
        digest, size = hashlib.sha256(), 0
        try:
            with self._zip.open(folder + part.name) as member:
                while chunk := member.read(_CHUNK):
                    size += len(chunk)
                    if size > part.size:
                        raise self._damaged(part, f"it is longer than {part.size} bytes")
                    digest.update(chunk)
                    yield chunk
        except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise self._damaged(part, str(error)) from None
        if (size, digest.hexdigest()) != (part.size, part.sha256):
            raise self._damaged(part, "its content is not what the manifest says")

    def _manifest(self) -> Manifest:
        try:
            if self._zip.getinfo(_MANIFEST).file_size > _LARGEST_MANIFEST:
                raise BadBackup(f"{self.path}: the manifest is too large")
            return manifest_of(json.loads(self._zip.read(_MANIFEST)))
        except NewerFormat as error:
            raise BadBackup(f"{self.path} was made by a newer Pilotage ({error})", cure="upgrade Pilotage") from None
        except KeyError:
            raise BadBackup(f"{self.path} is a ZIP file without {_MANIFEST}, so no backup of a store") from None
        except WrongJson as error:
            raise BadBackup(f"{self.path}: wrong manifest: {error}") from None
        except (ValueError, RecursionError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise BadBackup(f"{self.path}: the manifest is damaged: {error}") from None

    def _damaged(self, part: Part, why: str) -> BadBackup:
        return BadBackup(f"{self.path} is damaged: {part.name}: {why}", cure="use another backup")


@contextlib.contextmanager
def new_archive(path: Path) -> Iterator[IO[bytes]]:
    """A file for a new backup. It gets its name, and mode 0600, when the block ends well; otherwise nothing is left.
    Raises BackupFileExists, and OSError where it cannot be written."""
    if path.exists() or path.is_symlink():
        raise BackupFileExists(f"{path} is already there", cure="choose another name")
    private_folder(path.parent)
    _remove_cut_off(path.parent)
    beside = path.with_name(f".pilotage-{os.urandom(8).hex()}.partial")
    with os.fdopen(created(beside), "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            try:
                path.hardlink_to(beside)  # unlike a rename, never in place of another file
            except FileExistsError:
                raise BackupFileExists(f"{path} is already there", cure="choose another name") from None
        finally:
            beside.unlink(missing_ok=True)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_cut_off(folder: Path) -> None:
    """What a killed backup left: no living process has it locked."""
    for half in folder.glob(".pilotage-*.partial"):
        with contextlib.suppress(OSError), half.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            half.unlink(missing_ok=True)


def chunks_of(path: Path) -> Iterator[bytes]:
    """The content of a file of the state folder; never through a link."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
