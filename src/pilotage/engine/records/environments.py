"""One row per environment: which of its rollouts started last, and which versions served it.

A rollout gets its number in the transaction that starts it; the transaction that ends it updates the serving versions.
So this needs neither the whole history nor a clock.
"""

from __future__ import annotations

import json

from sqlalchemy import Connection, insert, select, update

from pilotage.engine.records.rows import FINAL, good_after
from pilotage.engine.records.tables import environments, rollouts
from pilotage.model.rollout import Mode, RolloutState, Status


def known(connection: Connection, service: str, environment: str) -> int:
    """How many rollouts have started there; its row is locked, and made where it is not there yet."""
    here = (environments.c.service == service, environments.c.environment == environment)
    last = connection.scalar(select(environments.c.sequence).where(*here).with_for_update())
    if last is None:
        values = {"service": service, "environment": environment, "sequence": 0, "serving": "[]"}
        connection.execute(insert(environments).values(**values))
    return int(last or 0)


def next_sequence(connection: Connection, service: str, environment: str, last: int) -> int:
    """The number of the rollout that starts now. last: the result of `known` in this transaction."""
    here = (environments.c.service == service, environments.c.environment == environment)
    connection.execute(update(environments).where(*here).values(sequence=last + 1))
    return last + 1


def ended(connection: Connection, service: str, environment: str, state: RolloutState) -> None:
    """Keep what serves after a rollout's end."""
    # Its row is written already, and would count twice where all are read.
    known = _kept(connection, service, environment)
    if known is None:
        good = _worked_out(connection, service, environment)
    else:
        good = good_after(known, state.new, state.status, state.mode, dark=state.dark)
    here = update(environments).where(
        environments.c.service == service, environments.c.environment == environment
    )  # fmt: skip
    connection.execute(here.values(serving=json.dumps(good)))


def serving(connection: Connection, service: str, environment: str) -> tuple[str, ...]:
    """The good versions of the environment: the one that serves all requests, then the one before, and so on.
    A version that was gone back from is not among them."""
    known = _kept(connection, service, environment)
    return tuple(_worked_out(connection, service, environment) if known is None else known)


def _kept(connection: Connection, service: str, environment: str) -> list[str] | None:
    query = select(environments.c.serving).where(
        environments.c.service == service, environments.c.environment == environment
    )
    kept = connection.scalar(query)
    return None if kept is None else list(json.loads(kept))


def _worked_out(connection: Connection, service: str, environment: str) -> list[str]:
    """From its rollouts: where a worker of an older version ended one, which knows of no such row."""
    query = (
        select(rollouts.c.version, rollouts.c.status, rollouts.c.mode, rollouts.c.dark)
        .where(rollouts.c.service == service, rollouts.c.environment == environment)
        .where(rollouts.c.sequence.is_not(None), rollouts.c.status.in_(FINAL))
        .order_by(rollouts.c.sequence)
    )
    good: list[str] = []
    for version, status, mode, dark in connection.execute(query).all():
        good = good_after(good, version, Status(status), Mode(mode), dark=bool(dark))
    return good
