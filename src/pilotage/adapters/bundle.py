"""One archive of named contents with a signed list of their digests; the same contents make the same bytes."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from pilotage.adapters.evidence import LIMIT
from pilotage.adapters.files import write_durably
from pilotage.adapters.keys import BUNDLE, Signer, is_signed, key_id
from pilotage.model.json import Json, text_at
from pilotage.model.readiness import BadBundle, ChangedBundle

MANIFEST = "manifest.json"
MOST = 512 * 2**20
"""Bytes that an archive may unpack to; it may come from anywhere."""

MOST_ENTRIES = 10_000
_END_OF_ARCHIVE = 22
"""Bytes of the record that ends an archive without a comment (APPNOTE.TXT 4.3.16), as all of ours are."""

_CHUNK = 2**20


@dataclass(frozen=True, kw_only=True)
class Signature:
    """Who signed a bundle's list. key: the public key's id · public: the key itself, PEM · signature: base64."""

    key: str
    public: str
    signature: str


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """A bundle's contents as files. sha256: of the archive · signed: None for a bundle without a signature."""

    files: Mapping[str, Path]
    digests: Mapping[str, str]
    sha256: str
    signed: Signature | None

    def read(self, name: str) -> bytes:
        """One content. Raises BadBundle when the bundle does not hold it."""
        if name not in self.files:
            raise BadBundle(f"the bundle has no {name}")
        return self.files[name].read_bytes()


def pack(path: Path, contents: Mapping[str, bytes], signer: Signer | None = None) -> str:
    """Write the archive completely or not at all; returns its SHA-256. Raises BadBundle for content that `unpack` would
    refuse."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(contents.items())}
    manifest: dict[str, Json] = {"format": 1, "sha256": digests}
    if signer is not None:
        signed = signer.sign(BUNDLE, _listed(digests))
        manifest["signed"] = asdict(Signature(key=signed.key, public=signer.public, signature=signed.signature))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in ((MANIFEST, json.dumps(manifest, indent=2).encode()), *sorted(contents.items())):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
        _check(path, archive.infolist())
    write_durably(path, made.getvalue(), shared=True)
    return hashlib.sha256(made.getvalue()).hexdigest()


def unpack(path: Path, into: Path) -> Unpacked:
    """Unpack the archive into the empty folder `into`, a chunk at a time.

    Raises ChangedBundle when anything was added, left out or changed, and BadBundle for what is no bundle.
    """
    try:
        with path.open("rb") as file:
            whole = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            with zipfile.ZipFile(file) as archive:
                entries = archive.infolist()
                _check(path, entries)
                found = {entry.filename: _extract(archive, entry, into / str(n)) for n, entry in enumerate(entries)}
            _check_end(path, file)
        manifest = found.pop(MANIFEST, None)
        listed, signed = _manifest(path, (into / manifest[0]).read_bytes() if manifest else b"")
    except BadBundle:
        raise
    except OSError as error:
        raise BadBundle(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:
        # Decompressors and parsers have errors of their own; each of them means that this is no bundle.
        raise BadBundle(f"{path}: not a complete bundle: {error}") from None
    _compare(path, listed, {name: digest for name, (_, digest) in found.items()})
    files = {name: into / place for name, (place, _) in found.items()}
    return Unpacked(files=files, digests=listed, sha256=whole, signed=signed)


def _check_end(path: Path, file: BinaryIO) -> None:
    """Check that nothing follows the last record, where a reader of archives would not look."""
    file.seek(-_END_OF_ARCHIVE, os.SEEK_END)
    if file.read(4) != b"PK\x05\x06":
        raise ChangedBundle(f"{path}: extra bytes after its end")


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: Path) -> tuple[str, str]:
    """The file's name, never one that the archive chose, and the content's SHA-256."""
    digest = hashlib.sha256()
    with archive.open(entry) as source, place.open("wb") as target:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            target.write(chunk)
    return place.name, digest.hexdigest()


def _check(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    if len(names) > MOST_ENTRIES:
        raise BadBundle(f"{path}: has {len(names)} entries; the limit is {MOST_ENTRIES}")
    if len(set(names)) < len(names):
        raise BadBundle(f"{path}: has two entries with one name")
    for entry in entries:
        if entry.file_size > LIMIT:
            raise BadBundle(f"{path}: {entry.filename!r} unpacks to more than {LIMIT} bytes")
    if sum(entry.file_size for entry in entries) > MOST:
        raise BadBundle(f"{path}: unpacks to more than {MOST} bytes")
    for name in names:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
            raise BadBundle(f"{path}: {name!r} points outside the bundle")


def _manifest(path: Path, content: bytes) -> tuple[dict[str, str], Signature | None]:
    try:
        told = json.loads(content)
        listed, signed = told["sha256"], told.get("signed")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadBundle(f"{path}: has no list of its contents") from None
    if not isinstance(listed, dict) or not all(isinstance(one, str) for one in listed.values()):
        raise BadBundle(f"{path}: has no list of its contents")
    return listed, None if signed is None else _signature(path, listed, signed)


def _signature(path: Path, listed: Mapping[str, str], told: Json) -> Signature:
    """The signature, checked against the key that comes with it; whose key that is, only the reader can know."""
    try:
        signed = Signature(
            key=text_at(told, "key"), public=text_at(told, "public"), signature=text_at(told, "signature")
        )
        right = key_id(signed.public) == signed.key and is_signed(
            signed.public, BUNDLE, _listed(listed), signed.signature
        )
    except ValueError:
        raise BadBundle(f"{path}: unreadable signature") from None
    if not right:
        raise ChangedBundle(f"{path}: the list of its contents was changed after it was signed")
    return signed


def _listed(digests: Mapping[str, str]) -> bytes:
    return json.dumps(digests, sort_keys=True, separators=(",", ":")).encode()


def _compare(path: Path, listed: Mapping[str, str], found: Mapping[str, str]) -> None:
    for name in sorted({*listed, *found}):
        if name not in found:
            raise ChangedBundle(f"{path}: {name} was removed")
        if name not in listed:
            raise ChangedBundle(f"{path}: {name} was added")
        if found[name] != listed[name]:
            raise ChangedBundle(f"{path}: {name} was changed")
