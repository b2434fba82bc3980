"""One archive of named contents with a list of their digests; the same contents make the same bytes."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from pilotage.adapters.files import write_durably

MANIFEST = "manifest.json"
MOST = 512 * 2**20
"""Bytes that an archive may unpack to: it is read into memory, and may come from anywhere."""


class BadBundle(ValueError):
    """An archive that is not what it says it is."""


def pack(path: Path, contents: Mapping[str, bytes]) -> str:
    """Write the archive at once or not at all; returns its SHA-256."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(contents.items())}
    manifest = json.dumps({"format": 1, "sha256": digests}, indent=2).encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in ((MANIFEST, manifest), *sorted(contents.items())):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    write_durably(path, made.getvalue())
    return hashlib.sha256(made.getvalue()).hexdigest()


def unpack(path: Path) -> tuple[Mapping[str, bytes], str]:
    """The contents and the archive's SHA-256. Raises BadBundle when anything was added, left out or changed."""
    try:
        whole = path.read_bytes()
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            entries = archive.infolist()
            _check(path, entries)
            contents = {entry.filename: archive.read(entry) for entry in entries}
    except OSError as error:
        raise BadBundle(f"{path} cannot be read: {error.strerror}") from None
    except (zipfile.BadZipFile, EOFError, ValueError, RuntimeError, NotImplementedError) as error:
        raise BadBundle(f"{path} is no whole bundle: {error}") from None
    digests = _digests(path, contents.pop(MANIFEST, b""))
    for name in sorted({*digests, *contents}):
        if name not in contents:
            raise BadBundle(f"{path}: {name} was taken out")
        if name not in digests:
            raise BadBundle(f"{path}: {name} was put in")
        if hashlib.sha256(contents[name]).hexdigest() != digests[name]:
            raise BadBundle(f"{path}: {name} was changed")
    return contents, hashlib.sha256(whole).hexdigest()


def _check(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names):
        raise BadBundle(f"{path} holds two contents of one name")
    if sum(entry.file_size for entry in entries) > MOST:
        raise BadBundle(f"{path} would unpack to more than {MOST} bytes")
    for name in names:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
            raise BadBundle(f"{path}: {name!r} leads out of the bundle")


def _digests(path: Path, manifest: bytes) -> dict[str, str]:
    try:
        found = json.loads(manifest)["sha256"]
    except (ValueError, KeyError, TypeError):
        raise BadBundle(f"{path} has no list of its contents") from None
    if not isinstance(found, dict):
        raise BadBundle(f"{path} has no list of its contents")
    return found
