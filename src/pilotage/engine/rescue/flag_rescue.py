"""Turns the flag of a feature toggle off when nothing else works: no store, no plan, no configuration.

It uses a note next to the target (`flag.json`), which exists while the release is in progress. A flag that everyone has
afterwards is not turned off here.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.files import read_leniently, write_json
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import JsonObject, WrongJson, object_at, text_at
from pilotage.model.renamed import renamed
from pilotage.rollout.strategies import strategy_of

if TYPE_CHECKING:
    from pilotage.model.record import Rollout

_log = logging.getLogger(__name__)
_NOTE = "flag.json"


@dataclass(frozen=True, kw_only=True)
class ReleaseFlag:
    """place: the target's folder · section: its part of the configuration, with `kind` and `key` · folder: of the
    project."""

    place: Path
    section: JsonObject
    folder: Path

    def turn_off(self) -> str:
        """Turn it off and say so in a sentence. Raises AdapterError if the flag is not off."""
        from pilotage.adapters.context import Context
        from pilotage.adapters.fence import Fence, last_seen
        from pilotage.config.kinds import FlagSection
        from pilotage.config.stored import read_kind
        from pilotage.engine.execution.targets import open_flags
        from pilotage.model.flag import OFF

        key = str(self.section.get("key"))
        fence = Fence(self.place / "fence.json", *last_seen(self.place / "fence.json"))
        context = Context(
            directory=self.place / "flags", fence=fence, service="", environment="", folder=self.folder
        )  # fmt: skip
        section = read_kind("flag", {"flag": self.section})
        if not isinstance(section, FlagSection):
            raise AdapterError(f"flag {key} could not be turned off: this version of Pilotage cannot read its location")
        try:
            flags = open_flags(section, context)
            flags.apply(OFF)
        except AdapterError:
            raise
        except Exception as error:
            # Also an extra that is not installed here: whoever calls this still has traffic to return.
            raise AdapterError(f"flag {key} could not be turned off: {error}") from error
        try:
            found = flags.read()
        except Exception as error:
            return f"flag {key} was turned off, and reading it back failed: {error}"
        if found != OFF:
            raise AdapterError(f"flag {key} is still on: another program also writes it")
        return f"flag {key} is off for everyone"


def turned_off(flag: ReleaseFlag | None) -> tuple[str, AdapterError | None]:
    """What was done, and why it was not. A provider that fails, or wants an approval, keeps no traffic from stable."""
    try:
        return (flag.turn_off() if flag else "", None)
    except AdapterError as error:
        return "", error


def remember(place: Path, rollout: Rollout) -> None:
    """Note whose flag a release under way turns on; forget it when that is over. Never raises: a disk without room is
    no reason not to continue."""
    section = rollout.snapshot.section("flag")
    toggles = strategy_of(rollout.plan).takes_flag
    try:
        if not (section and toggles) or rollout.state.status.final:
            (place / _NOTE).unlink(missing_ok=True)
        elif read_leniently(place / _NOTE) != (note := {"section": dict(section), "folder": rollout.snapshot.cwd}):
            write_json(place / _NOTE, note)
    except OSError as error:
        _log.warning("cannot write %s: %s", place / _NOTE, error.strerror)


def flag_at(place: Path) -> ReleaseFlag | None:
    """The flag of the release in progress; None if there is none, or if the note cannot be read."""
    found = read_leniently(place / _NOTE)
    with contextlib.suppress(WrongJson):
        section, _ = renamed(object_at(found, "section"), "environments.*.flag")
        return ReleaseFlag(place=place, section=object_at(section), folder=Path(text_at(found, "folder")))
    return None
