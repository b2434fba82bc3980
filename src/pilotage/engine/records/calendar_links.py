"""Secret links to calendars, for programs that cannot sign in: a person has one at most, and can revoke it."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, delete, insert, select

from pilotage.engine.records import audit
from pilotage.engine.records.tables_identity import links
from pilotage.model.audit import Act
from pilotage.model.json import text_at

_PURPOSE = "calendar"


def make(engine: Engine, hashed: str, act: Act, now: float, lifetime: float) -> None:
    """A link in place of the actor's other ones. hashed: SHA-256 of its secret."""
    with engine.begin() as connection:
        _remove(connection, act.actor)
        audit.append(connection, act, now)
        connection.execute(
            insert(links).values(
                hash=hashed, purpose=_PURPOSE, about={"person": act.actor}, created_at=now, expires_at=now + lifetime
            )
        )  # fmt: skip


def revoke(engine: Engine, act: Act, now: float) -> bool:
    """False if the actor had none."""
    with engine.begin() as connection:
        removed = _remove(connection, act.actor)
        if removed:
            audit.append(connection, act, now)
        return removed


def person_of(engine: Engine, hashed: str, now: float) -> str | None:
    """Whose link it is; None where it is unknown, revoked or expired."""
    query = select(links.c.about).where(
        links.c.hash == hashed, links.c.purpose == _PURPOSE, links.c.expires_at > now
    )  # fmt: skip
    with engine.connect() as connection:
        about = connection.scalar(query)
    return None if about is None else text_at(about, "person")


def made_at(engine: Engine, person: str, now: float) -> tuple[float, float] | None:
    """When the person's link was made, and when it expires; None without one."""
    query = select(links.c.about, links.c.created_at, links.c.expires_at).where(
        links.c.purpose == _PURPOSE, links.c.expires_at > now
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return next(((row.created_at, row.expires_at) for row in rows if text_at(row.about, "person") == person), None)


def _remove(connection: Connection, person: str) -> bool:
    query = select(links.c.hash, links.c.about).where(links.c.purpose == _PURPOSE)
    mine = [row.hash for row in connection.execute(query).all() if text_at(row.about, "person") == person]
    if mine:
        connection.execute(delete(links).where(links.c.hash.in_(mine)))
    return bool(mine)
