"""A file next to the store that keeps the latest answers which take long to find. Nothing depends on it: what is
missing, unreadable or of another version is found again."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

from pilotage.adapters.files import write_at_once
from pilotage.model.json import Json, find, object_at


class KeptAnswers:
    """By a text that names all that an answer depends on. folder: of the store; None to keep nothing · name: what is
    kept, in the file · most: answers, the latest · most_bytes: of a file that is read."""

    def __init__(self, folder: Path | None, file: str, *, name: str, format_: int, most: int, most_bytes: int) -> None:
        self._path = folder / file if folder is not None and folder.is_dir() else None
        self._name, self._format, self._most, self._most_bytes = name, format_, most, most_bytes

    def get(self, key: str) -> Json:
        """None where nothing is kept."""
        return None if self._path is None else self._read(self._path).get(_short(key))

    def put(self, key: str, answer: Json) -> None:
        """A crash may tear the file: it is then read as empty. A folder that cannot be written to keeps nothing."""
        if self._path is None:
            return
        kept = {**self._read(self._path), _short(key): answer}
        latest = dict(list(kept.items())[-self._most :])
        text = json.dumps({"format": self._format, self._name: latest}, separators=(",", ":"))
        with contextlib.suppress(OSError):
            write_at_once(self._path, text.encode())

    def _read(self, path: Path) -> dict[str, Json]:
        try:
            if path.stat().st_size > self._most_bytes:
                return {}
            read: Json = json.loads(path.read_bytes())
            return dict(object_at(read, self._name)) if find(read, "format") == self._format else {}
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return {}


def _short(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]
