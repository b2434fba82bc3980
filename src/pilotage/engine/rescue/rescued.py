"""What was done without the store becomes part of the record: the note that `rescue` left turns into an order."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.engine.rescue import take_back as rescue
from pilotage.model.rollout import Command, CommandKind, Status

if TYPE_CHECKING:
    from pilotage.engine.records.store import Store
    from pilotage.model.record import Rollout

_log = logging.getLogger(__name__)
_WHY = "traffic returned to stable without the store"


def ordered(store: Store, directory: Path, rollout: Rollout) -> bool:
    """Whether the rollout in progress has an abort waiting, because its traffic was returned without the store. The
    note stays until the order was obeyed: whoever looks at the rollout before must find it. Raises what the store
    raises."""
    found = rescue.standing(directory, rollout.service, rollout.environment)
    if found is None:
        return False
    kind = CommandKind.PROMOTE if found.to == rollout.version else CommandKind.ABORT
    if not any(waiting.kind is kind and is_order(waiting) for waiting in store.pending(rollout.id)):
        store.command(rollout.id, kind, found.by, _WHY, full=kind is CommandKind.PROMOTE)
    return True


def is_order(command: Command) -> bool:
    """Whether a note became this command."""
    return command.reason == _WHY


def abort_for(found: rescue.Rescued) -> Command:
    """The order for who cannot reach the store."""
    return Command(-1, CommandKind.ABORT, found.by, _WHY)


def must_wait(store: Store, directory: Path, rollout: Rollout) -> bool:
    """Whether a finished rollout must not be kept running now, because users were sent elsewhere without the store: a
    rollback replaces it, or an operator has to start one. Raises what the store raises."""
    from pilotage.engine.records.store import StoreConflict
    from pilotage.engine.rescue.returning import NoWayBack, go_back_by_record

    found = rescue.standing(directory, rollout.service, rollout.environment)
    if found is None:
        return False
    serves = rollout.version if rollout.state.status is Status.COMPLETED else rollout.old
    if found.to in ("", serves):
        rescue.settled(directory, rollout.service, rollout.environment)
        return False
    try:
        go_back_by_record(store, rollout.service, rollout.environment, found.to, found.by, _WHY)
    except (NoWayBack, StoreConflict) as error:
        _log.warning(
            "%s: all traffic was sent to %s without the store, and stays there: %s", rollout.id, found.to, error
        )
        return True
    rescue.settled(directory, rollout.service, rollout.environment)
    return True
