"""One thing that `pilotage doctor` looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """result: `PASS`, `WARN` or `FAIL` · what: what was looked at · sentence: what was found; of a FAIL also the
    cure."""

    result: str
    what: str
    sentence: str
