"""The note that traffic was taken back without the store. Until the record says so too, no older wish may undo it.

A worker may have looked for the note just before it was left, and be about to write what it wished until then. So the
note is looked for once more next to the write itself, under the lock that the writer of the note takes after it.
"""

from __future__ import annotations

import os
from pathlib import Path

from pilotage.adapters.files import read_leniently
from pilotage.adapters.ports import AdapterError
from pilotage.model.flag import OFF, Ramp
from pilotage.model.json import find
from pilotage.model.traffic import Split, artifact_of

NOTE = "rescued.json"
"""In the target's folder: when it was done (`at`), who requested it (`by`), and the version that all users have
(`to`)."""


class TakenBack(AdapterError):
    """Traffic was returned to stable without the store. The worker records it at its next look."""


def refuse_older_split(place: Path, split: Split) -> None:
    """Raise TakenBack when `split` leads anyone elsewhere than where all users were led. place: the target's folder.

    A disk without room for words leaves an empty note, which says no version and refuses nothing."""
    to = _led_to(place)
    elsewhere = [name for name, _ in split.weights if artifact_of(name) != to and split.reaches(name)]
    if to and elsewhere:
        raise TakenBack(f"all traffic was sent to {to} without the store: {elsewhere[0]} gets none")


def refuse_older_ramp(place: Path, ramp: Ramp) -> None:
    """Raise TakenBack when the flag was turned off for everyone, and `ramp` turns it on for anyone. An empty note says
    that, too: whoever leaves one turns the flag off."""
    if ramp != OFF and os.path.exists(f"{place}/{NOTE}"):  # noqa: PTH110
        raise TakenBack("the flag was turned off for everyone without the store, and stays off")


def _led_to(place: Path) -> str:
    path = f"{place}/{NOTE}"  # a path of text: at nearly every write there is nothing there
    if not os.path.exists(path):  # noqa: PTH110
        return ""
    return str(find(read_leniently(Path(path)), "to") or "")
