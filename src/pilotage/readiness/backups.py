"""The proof that a backup can be restored: a small JSON document that the restore test itself writes.

`{"taken_at": …, "restored_at": …, "seconds": …, "verified": true}`, times as RFC 3339 says them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pilotage.model.readiness import BadEvidence
from pilotage.readiness.evidence import number
from pilotage.readiness.formats import RESTORE, recognise


@dataclass(frozen=True)
class Restore:
    """taken_at: of the backup · seconds: that its restore took."""

    taken_at: datetime
    restored_at: datetime
    seconds: float


def restore(content: bytes, name: str) -> Restore:
    """Raises BadEvidence for what is no such document, and for a restore that was not verified."""
    read = recognise(content, name, (RESTORE,)).content
    taken, restored = (_moment(read.get(key), key, name) for key in ("taken_at", "restored_at"))
    seconds = number(read.get("seconds"), name, "seconds")
    if read.get("verified") is not True:
        raise BadEvidence(f"{name}: the restored data was not verified")
    if restored < taken:
        raise BadEvidence(f"{name}: restored_at is before taken_at")
    return Restore(taken, restored, seconds)


def _moment(value: object, key: str, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise BadEvidence(f"{name}: {key} is {value!r}, not a time such as 2026-11-20T03:10:00Z") from None
    if found.tzinfo is None:
        raise BadEvidence(f"{name}: {key} needs a time zone")
    return found
