"""How far the tables of a store are: the number of the newest migration there is, and of the last one that was run."""

from __future__ import annotations

import re
from pathlib import Path

NEWEST = max(int(path.name[:4]) for path in (Path(__file__).parent / "migrations" / "versions").glob("[0-9]*_*.py"))
"""The number of the newest migration there is."""


def number_in(revision: object) -> int | None:
    """The number of a migration; None if it is not one. revision: as stored, such as `0008`."""
    found = re.match(r"\d+", str(revision))
    return int(found.group()) if found else None
