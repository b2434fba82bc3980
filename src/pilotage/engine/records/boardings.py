"""Changes that boarded a release train after its cut-off: who decided it, in which role, and why."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError

from pilotage.engine.records.tables_beside import boardings


@dataclass(frozen=True, kw_only=True)
class Boarding:
    """train: the ISO day of its rule · commit: full id · role: empty where nobody has roles · at: Unix seconds."""

    train: str
    commit: str
    title: str
    actor: str
    role: str
    reason: str
    at: float


def board(engine: Engine, service: str, boarding: Boarding) -> bool:
    """Keep it; False where the change boarded that train before."""
    try:
        with engine.begin() as connection:
            connection.execute(
                insert(boardings).values(
                    service=service, train=boarding.train, commit=boarding.commit, title=boarding.title,
                    actor=boarding.actor, role=boarding.role, reason=boarding.reason, at=boarding.at,
                )
            )  # fmt: skip
    except IntegrityError:
        return False
    return True


def boarded(engine: Engine, service: str, train: str) -> tuple[Boarding, ...]:
    """Those of one train, in the order in which they came."""
    query = select(boardings).where(boardings.c.service == service, boardings.c.train == train)
    with engine.connect() as connection:
        return tuple(
            Boarding(
                train=row["train"], commit=row["commit"], title=row["title"], actor=row["actor"], role=row["role"],
                reason=row["reason"], at=row["at"],
            )
            for row in connection.execute(query.order_by(boardings.c.id)).mappings()
        )  # fmt: skip
