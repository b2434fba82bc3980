"""Makes one plain archive of what a release comes as: a tar of any usual compression, a zip, or a single file.

It is read here, member by member, before any host sees it. What could write outside of its own folder, or fill the
disk, is refused; hosts then need no more than tar and gzip.
"""

from __future__ import annotations

import errno
import gzip
import io
import lzma
import posixpath
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pilotage.adapters.ports import NeverStarts

_MEMBERS = 200_000
_CHUNK = 1 << 20
_DAMAGED = (
    tarfile.TarError, zipfile.BadZipFile, EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, RuntimeError,
    ValueError, LookupError, struct.error,
)  # fmt: skip
_NO_DISK = (None, errno.EINVAL)
"""Numbers of errors by which bz2 and offsets outside of the file are told; those of disks have others."""
_KINDS = {tarfile.CHRTYPE: "a device", tarfile.BLKTYPE: "a device", tarfile.FIFOTYPE: "a pipe"}


class BadArchive(NeverStarts):
    """An archive that nobody should unpack; the message names the member and what is wrong with it."""


@dataclass
class _Member:
    """A checked member. link: target of a link, empty for files and folders · content: of a file."""

    name: str
    mode: int
    is_folder: bool = False
    link: str = ""
    is_hard: bool = False
    size: int = 0
    content: IO[bytes] | None = None


@dataclass
class _Checked:
    """What has been seen of an archive. most: bytes that it may have unpacked."""

    most: int
    links: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    members: int = 0
    size: int = 0

    def admit(self, one: _Member) -> None:
        """Raises BadArchive."""
        self.members += 1
        self.size += one.size
        if self.members > _MEMBERS:
            raise BadArchive(f"the archive has more than {_MEMBERS} members")
        if self.size > self.most:
            raise BadArchive(f"the archive unpacks to more than {self.most >> 20} MB")
        parents = one.name.split("/")
        if any("/".join(parents[:depth]) in self.links for depth in range(1, len(parents) + (not one.link))):
            raise BadArchive(f"{one.name!r} in the archive would be written through a link")
        if one.link:
            self._check_link(one)
        elif not one.is_folder:
            self.files.add(one.name)

    def _check_link(self, one: _Member) -> None:
        base = "" if one.is_hard else posixpath.dirname(one.name)
        target = posixpath.normpath(posixpath.join(base, one.link))
        # A link of `..` and then names stays inside because those that it leads through do; `..` after a name may
        # follow such a link to somewhere else than its words say.
        if one.link.startswith("/") or target.split("/")[0] == ".." or _steps_back(one.link):
            raise BadArchive(f"{one.name!r} in the archive is a link that leads out of it, to {one.link!r}")
        if one.is_hard and target not in self.files:
            raise BadArchive(f"{one.name!r} in the archive is a link to {one.link!r}, which is not before it")
        self.links.add(one.name)


def repack(source: Path, target: Path, *, name: str, strip: int = 0, most: int = 4 << 30) -> None:
    """Write a gzipped tar with the same files to `target`; the same bytes each time.

    name: the file's own, which tells what it is · strip: leading folders to leave out · most: bytes unpacked.
    Raises BadArchive, OSError.
    """
    checked = _Checked(most)
    try:
        with (
            target.open("wb") as raw,
            gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=1, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as out,
        ):
            for one in _members(source, name):
                shorter = _stripped(one, strip)
                if shorter is not None:
                    checked.admit(shorter)
                    out.addfile(_info(shorter), shorter.content)
    except BadArchive:
        raise
    except _DAMAGED as error:
        raise BadArchive(f"{name} is damaged: {error}") from None
    except OSError as error:
        if error.errno not in _NO_DISK:
            raise
        raise BadArchive(f"{name} is damaged: {error}") from None


def _members(source: Path, name: str) -> Iterator[_Member]:
    if zipfile.is_zipfile(source) and not tarfile.is_tarfile(source):
        yield from _of_zip(source)
    elif tarfile.is_tarfile(source):
        yield from _of_tar(source)
    elif name.endswith((".tar", ".tgz", ".zip", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst")):
        raise BadArchive(f"{name} is no archive that can be read: use tar, tar.gz, tar.xz, tar.bz2 or zip")
    else:
        with source.open("rb") as file:
            yield _Member(Path(name).name, 0o755, size=source.stat().st_size, content=file)


def _of_tar(source: Path) -> Iterator[_Member]:
    with tarfile.open(source) as archive:
        for info in archive:
            if info.type in _KINDS or not (info.isfile() or info.isdir() or info.issym() or info.islnk()):
                raise BadArchive(f"{info.name!r} in the archive is {_KINDS.get(info.type, 'no file')}")
            link = info.linkname if info.issym() or info.islnk() else ""
            content = archive.extractfile(info) if info.isfile() else None
            size = info.size if info.isfile() else 0
            yield _Member(_plain(info.name), info.mode, info.isdir(), link, info.islnk(), size, content)


def _of_zip(source: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(source) as archive:
        for info in archive.infolist():
            mode = info.external_attr >> 16
            if stat.S_ISLNK(mode):
                yield _Member(_plain(info.filename), mode, link=archive.read(info)[:4096].decode(errors="replace"))
            elif info.is_dir():
                yield _Member(_plain(info.filename), 0o755, is_folder=True)
            else:
                with archive.open(info) as file:
                    yield _Member(
                        _plain(info.filename), mode or 0o644, size=info.file_size,
                        content=_Exactly(file, info.file_size),  # type: ignore[arg-type]
                    )  # fmt: skip


class _Exactly(io.RawIOBase):
    """A member of a zip that may hold more than it says."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(min(size if size >= 0 else _CHUNK, self._left))
        self._left -= len(chunk)
        return chunk


def _steps_back(link: str) -> bool:
    """Whether `..` stands after a name in it."""
    parts = [part for part in link.split("/") if part not in ("", ".")]
    ups = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    return ".." in parts[ups:]


def _plain(name: str) -> str:
    """Raises BadArchive for what leads out of the archive's own folder."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\0" in name or "\n" in name:
        raise BadArchive(f"{name!r} in the archive leads out of its folder")
    return "/".join(parts)


def _stripped(one: _Member, strip: int) -> _Member | None:
    parts = one.name.split("/")
    if not one.name or len(parts) <= strip:
        return None
    one.name = "/".join(parts[strip:])
    if one.is_hard:
        one.link = "/".join(_plain(one.link).split("/")[strip:])
    return one


def _info(one: _Member) -> tarfile.TarInfo:
    """Nobody's, of no time, and without set-user-id."""
    info = tarfile.TarInfo(one.name)
    info.mode = 0o755 if one.is_folder or one.mode & 0o100 else 0o644
    info.size = one.size
    if one.is_folder:
        info.type = tarfile.DIRTYPE
    elif one.link:
        info.type, info.linkname = (tarfile.LNKTYPE if one.is_hard else tarfile.SYMTYPE), one.link
    return info
