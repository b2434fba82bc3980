"""Where targets are. One made of local processes belongs to its machine and folder: its place."""

from __future__ import annotations

from sqlalchemy import Engine, select

from pilotage.engine.tables import rollouts


def known(engine: Engine) -> tuple[tuple[str, str], ...]:
    """Service and environment of everything that the store knows."""
    query = select(rollouts.c.service, rollouts.c.environment).distinct()
    with engine.connect() as connection:
        return tuple((str(service), str(environment)) for service, environment in sorted(connection.execute(query)))
