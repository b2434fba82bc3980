"""The configuration that stands: commands leave a copy in the state folder for what the worker does beside rollouts.

A rollout has a snapshot of its own and never asks. The worker's jobs (messages, invitations, follow-ups, publishing)
belong to no rollout; they follow the configuration that the last command in this folder used. Secrets are in it as
references alone, because a configuration that holds the secret itself is refused.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path

from pilotage.adapters.files import read_leniently, write_json
from pilotage.config.loading import Loaded, loaded_from
from pilotage.model.json import Json, JsonObject, find, object_at, text_at

_log = logging.getLogger(__name__)
_NOTE = "standing.json"


def note(directory: Path, whole: Loaded) -> None:
    """Leave a copy for the worker of this directory."""
    content: JsonObject = {"file": str(whole.folder / whole.path.name), "data": whole.document.data}
    if read_leniently(directory / _NOTE) != content:
        write_json(directory / _NOTE, content)


def standing(directory: Path) -> Loaded | None:
    """The configuration of all services that the last command used; None before the first, and where this version
    cannot read it."""
    place = directory / _NOTE
    try:
        seen = place.stat()
    except OSError:
        return None
    return _read(place, seen.st_mtime_ns, seen.st_ino)


@lru_cache(maxsize=8)
def _read(place: Path, _changed: int, _inode: int) -> Loaded | None:
    """changed, inode: a new note is another file."""
    note: Json = read_leniently(place)
    try:
        return loaded_from(find(note, "data"), Path(text_at(object_at(note), "file")))
    except ValueError as error:
        _log.warning("cannot read %s: %s", place, str(error)[:300])
        return None
