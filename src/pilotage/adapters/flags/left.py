"""What this rollout last left at a flag's provider, so that a change by someone else is found and never overwritten.

It is written before and after each write. A crash between the two leaves both what was there and what was wanted, and
either may be found. The note is of one rollout: what an earlier one left says nothing about this one. Without the note
(a lost disk, another machine) only a ramp that this step would widen counts as ours.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from pilotage.adapters.files import read_leniently, write_json
from pilotage.adapters.ports import AdapterError
from pilotage.model.flag import OFF, Ramp
from pilotage.model.json import Json, JsonObject, WrongJson, each, find, list_at, object_at, text_at, whole_at
from pilotage.model.traffic import WHOLE

_log = logging.getLogger(__name__)
_NAME = "left.json"


class Left:
    """rollout: empty where none is under way; then everything that is found counts."""

    def __init__(self, directory: Path, rollout: str) -> None:
        self._file, self._rollout = directory / _NAME, rollout
        self._unwritten: tuple[Ramp, Ramp] | None = None

    def expect(self, found: Ramp, where: str) -> None:
        """Raise AdapterError if someone else changed who has the flag since this rollout last wrote it. where: the flag
        at its provider, for the sentence."""
        known = self._known()
        if known and found not in known:
            raise AdapterError(
                f"{where} was changed by someone else: it is {words(found)}, and this rollout left it "
                f"{words(known[0])}. Set it back there, or abort the rollout"
            )

    def expect_below(self, found: Ramp, wanted: Ramp, where: str) -> None:
        """The same before a write, also without a note."""
        self.expect(found, where)
        if self._rollout and not self._known() and not narrower(found, wanted):
            raise AdapterError(
                f"{where} is {words(found)}, and this step would set {words(wanted)}: someone else changed it. Set it "
                "back there, or abort the rollout"
            )

    def write(self, found: Ramp | None, wanted: Ramp, do: Callable[[], None]) -> None:
        """`do` it, between the two notes. found: None if nobody looked. A disk without room stops nothing."""
        known = self._known()
        if found is not None or known:
            self._note(found if found is not None else known[0] if known else OFF, wanted)
        do()
        self._note(wanted, wanted)

    @property
    def waits(self) -> bool:
        """Whether a write was begun, and is not known to have taken effect."""
        known = self._known()
        return known is not None and known[0] != known[1]

    def now(self, ramp: Ramp) -> None:
        """It was found as wanted."""
        if self._known() != (ramp, ramp):
            self._note(ramp, ramp)

    def _known(self) -> tuple[Ramp, Ramp] | None:
        """What was there, and what was to be there; None if nothing is known of this rollout."""
        if self._unwritten is not None:
            return self._unwritten
        found = read_leniently(self._file)
        if not self._rollout or find(found, "rollout") != self._rollout:
            return None
        try:
            return _ramp_in(object_at(found, "left")), _ramp_in(object_at(found, "wanted"))
        except WrongJson:
            return None

    def _note(self, left: Ramp, wanted: Ramp) -> None:
        if not self._rollout:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._file, {"rollout": self._rollout, "left": _ramp_out(left), "wanted": _ramp_out(wanted)})
            self._unwritten = None
        except OSError as error:
            _log.warning("cannot write %s: %s", self._file, error.strerror)
            self._unwritten = left, wanted
            # What an older note says would look like a change by someone else after a restart.
            with contextlib.suppress(OSError):
                self._file.unlink(missing_ok=True)


def narrower(ramp: Ramp, other: Ramp) -> bool:
    """Whether everyone whom `ramp` reaches is reached by `other`."""
    return other.share == WHOLE or (ramp.share <= other.share and set(ramp.groups) <= set(other.groups))


def words(ramp: Ramp) -> str:
    """Whom a ramp reaches: `off`, or `on for internal and 10 % of users`."""
    if ramp == OFF:
        return "off"
    parts = [*ramp.groups, *([f"{ramp.share / 10:g} % of users"] if ramp.share else [])]
    return f"on for {' and '.join([', '.join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)}"


def _ramp_out(ramp: Ramp) -> JsonObject:
    return {"groups": list(ramp.groups), "share": ramp.share}


def _ramp_in(found: Json) -> Ramp:
    return Ramp(tuple(each(text_at, list_at(found, "groups"))), whole_at(found, "share"))
