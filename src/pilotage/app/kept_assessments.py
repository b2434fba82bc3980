"""Assessments of planned releases, next to the store: a plan keeps its risk and its hash, however busy a machine is.

Nothing depends on this file. What is missing, unreadable or of another version is assessed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

from pilotage.adapters.files import write_at_once
from pilotage.model.converting import convert
from pilotage.model.json import Json, find, object_at
from pilotage.model.risk import Assessment

FILE = "risk-assessed.json"
_FORMAT = 1
_MOST = 40
"""Assessments that are kept: the latest."""
_MOST_BYTES = 4_000_000


class KeptAssessments:
    """By a text that names all they depend on: commits, model, day, calendar. folder: of the store; None to keep
    nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / FILE if folder is not None and folder.is_dir() else None

    def get(self, key: str) -> Assessment | None:
        import msgspec

        if self._path is None or (kept := _read(self._path).get(_short(key))) is None:
            return None
        try:
            return convert(kept, Assessment)
        except msgspec.ValidationError:
            return None

    def put(self, key: str, found: Assessment) -> None:
        """A crash may tear the file: it is then read as empty. A folder that cannot be written to keeps nothing."""
        import msgspec

        if self._path is None:
            return
        kept = _read(self._path)
        kept[_short(key)] = msgspec.to_builtins(found)
        text = json.dumps({"format": _FORMAT, "assessed": dict(list(kept.items())[-_MOST:])}, separators=(",", ":"))
        with contextlib.suppress(OSError):
            write_at_once(self._path, text.encode())


def _short(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _read(path: Path) -> dict[str, Json]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return {}
        read: Json = json.loads(path.read_bytes())
        return dict(object_at(read, "assessed")) if find(read, "format") == _FORMAT else {}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}
