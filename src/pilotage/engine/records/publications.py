"""Stored publications of release notes: each place once for a rollout and a stage, however often the worker dies."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Engine, RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.engine.records.tables import rollouts
from pilotage.engine.records.tables_beside import publications
from pilotage.model.publication import NotesPlace, NotesPublication, PublicationState, Stage
from pilotage.model.rollout import Status

_KEPT = "keep"
"""Id of the step of blue-green after its last watch."""


def completed_since(engine: Engine, service: str, environment: str, since: float) -> tuple[tuple[str, str, float], ...]:
    """Id, version and end of each rollout that completed after `since`, Unix seconds; oldest first. A version that had
    completed before is not among them: a return is no release."""
    query = select(rollouts.c.id, rollouts.c.version, rollouts.c.finished_at).where(
        rollouts.c.service == service, rollouts.c.environment == environment,
        rollouts.c.status == Status.COMPLETED.value, rollouts.c.finished_at > since,
    )  # fmt: skip
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(rollouts.c.finished_at)).all()
        found = [(str(identity), str(version), float(ended)) for identity, version, ended in rows]
        return tuple(one for one in found if not _served(connection, service, environment, one))


def kept_ready(engine: Engine, service: str, environment: str, now: float) -> tuple[tuple[str, str, float], ...]:
    """The same of the rollout in progress whose version all users have while the old environment is kept ready for days
    (blue-green). now: the moment that counts for it, Unix seconds."""
    query = select(rollouts.c.id, rollouts.c.version).where(
        rollouts.c.service == service, rollouts.c.environment == environment,
        rollouts.c.status == Status.PROGRESSING.value, rollouts.c.step == _KEPT,
    )  # fmt: skip
    with engine.connect() as connection:
        found = [(str(identity), str(version), now) for identity, version in connection.execute(query)]
        return tuple(one for one in found if not _served(connection, service, environment, one))


def _served(connection: Connection, service: str, environment: str, one: tuple[str, str, float]) -> bool:
    """Whether its version had completed before."""
    identity, version, ended = one
    query = select(rollouts.c.id).where(
        rollouts.c.service == service, rollouts.c.environment == environment, rollouts.c.version == version,
        rollouts.c.status == Status.COMPLETED.value, rollouts.c.finished_at < ended, rollouts.c.id != identity,
    )  # fmt: skip
    return connection.scalar(query.limit(1)) is not None


def plan(engine: Engine, wanted: Iterable[NotesPublication]) -> None:
    """Keep those that are not kept yet."""
    for one in wanted:
        values = {
            "rollout": one.rollout, "service": one.service, "environment": one.environment, "version": one.version,
            "place": one.place.value, "stage": one.stage.value, "state": one.state.value, "due": one.due,
            "attempts": 0, "address": "", "error": "", "at": 0.0,
        }  # fmt: skip
        known = select(publications.c.id).where(
            publications.c.rollout == one.rollout, publications.c.place == one.place.value,
            publications.c.stage == one.stage.value,
        )  # fmt: skip
        try:
            with engine.begin() as connection:
                if connection.scalar(known) is None:
                    connection.execute(insert(publications).values(**values))
        except IntegrityError:
            continue  # another process was faster


def due(engine: Engine, service: str, now: float) -> tuple[NotesPublication, ...]:
    """What is to be published now, oldest first; what was learned since only after the first."""
    query = select(publications).where(
        publications.c.service == service, publications.c.state == PublicationState.WAITING.value,
        publications.c.due <= now,
    )  # fmt: skip
    with engine.connect() as connection:
        return tuple(map(_of_row, connection.execute(query.order_by(publications.c.due, publications.c.id)).mappings()))


def settle(engine: Engine, one: NotesPublication) -> None:
    """Keep what an attempt came to."""
    values = {
        "state": one.state.value, "due": one.due, "attempts": one.attempts, "address": one.address, "error": one.error,
        "at": one.at,
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(update(publications).where(publications.c.id == one.id).values(**values))


def published(engine: Engine, service: str) -> tuple[NotesPublication, ...]:
    """All of a service, newest first."""
    query = select(publications).where(publications.c.service == service).order_by(publications.c.id.desc())
    with engine.connect() as connection:
        return tuple(map(_of_row, connection.execute(query).mappings()))


def _of_row(row: RowMapping) -> NotesPublication:
    return NotesPublication(
        id=row["id"], rollout=row["rollout"], service=row["service"], environment=row["environment"],
        version=row["version"], place=NotesPlace(row["place"]), stage=Stage(row["stage"]),
        state=PublicationState(row["state"]), due=row["due"], attempts=row["attempts"], address=row["address"],
        error=row["error"], at=row["at"],
    )  # fmt: skip
