"""Handles a rollout that cannot be observed: its users return to stable by the router's own files, and an operator is
paged.

Nothing here depends on what failed: neither the plan nor the configuration is read.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select, update

from pilotage.adapters.ports import AdapterError
from pilotage.engine.integrity.chain import append
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.engine.records.tables import rollouts
from pilotage.engine.rescue import take_back as rescue
from pilotage.model.events import InterventionRequired
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, Decision, Event

_log = logging.getLogger(__name__)
_STAYS_CLOSED = "the service stays closed; run `pilotage abort --offline` to open it with the old version"


def rescue_stuck(store: Store, directory: Path, rollout: str, why: str) -> bool:
    """Return all users of `rollout` to its old version, request its rollback, and page. Returns whether the users are
    back; if not, try again."""
    with store.engine.connect() as connection:
        query = select(rollouts.c.service, rollouts.c.environment, rollouts.c.old)
        found = connection.execute(query.where(rollouts.c.id == rollout)).first()
    if found is None:
        return True
    service, environment, old = found
    told = rescue.standing(directory, service, environment) is not None
    try:
        closed = rescue.is_closed(directory, service, environment)
        did, back = (_STAYS_CLOSED if closed else rescue.take_back(directory, service, environment, old)), True
    except (AdapterError, OSError) as error:
        did, back = f"the traffic could not be returned: {error}", False
    _log.warning("%s is stuck: %s; %s", rollout, why, did)
    if back and not told:
        with suppress(StoreConflict):  # another worker has ended it
            store.command(rollout, CommandKind.ROLLBACK, "pilotage", f"internal error: {why}")
    return back


def leave_to_stable(directory: Path, rollout: Rollout) -> None:
    """Nobody looks at the rollout: its users go back to what served before. Whoever takes it up again watches
    it again, so no note says that it was aborted."""
    state = rollout.state
    if state.status.final or state.old is None:
        return
    where = (directory, rollout.service, rollout.environment)
    try:
        did = _STAYS_CLOSED if rescue.is_closed(*where) else rescue.take_back(*where, state.old, noted=False)
    except (AdapterError, OSError) as error:
        did = f"the traffic could not be returned: {error}"
    _log.error("no worker observes %s: %s", rollout.id, did)


def tell_stuck(store: Store, rollout: str, why: str) -> None:
    """Record that an operator is needed, and send it to the rollout's channels. If the rollout cannot be read, only its
    chain gets the event."""
    told = InterventionRequired(cause="stuck", step="", reason=why).record()
    try:
        found = store.get(rollout)
        reason = found.state.reason if found.state.status.final else f"stuck: {why}"
        state = replace(found.state, reason=reason, at=max(store.clock.now(), found.state.at))
        store.record(found, Decision(state, (), (told,)), found.judge, found.live or NOTHING_SEEN)
    except Exception:
        _log.exception("%s: recorded in its event chain only", rollout)
        _tell_in_chain(store, rollout, told)


def _tell_in_chain(store: Store, rollout: str, told: Event) -> None:
    with store.engine.begin() as connection:
        query = select(rollouts.c.head, rollouts.c.events).where(rollouts.c.id == rollout).with_for_update()
        row = connection.execute(query).first()
        if row is None:
            return
        head, number = row[0], row[1] + 1
        recorded = append(connection, rollout, head, number, told, store.clock.now())
        changed = update(rollouts).where(rollouts.c.id == rollout)
        connection.execute(changed.values(head=recorded.hash, events=number, revision=rollouts.c.revision + 1))
