"""What earlier releases were measured as, next to the store: measuring them takes as long as measuring the range.

Nothing depends on this file. What is missing, unreadable or of another version is measured again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from pilotage.adapters.files import write_at_once
from pilotage.model.json import Json, each, find, number_at, object_at, whole_at
from pilotage.model.risk import RiskFactor
from pilotage.risk.levels import Released

FILE = "risk-releases.json"
_FORMAT = 3
_MOST = 50
"""Comparisons that are kept: the latest."""
_MOST_BYTES = 1_000_000


class MeasuredReleases:
    """By a text that names all they depend on: commits, model, paths. folder: of the store; None to keep nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / FILE if folder is not None and folder.is_dir() else None

    def get(self, key: str) -> tuple[Released, ...] | None:
        if self._path is None:
            return None
        try:
            kept = _read(self._path).get(_short(key))
            return None if kept is None else tuple(_released(one) for one in each(object_at, {"kept": kept}, "kept"))
        except (ValueError, LookupError, TypeError, OverflowError):
            return None

    def put(self, key: str, found: Sequence[Released]) -> None:
        """A crash may tear the file: it is then read as empty. A folder that cannot be written to keeps nothing."""
        if self._path is None:
            return
        kept = _read(self._path)
        kept[_short(key)] = [
            {"score": one.score, "sizes": {str(factor): size for factor, size in one.sizes.items()}} for one in found
        ]
        text = json.dumps({"format": _FORMAT, "releases": dict(list(kept.items())[-_MOST:])}, separators=(",", ":"))
        with contextlib.suppress(OSError):
            write_at_once(self._path, text.encode())


def _short(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _read(path: Path) -> dict[str, Json]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return {}
        read: Json = json.loads(path.read_bytes())
        return dict(object_at(read, "releases")) if find(read, "format") == _FORMAT else {}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}


def _released(kept: Json) -> Released:
    """Raises ValueError, LookupError, TypeError for anything else."""
    sizes, score = object_at(kept, "sizes"), float(number_at(kept, "score"))
    if not 0 <= score <= 1:
        raise ValueError("not a probability")
    return Released(score, {RiskFactor(name): whole_at(sizes, name) for name in sizes})
