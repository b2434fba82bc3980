"""Where targets are. One made of local processes belongs to its machine and folder: its place."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, select

from pilotage.adapters.fence import floor
from pilotage.engine import leases
from pilotage.engine.rescue import place_of
from pilotage.engine.tables import rollouts


def take(engine: Engine, directory: Path, service: str, environment: str, by: str) -> int | None:
    """Take or renew the lease on a target of this place; returns its token, which is above whatever the target's fence
    has seen of others. None while another holds it."""
    fence = place_of(directory, service, environment) / "fence.json"
    return leases.acquire(engine, f"{service}/{environment}", by, above=floor(fence, by))


def known(engine: Engine) -> tuple[tuple[str, str], ...]:
    """Service and environment of everything that the store knows."""
    query = select(rollouts.c.service, rollouts.c.environment).distinct()
    with engine.connect() as connection:
        return tuple((str(service), str(environment)) for service, environment in sorted(connection.execute(query)))
