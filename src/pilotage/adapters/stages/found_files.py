"""Files of a checkout that globs name: inside it only, whatever links say, in the order of their names."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from pilotage.adapters.ports import AdapterError
from pilotage.model.json import WrongJson, find, text_at
from pilotage.model.way import Artifact

_MOST = 1000
_LONGEST = 1 << 20
_IMAGE = re.compile(r"(?:(?P<name>[A-Za-z0-9][A-Za-z0-9._:/-]{0,400})@)?sha256:(?P<digest>[0-9a-f]{64})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,400}")


@dataclass(frozen=True, kw_only=True)
class Found:
    """name: relative to the project's folder in the checkout · place: where it really lies."""

    name: str
    place: Path

    def open(self) -> BufferedReader:
        """Raises AdapterError for anything but a regular file."""
        try:
            descriptor = os.open(self.place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise AdapterError(f"{self.name} cannot be read: {error.strerror}") from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise AdapterError(f"{self.name} is not a file")
        return os.fdopen(descriptor, "rb")


def files_of(checkout: Path, folder: Path, patterns: Sequence[str], what: str) -> tuple[Found, ...]:
    """Every file that a pattern names, each once. folder: where patterns start, in the checkout · what: for sentences,
    such as `artifact`. Raises AdapterError where a pattern finds nothing, or a file lies elsewhere."""
    found: dict[str, Found] = {}
    for pattern in patterns:
        here = {one.name: one for one in _matching(checkout, folder, pattern, what)}
        if not here:
            raise AdapterError(f"no {what} found: nothing matches {pattern}")
        found |= here
    if len(found) > _MOST:
        raise AdapterError(f"{len(found)} files are no list of {what}s: name them more closely; the limit is {_MOST}")
    return tuple(found[name] for name in sorted(found))


def _matching(checkout: Path, folder: Path, pattern: str, what: str) -> Iterator[Found]:
    if pattern.startswith("/") or ".." in pattern.split("/"):
        raise AdapterError(f"{pattern} leads out of the checkout: name a {what} inside it")
    root = checkout.resolve()
    try:
        found = [str(path.relative_to(folder)) for path in folder.glob(pattern)]  # follows no link to a folder in `**`
    except (ValueError, NotImplementedError, IndexError):
        raise AdapterError(f"{pattern!r} is not a pattern such as dist/*.whl") from None
    for name in found:
        try:
            place = (folder / name).resolve()
        except (OSError, RuntimeError):
            raise AdapterError(f"the {what} {_shown(name)} is a link that leads nowhere") from None
        if place.is_dir() or ".git" in Path(name).parts:
            continue
        if not place.is_relative_to(root):
            raise AdapterError(f"the {what} {_shown(name)} is a link that leads out of the checkout")
        if not place.exists():
            raise AdapterError(f"the {what} {_shown(name)} is a link that leads nowhere")
        if not name.isprintable() or _shown(name) != name:
            raise AdapterError(f"the {what} {_shown(name)} has a name with characters that cannot be printed")
        yield Found(name=os.path.normpath(name), place=place)


def _shown(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:200]


def images_of(checkout: Path, folder: Path, entries: Sequence[str]) -> tuple[Artifact, ...]:
    """The images that files name by their digests. entries: `FILE`, or `NAME=FILE` where the file has a digest alone,
    as that of `podman push --digestfile`. Raises AdapterError."""
    found: dict[str, Artifact] = {}
    for entry in entries:
        named, equals, pattern = entry.rpartition("=")
        for file in files_of(checkout, folder, [pattern], "file of an image"):
            with file.open() as opened:
                text = opened.read(_LONGEST).decode(errors="replace")
            for image in _images_in(text, named if equals else "", file.name):
                found[f"{image.name}@{image.digest}"] = image
    return tuple(found.values())


def _images_in(text: str, named: str, file: str) -> Iterator[Artifact]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if text.lstrip().startswith("{"):
        lines = [_of_metadata(text, file)]
    if not lines:
        raise AdapterError(f"{file} names no image: it is empty")
    for line in lines:
        match = _IMAGE.fullmatch(line)
        if match is None or (named and not _NAME.fullmatch(named)):
            raise AdapterError(f"{file} names no image by its digest, such as registry/shop@sha256:…: {line[:80]!r}")
        name = named or match["name"] or f"sha256:{match['digest']}"
        yield Artifact(name=name, digest=match["digest"], image=True)


def _of_metadata(text: str, file: str) -> str:
    """What `docker buildx build --metadata-file` writes."""
    try:
        said = json.loads(text)
        digest = text_at(said, "containerimage.digest")
    except (ValueError, RecursionError, WrongJson):
        raise AdapterError(f"{file} has no containerimage.digest, as buildx writes it") from None
    name = find(said, "image.name")
    # Several names of one image are separated by commas.
    return f"{name.partition(',')[0]}@{digest}" if isinstance(name, str) and name else digest
