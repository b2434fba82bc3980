"""A worker's journal next to the target: how far the store was, and what was done while the store was away.

A store can be lost, replaced, or go back in time when a database fails over; the journal then shows it. Each entry is
one line of JSON, only appended. On a full disk, entries are kept in memory and written later.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from pilotage.adapters.files import write_durably
from pilotage.engine.placement.location import place_of
from pilotage.model.json import (
    JsonObject,
    WrongJson,
    list_at,
    number_at,
    object_at,
    optional,
    read_as,
    text_at,
    whole_at,
)
from pilotage.model.rollout import Decision, Event, RolloutState
from pilotage.model.stored_state import named_today

_log = logging.getLogger(__name__)
_NAME = "journal.jsonl"
_LARGEST = 256 << 10
"""Bytes at which only what is still needed is kept."""
_MOST_LOST = 20
_MOST_DONE = 500
"""Number of kept actions without the store: a rollback has about five."""


@dataclass(frozen=True, kw_only=True)
class Witness:
    """How far the store was when a worker last recorded an event there. head: of the chain · at: Unix seconds."""

    rollout: str
    sequence: int | None
    version: str
    revision: int
    head: str
    status: str
    at: float


@dataclass(frozen=True, kw_only=True)
class Lost:
    """The store had gone back in time: it was at `found`, although it had been at `witness`."""

    witness: Witness
    found: int
    at: float


@dataclass(frozen=True, kw_only=True)
class Done:
    """One decision that the store has not recorded yet. at: Unix seconds, which also identify it within the rollout.

    base, head: revision and chain of the rollout's record on which it was decided · number: how many waiting decisions
    came before it on the same record · sent: `at` of a record whose outcome was unknown then, 0 if there was none.
    """

    rollout: str
    at: float
    decision: Decision
    base: int = 0
    head: str = ""
    number: int = 0
    sent: float = 0.0

    def follows(self, revision: int, head: str, at: float) -> bool:
        """Whether a record with this revision, chain and time is the one on which it was decided, and not a later one
        of another worker."""
        if self.sent and self.sent == at:
            return True
        return revision == self.base + self.number and (self.number > 0 or head == self.head)


def witness_in(place: Path) -> Witness | None:
    """The last note on how far the store was, for those who cannot ask it. place: the folder of the target."""
    found = None
    for entry in _entries(place / _NAME):
        if entry.get("kind") == "witness":
            with contextlib.suppress(WrongJson):
                found = read_as(Witness, entry)
    return found


class Journal:
    """Of one target. Nothing here raises for a disk that cannot be read or written."""

    def __init__(self, directory: Path, service: str, environment: str) -> None:
        """directory: the state's folder."""
        self._file = place_of(directory, service, environment) / _NAME
        self._unwritten: list[str] = []
        self._told = False
        self._witness: Witness | None = None
        self._lost: list[Lost] = []
        self._done: dict[tuple[str, float], Done] = {}
        self.read()

    def read(self) -> None:
        """Read it again: another worker may have written it. Entries that wait for disk space stay."""
        if self._unwritten:
            return
        self._witness, self._lost, self._done = None, [], {}
        for entry in _entries(self._file):
            self._take(entry)

    @property
    def witness(self) -> Witness | None:
        """The last word on how far the store was."""
        return self._witness

    @property
    def lost(self) -> tuple[Lost, ...]:
        """Each time that the store had gone back, oldest first."""
        return tuple(self._lost)

    def done(self, rollout: str) -> tuple[Done, ...]:
        """What was done to a rollout and is not in the store yet, in its order."""
        return tuple(done for done in self._done.values() if done.rollout == rollout)

    def note(self, witness: Witness) -> None:
        self._append({"kind": "witness", **asdict(witness)})

    def note_lost(self, lost: Lost) -> None:
        self._append({"kind": "lost", **asdict(lost)})

    def note_done(self, done: Done) -> None:
        self._append(_line_of(done))

    def note_merged(self, done: Done) -> None:
        """The store has it now."""
        self._append({"kind": "merged", "rollout": done.rollout, "at": done.at})

    def _take(self, entry: JsonObject) -> None:
        try:
            match entry.get("kind"):
                case "witness":
                    self._witness = read_as(Witness, entry)
                case "lost":
                    self._lost = [*self._lost, read_as(Lost, entry)][-_MOST_LOST:]
                case "done" if len(self._done) < _MOST_DONE:
                    done = _done_of(entry)
                    self._done[done.rollout, done.at] = done
                case "merged":
                    self._done.pop((text_at(entry, "rollout"), number_at(entry, "at")), None)
        except ValueError as error:
            _log.warning("%s: unreadable line: %s", self._file, error)

    def _append(self, entry: JsonObject) -> None:
        self._unwritten.append(json.dumps(entry, sort_keys=True))
        self._take(entry)
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _size(self._file) > _LARGEST:
                self._shorten()
            else:
                _add(self._file, self._unwritten)
            self._unwritten, self._told = [], False
        except OSError as error:
            self._unwritten = self._unwritten[-_MOST_DONE:]
            if not self._told:
                _log.warning("cannot write %s, its lines stay in memory: %s", self._file, error.strerror)
            self._told = True

    def _shorten(self) -> None:
        """Replace the file by what is still needed, whole or not at all."""
        lines: list[JsonObject] = [{"kind": "lost", **asdict(lost)} for lost in self._lost]
        lines += [{"kind": "witness", **asdict(self._witness)}] if self._witness else []
        lines += [_line_of(done) for done in self._done.values()]
        write_durably(self._file, "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines).encode())


def _done_of(line: JsonObject) -> Done:
    """What `_line_of` wrote, also in an earlier version. Raises ValueError."""
    events = tuple(read_as(Event, event) for event in list_at(line, "events"))
    return Done(
        rollout=text_at(line, "rollout"),
        at=number_at(line, "at"),
        decision=Decision(read_as(RolloutState, named_today(object_at(line, "state"))), (), events),
        base=optional(whole_at, line, "base") or 0,
        head=optional(text_at, line, "head") or "",
        number=optional(whole_at, line, "number") or 0,
        sent=optional(number_at, line, "sent") or 0.0,
    )


def _line_of(done: Done) -> JsonObject:
    decision = done.decision
    events = [{"type": e.type, "sentence": e.sentence, "data": e.data} for e in decision.events]
    return {
        "kind": "done", "rollout": done.rollout, "at": done.at, "state": msgspec.to_builtins(decision.state),
        "events": events, "base": done.base, "head": done.head, "number": done.number, "sent": done.sent,
    }  # fmt: skip


def _add(file: Path, lines: Sequence[str]) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        # A line that was cut off before is ended first.
        content = ("\n" + "\n".join(lines) + "\n").encode()
        if os.write(descriptor, content) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _entries(file: Path) -> list[JsonObject]:
    """Every line that can be read; what was cut off is left out."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    found: list[JsonObject] = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            entry = json.loads(line) if line.strip() else None
            if isinstance(entry, dict):
                found.append(entry)
    return found


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
