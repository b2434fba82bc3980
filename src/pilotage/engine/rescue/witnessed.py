"""Whether the records end before what a worker's journal next to the target saw last, as they do after a restore."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from pilotage.engine.placement.location import place_of
from pilotage.engine.rescue.journal import Witness, witness_in
from pilotage.model.events import RecordsWentBack
from pilotage.model.record import Rollout, RolloutSummary


class Records(Protocol):
    """A store, or its reader."""

    def has_event(self, rollout: str, head: str) -> bool:
        """Whether it has the event with this hash."""

    def accepts(self, rollout: str, head: str) -> bool:
        """Whether somebody gave up the event with this hash."""


def unaccepted(records: Records, directory: Path, last: RolloutSummary) -> RecordsWentBack | None:
    """What the records lack of a target whose home is here, and nobody has given up; None of one that rolls out: its
    worker decides that at its first look. directory: the state's · last: the rollout that started last there."""
    if not last.status.final:
        return None
    witness = witness_in(place_of(directory, last.service, last.environment))
    if witness is None or not lacks_the_end(records, last, witness) or records.accepts(last.id, witness.head):
        return None
    return went_back_event(last, witness)


def lacks_the_end(records: Records, last: Rollout | RolloutSummary, witness: Witness) -> bool:
    """Whether the journal saw more of the last rollout, or a later one."""
    if witness.head == last.head:
        return False
    later = bool(last.sequence and witness.sequence and witness.sequence > last.sequence)
    return (later or witness.rollout == last.id) and not records.has_event(witness.rollout, witness.head)


def went_back_event(last: Rollout | RolloutSummary, witness: Witness) -> RecordsWentBack:
    """That, with its reason."""
    if witness.rollout == last.id:
        lacks = f"{last.id} is at revision {last.revision}, but was at {witness.revision}"
    else:
        lacks = f"{witness.rollout}, which was {witness.status}, is missing"
    return RecordsWentBack(
        rollout=witness.rollout, head=witness.head, reason=f"the store went back in time: {lacks}"
    )  # fmt: skip
