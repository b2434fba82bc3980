"""The heads that this installation has signed, next to its key: one line of JSON each.

If the store is a database on another machine, the ledger is an anchor outside it. It also keeps the key from signing
two different heads for one event, which a rewritten store would request.
"""

from __future__ import annotations

from pathlib import Path

from pilotage.adapters.anchors import FileAnchor
from pilotage.engine.integrity.heads import Head
from pilotage.engine.integrity.testimony import heads_in
from pilotage.model.errors import Unavailable

_NAME, _EARLIER = "keys/signed.jsonl", "keys/signed.earlier.jsonl"
_LARGEST = 16 * 2**20
"""Bytes at which the file makes way for a new one; one earlier file is kept."""


def ledgers(directory: Path) -> tuple[Path, Path]:
    """The files of a state folder's ledger, the earlier one first."""
    return directory / _EARLIER, directory / _NAME


class Rewritten(Unavailable):
    """The key has already signed another head for this event: the store was changed or restored."""


class Ledger:
    """Of one state folder. Raises AdapterError when the file cannot be read or written."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / _NAME
        self._earlier = directory / _EARLIER
        self._file = FileAnchor(self._path, 0o600)
        self._signed: dict[tuple[str, str], str] = {}
        if self._path.exists():
            for head in heads_in(self._file.lines(), self._file.name)[0]:
                self._signed[head.rollout, head.kind] = head.head

    def check(self, head: Head) -> None:
        """Raises Rewritten."""
        if self._signed.get((head.rollout, head.kind), head.head) != head.head:
            words = f"a different head was signed when it was {head.kind}"
            raise Rewritten(f"{head.rollout}: {words}. See `pilotage events --verify`")

    def keep(self, head: Head) -> None:
        """Write down a head before its signature leaves the process."""
        if self._signed.get((head.rollout, head.kind)) == head.head:
            return
        if self._path.exists() and self._path.stat().st_size > _LARGEST:
            self._path.replace(self._earlier)
        self._file.append(head.to_json())
        self._signed[head.rollout, head.kind] = head.head
