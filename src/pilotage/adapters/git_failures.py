"""What git says when it fails, as one sentence that also says what to do about it."""

from __future__ import annotations

import re
from pathlib import Path

from pilotage.adapters.ports import AdapterError
from pilotage.model.text import clean

_LACKS = re.compile(
    r"unable to read|missing (?:blob|tree|commit|object)|could not fetch|promisor|lazy fetch|bad (?:object|tree)"
    r"|could not read|unable to find|transport '[a-z]+' not allowed"
)
_LONGEST = 300


def failure(path: Path, command: str, errors: bytes, status: int) -> AdapterError:
    """command: the name of git's command · errors: what it printed."""
    words = [line for line in clean(errors.decode(errors="replace")).strip().splitlines() if line.strip()]
    said = next((line for line in words if line.startswith("fatal:")), words[0] if words else f"exit {status}")
    if any(_LACKS.search(line) for line in words):
        return AdapterError(
            f"{path} lacks objects of these commits, as a partial or a damaged clone does: fetch them with "
            f"`git fetch --refetch --no-filter` ({said[:_LONGEST]})"
        )
    return AdapterError(f"git {command}: {said[:_LONGEST]}")
