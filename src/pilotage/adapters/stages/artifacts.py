"""The store of what was built: files by digest, and which of them a version of a service is made of."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote

from pilotage.adapters.files import private_folder, read_json, set_aside, write_json
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.stages.blobs import Blobs
from pilotage.adapters.stages.ports import Needed
from pilotage.model.json import WrongJson, read_as
from pilotage.model.way import Artifact

_MADE, _RECORD = ".files", ".json"


@dataclass(frozen=True, kw_only=True)
class Release:
    """What a version is made of. at: when it was recorded, Unix seconds · started: whether a fleet was given it."""

    version: str
    commit: str
    artifacts: tuple[Artifact, ...]
    at: float
    started: bool = False


class ArtifactStore:
    """The Artifacts port. folder: `.pilotage/artifacts`."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.blobs = folder, Blobs(folder)

    def release(self, service: str, version: str, commit: str, artifacts: Sequence[Artifact]) -> None:
        for artifact in artifacts:
            if not artifact.image:
                self.blobs.verified(artifact.digest, artifact.name)
        with self._alone(service):
            before = self.recorded(service, version)
            if before is not None and _digests(before.artifacts) == _digests(artifacts):
                return
            if before is not None and before.started:
                raise AdapterError(
                    f"{version} was started before from {_shown(before.artifacts)}, and this way built "
                    f"{_shown(artifacts)}: release it under another version"
                )
            self._save(service, Release(version=version, commit=commit, artifacts=tuple(artifacts), at=time.time()))

    def of(self, service: str, version: str) -> tuple[Artifact, ...]:
        found = self.recorded(service, version)
        return found.artifacts if found else ()

    def recorded(self, service: str, version: str) -> Release | None:
        """None where the version was never recorded, or its record cannot be read."""
        place = self._place(service, version)
        found = read_json(place)
        if found is None:
            return None
        try:
            return read_as(Release, found)
        except WrongJson as error:
            set_aside(place, str(error))
            return None

    def started(self, service: str, version: str) -> None:
        """Note that a fleet gets the version: from now on it is made of nothing else. Raises AdapterError."""
        with self._alone(service):
            found = self.recorded(service, version)
            if found is not None and not found.started:
                self._save(service, replace(found, started=True))

    def folder_of(self, service: str, version: str, artifacts: Sequence[Artifact]) -> Path:
        """A folder with the version's files under their names, all of them verified. Raises AdapterError."""
        place = self._place(service, version).with_suffix(_MADE)
        for artifact in artifacts:
            if not artifact.image:
                _linked(self.blobs.verified(artifact.digest, artifact.name), place, artifact.name)
        return place

    def old(self, needed: Needed, older_than: float) -> Mapping[str, int]:
        """What `prune` would remove: digests, and the bytes of each."""
        return self._sorted_out(needed, older_than, remove=False)

    def prune(self, needed: Needed, older_than: float) -> tuple[str, ...]:
        gone = self._sorted_out(needed, older_than, remove=True)
        for digest in gone:
            self.blobs.remove(digest)
        return tuple(gone)

    def _sorted_out(self, needed: Needed, older_than: float, *, remove: bool) -> dict[str, int]:
        kept = set(needed.digests)
        for service, place in self._records():
            with self._alone(service):
                found = self.recorded(service, unquote(place.name.removesuffix(_RECORD)))
                if found is None:
                    continue
                if found.version in needed.versions.get(service, frozenset()) or found.at >= older_than:
                    kept.update(one.digest for one in found.artifacts)
                elif remove:
                    place.unlink(missing_ok=True)
                    shutil.rmtree(place.with_suffix(_MADE), ignore_errors=True)
        return {digest: size for digest, size in self.blobs.older(older_than) if digest not in kept}

    def _records(self) -> list[tuple[str, Path]]:
        return [(unquote(place.parent.name), place) for place in sorted(self._folder.glob(f"releases/*/*{_RECORD}"))]

    def _save(self, service: str, release: Release) -> None:
        try:
            write_json(self._place(service, release.version), asdict(release))
        except OSError as error:
            raise AdapterError(f"cannot record what {release.version} is made of: {error.strerror}") from error

    def _place(self, service: str, version: str) -> Path:
        return self._folder / "releases" / quote(service, safe="") / f"{quote(version, safe='')}{_RECORD}"

    @contextlib.contextmanager
    def _alone(self, service: str) -> Iterator[None]:
        """One process at a time records versions of a service."""
        folder = self._folder / "releases" / quote(service, safe="")
        try:
            private_folder(folder)
            descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise AdapterError(f"the store of artifacts cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _linked(blob: Path, folder: Path, name: str) -> None:
    """The file under its name; on a disk without hard links, a copy."""
    if name.startswith("/") or not name or {"..", "."} & set(name.split("/")):
        raise AdapterError(f"{name!r} is no name of a file in a checkout")
    target = folder / name
    private_folder(target.parent)
    with contextlib.suppress(OSError):
        if target.samefile(blob):
            return
    beside = target.with_name(f".{os.urandom(8).hex()}")
    try:
        try:
            os.link(blob, beside)
        except OSError:
            shutil.copy(blob, beside)
        beside.replace(target)
    except OSError as error:
        raise AdapterError(f"the artifact {name} cannot be put into {folder}: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)


def _digests(artifacts: Sequence[Artifact]) -> frozenset[tuple[str, str]]:
    return frozenset((one.name, one.digest) for one in artifacts)


def _shown(artifacts: Sequence[Artifact]) -> str:
    return ", ".join(f"{one.name} ({one.digest[:12]}…)" for one in artifacts[:3]) or "no artifact"
