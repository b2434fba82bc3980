"""The files of a version on this machine: fetched once, verified, and made into one archive for all hosts."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from pilotage.adapters import downloads
from pilotage.adapters.files import private_folder
from pilotage.adapters.hosts.archives import repack
from pilotage.adapters.placeholders import filled
from pilotage.adapters.ports import AdapterError, NeverStarts
from pilotage.adapters.stages.built import Built, needs_artifacts
from pilotage.model.traffic import artifact_of

_SUMS = re.compile(r"\\?([0-9a-fA-F]{64})(?:[ \t]{1,2}\*?(.+))?")
"""A line of sha256sum(1), or a digest alone."""
_IN_PATHS = "/+@:!$&'()*,;=~"
"""Characters of a version that mean nothing else in the path of a URL."""
_KEPT = 3
"""Archives that stay on this machine for the next host, or the way back."""


@dataclass(frozen=True, kw_only=True)
class Packed:
    """An archive that is ready for hosts. digest: SHA-256 of what was fetched, by which a release is known · packed:
    that of the archive itself."""

    path: Path
    digest: str
    packed: str


class Artifacts:
    """Of one fleet. folder: where archives are kept · project: from which relative paths start · source: path or URL
    with `{version}` · checksums: path or URL of a file like SHA256SUMS, empty for none · digests: by version · most:
    bytes to fetch · strip: leading folders of an archive to leave out · built: what `{artifact}` means."""

    def __init__(
        self,
        folder: Path,
        project: Path,
        *,
        source: str,
        checksums: str = "",
        digests: Mapping[str, str] | None = None,
        most: int = 2 << 30,
        strip: int = 0,
        built: Built | None = None,
    ) -> None:
        self._folder, self._project, self._source, self._checksums = folder, project, source, checksums
        self._digests, self._most, self._strip, self._built = digests or {}, most, strip, built
        self._lock = threading.Lock()
        self._ready: dict[str, Packed] = {}

    def of(self, version: str) -> Packed:
        """The archive of a version, made if it is not there. Raises NeverStarts where waiting would not help."""
        with self._lock:
            known = self._ready.get(version)
            if known is None or not known.path.exists():
                known = self._ready[version] = self._made(version)
            return known

    def lacks(self, version: str) -> str:
        """Why the artifact of a version cannot be had; empty where nothing speaks against it. Fetches no artifact."""
        try:
            where = self._where(self._source, version)
            wanted = self._wanted(version)
            if not downloads.is_url(where):
                file = self._project / where
                if not file.is_file():
                    return f"the artifact {where} does not exist: build {version}, or correct fleet.artifact.source"
                if wanted and file.stat().st_size < _SMALL and _digest_of(file) != wanted:
                    return f"the artifact {where} has another digest than {self._said_by}: {self._cure}"
            elif problem := downloads.lacks(where):
                return f"the artifact cannot be had: {problem}"
        except AdapterError as error:
            return str(error)
        return ""

    def size(self, version: str) -> int:
        """Bytes of the artifact; 0 where only fetching it would tell."""
        where = self._where(self._source, version)
        with contextlib.suppress(OSError):
            return 0 if downloads.is_url(where) else (self._project / where).stat().st_size
        return 0

    def _made(self, version: str) -> Packed:
        where, wanted = self._where(self._source, version), self._wanted(version)
        private_folder(self._folder)
        try:
            fetched, digest = self._fetched(where, wanted, version)
            target = self._folder / f"{digest}-{self._strip}.tar.gz"
            if not target.exists():
                beside = target.with_name(f".{target.name}.{os.getpid()}")
                try:
                    repack(fetched, beside, name=where.rpartition("/")[2], strip=self._strip)
                    beside.replace(target)
                finally:
                    beside.unlink(missing_ok=True)
            os.utime(target)
            if downloads.is_url(where):
                fetched.unlink(missing_ok=True)
            self._prune()
            return Packed(path=target, digest=digest, packed=_digest_of(target))
        except OSError as error:
            raise AdapterError(f"cannot keep the artifact of {version} here: {error.strerror}") from error

    def _fetched(self, where: str, wanted: str, version: str) -> tuple[Path, str]:
        """The artifact as it is, and its digest."""
        if not downloads.is_url(where):
            file = self._project / where
            if not file.is_file():
                raise NeverStarts(f"the artifact {where} does not exist: build {version}")
            digest = _digest_of(file)
        else:
            if not wanted:
                raise NeverStarts("an artifact from a URL needs fleet.artifact.checksums or fleet.artifact.sha256")
            file = self._folder / f"{wanted}.part"
            downloads.fetch(where, file, most=self._most)
            digest = _digest_of(file)
        if wanted and digest != wanted:
            if downloads.is_url(where):
                file.unlink(missing_ok=True)
            raise NeverStarts(
                f"the artifact {where} has the digest {digest[:12]}… instead of {wanted[:12]}… of {self._said_by}: "
                f"{self._cure}"
            )
        return file, digest

    @property
    def _said_by(self) -> str:
        if needs_artifacts([self._source]):
            return "its way"
        return self._checksums or "fleet.artifact.sha256"

    @property
    def _cure(self) -> str:
        return f"if it was built anew on purpose, correct {self._said_by}; otherwise put the released file back"

    def _wanted(self, version: str) -> str:
        """The digest that the configuration says; empty where it says none. Raises AdapterError, NeverStarts."""
        name = artifact_of(version)
        if self._built is not None and needs_artifacts([self._source]):
            return self._built.file(version)[1]
        if found := self._digests.get(name) or self._digests.get(version):
            return found.lower()
        if not self._checksums:
            if self._digests:
                raise NeverStarts(f"fleet.artifact.sha256 has no digest of {version}")
            return ""
        where = self._where(self._checksums, version)
        if downloads.is_url(where):
            text = downloads.text(where)
        else:
            try:
                text = (self._project / where).read_text(errors="replace")[:_LONGEST]
            except OSError as error:
                raise NeverStarts(f"{where} cannot be read: {error.strerror}") from None
        source = self._where(self._source, version)
        name = unquote(source) if downloads.is_url(source) else source
        return _digest_in(text, name.rpartition("/")[2], where)

    def _where(self, text: str, version: str) -> str:
        """Raises NeverStarts for a version that leads elsewhere than to a file of its own."""
        name = artifact_of(version)
        if name.startswith("/") or {"..", "."} & set(name.split("/")):
            raise NeverStarts(
                f"{name!r} leads out of the place of artifacts: deploy a version without '..' in its name"
            )
        places = {"version": quote(name, safe=_IN_PATHS) if downloads.is_url(text) else name}
        if self._built is not None and needs_artifacts([text]):
            places["artifact"] = str(self._built.file(version)[0])
        return filled(text, places)

    def _prune(self) -> None:
        archives = sorted(self._folder.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in archives[_KEPT:]:
            with contextlib.suppress(OSError):
                old.unlink()


_SMALL = 64 << 20
"""Bytes that are read in a moment."""
_LONGEST = 1 << 20


def _digest_in(text: str, name: str, where: str) -> str:
    found = [match for row in text.splitlines() if (match := _SUMS.fullmatch(row.rstrip()))]
    named = [match[1] for match in found if match[2] and match[2].rpartition("/")[2] == name]
    alone = [match[1] for match in found if not match[2]]
    if len(set(named or alone)) != 1:
        raise NeverStarts(f"{where} has no digest of {name}, or more than one")
    return (named or alone)[0].lower()


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
