"""What was done without the store becomes part of the record: the note that `rescue` left turns into an order."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.engine.rescue import take_back as rescue
from pilotage.model.rollout import CommandKind, Status

if TYPE_CHECKING:
    from pilotage.engine.records.store import Store
    from pilotage.model.record import Rollout

_log = logging.getLogger(__name__)
_WHY = "traffic returned to stable without the store"


def ordered(store: Store, directory: Path, rollout: Rollout) -> bool:
    """Whether the rollout in progress got an abort, because its traffic was returned without the store. Call it before
    changing the router: an outdated goal must not undo the rescue. Raises what the store raises."""
    found = rescue.standing(directory, rollout.service, rollout.environment)
    if found is None:
        return False
    if found.to == rollout.version:
        store.command(rollout.id, CommandKind.PROMOTE, found.by, _WHY, full=True)
    else:
        store.command(rollout.id, CommandKind.ABORT, found.by, _WHY)
    rescue.settled(directory, rollout.service, rollout.environment)
    return True


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
