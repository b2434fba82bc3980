"""Samples from a folder of other people's files, and from the histories of the repositories in it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from tests.fuzz.reader import Reader, Sample

LARGEST = 400_000
"""Bytes of a file that is taken; the largest say nothing that smaller ones do not."""

_MESSAGES = 5_000
"""Messages of one repository."""


def samples(reader: Reader, folders: Sequence[Path]) -> list[Sample]:
    """The reader's own seeds, and what the folders hold for it, each content once."""
    found = {sample.content: sample for sample in reader.seeds}
    for folder in folders:
        of_folder = _messages(folder) if reader.histories else _files(reader, folder)
        for sample in of_folder:
            found.setdefault(sample.content, sample)
    return list(found.values())


def _files(reader: Reader, folder: Path) -> Iterator[Sample]:
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(place, name)
            if reader.takes(PurePath(path)) and path.is_file() and path.stat().st_size <= LARGEST:
                yield from reader.samples(str(path.relative_to(folder)), path.read_bytes())


def _messages(folder: Path) -> Iterator[Sample]:
    for place, folders, _ in os.walk(folder, followlinks=True):
        if {"objects", "refs"} <= {*folders} or ".git" in folders:
            folders.clear()
            command = ["git", "-C", place, "log", f"-{_MESSAGES}", "--format=%B%x00"]
            for message in subprocess.run(command, capture_output=True, check=False).stdout.split(b"\0"):
                yield Sample(place, message.lstrip(b"\n"))
