"""Where targets are. One made of local processes (a process fleet behind a local Envoy) belongs to its place: a folder
of a machine. Only a worker there may lease it; another one would start a second fleet and a second router.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, insert, select, update

from pilotage.adapters.fence import floor
from pilotage.engine.execution.failpoints import reach
from pilotage.engine.placement import leases
from pilotage.engine.placement.location import place_of
from pilotage.engine.records.home import Home, Place, here, home_as_seen
from pilotage.engine.records.tables import environments, rollouts
from pilotage.engine.records.tables import leases as lease_rows
from pilotage.model.errors import Conflict


class Elsewhere(leases.LeaseLost):
    """The target belongs to another place; the sentence says to which."""


class FolderTaken(Conflict):
    """Another service and environment already use this folder under `run/`."""


class StillAlive(Conflict):
    """The environment's home is still running, so it cannot be adopted."""


def take(
    engine: Engine, directory: Path, service: str, environment: str, by: str, *, force: bool = False
) -> int | None:
    """Take or renew the lease on a target of this place, or on one without a home; returns its token, which is above
    what the target's fence has seen of others. None while another holds it, unless `force`. Raises Elsewhere."""
    fence, place = place_of(directory, service, environment) / "fence.json", here(directory)

    def settle(connection: Connection) -> None:
        _settle(connection, service, environment, place)

    above = floor(fence, by)
    return leases.acquire(engine, f"{service}/{environment}", by, above=above, within=settle, force=force)


def claim(connection: Connection, directory: Path, service: str, environment: str) -> None:
    """Whoever deploys to an environment first is at home there, whichever worker looks at it first. An environment
    with a past may run elsewhere: its worker says where, when it takes the lease. Raises FolderTaken."""
    here_too = (rollouts.c.service == service, rollouts.c.environment == environment)
    if connection.scalar(select(func.count()).select_from(rollouts).where(*here_too)) == 1:
        place = here(directory)
        _alone_in_its_folder(connection, directory, service, environment, place)
        _move(connection, service, environment, place, leases.now_of(connection))


def _alone_in_its_folder(connection: Connection, directory: Path, service: str, environment: str, place: Place) -> None:
    """A folder is named after both names, and two targets may come to the same: they would share a router."""
    query = select(environments.c.service, environments.c.environment).where(environments.c.home == place.id)
    for other in connection.execute(query).all():
        same = place_of(directory, *other) == place_of(directory, service, environment)
        if same and tuple(other) != (service, environment):
            raise FolderTaken(
                f"{service} in {environment} would share the folder {place_of(directory, service, environment)} with "
                f"{other[0]} in {other[1]}, which is running there. Rename the service or the environment"
            )


def home_of(engine: Engine, directory: Path, service: str, environment: str) -> Home | None:
    """Where a target is; None where it has no home yet."""
    with engine.connect() as connection:
        query = select(environments.c.home, environments.c.home_name).where(_row(service, environment))
        row = connection.execute(query).first()
        if row is None or row.home is None:
            return None
        expires = connection.scalar(select(lease_rows.c.expires_at).where(_lease(service, environment)))
        now = leases.now_of(connection)
    return home_as_seen(directory, row.home, row.home_name, expires, now)


def homes(engine: Engine, directory: Path) -> Mapping[tuple[str, str], Home]:
    """Where every target is, by service and environment."""
    held = lease_rows.c.target == environments.c.service + "/" + environments.c.environment
    query = select(environments, lease_rows.c.expires_at).outerjoin(lease_rows, held)
    with engine.connect() as connection:
        rows = connection.execute(query.where(environments.c.home.is_not(None))).all()
        now = leases.now_of(connection)
    return {
        (row.service, row.environment): home_as_seen(directory, row.home, row.home_name, row.expires_at, now)
        for row in rows
    }  # fmt: skip


def adopt(engine: Engine, directory: Path, service: str, environment: str, *, force: bool = False) -> Place:
    """Make this place the home of a target, in one transaction; returns the one it had. What runs at the old one is not
    touched, and a worker that comes back there learns that it is not at home. Raises StillAlive unless `force`."""
    target, place = f"{service}/{environment}", here(directory)
    with engine.begin() as connection:
        lease = connection.execute(select(lease_rows).where(_lease(service, environment)).with_for_update()).first()
        row = connection.execute(select(environments).where(_row(service, environment)).with_for_update()).first()
        now = leases.now_of(connection)
        before = Place(str(row.home), str(row.home_name)) if row and row.home else place
        if lease and not force and lease.expires_at > now and not leases.gone(lease.holder):
            raise StillAlive(f"{target} runs on {before.name}, and its worker is active. Stop it there, or use --force")
        _move(connection, service, environment, place, now)
        reach("adopt")
        if lease:
            # The previous holder loses it; a worker of this place takes it immediately.
            freed = {"holder": f"adopted/{place.id}", "token": lease.token + 1, "expires_at": 0.0}
            connection.execute(update(lease_rows).where(_lease(service, environment)).values(freed))
    return before


def known(engine: Engine) -> tuple[tuple[str, str], ...]:
    """Service and environment of everything that the store knows."""
    query = select(rollouts.c.service, rollouts.c.environment).distinct()
    with engine.connect() as connection:
        return tuple((str(service), str(environment)) for service, environment in sorted(connection.execute(query)))


def _settle(connection: Connection, service: str, environment: str, place: Place) -> None:
    """Whoever leases a target first is at home there. Raises Elsewhere."""
    query = select(environments.c.home, environments.c.home_name).where(_row(service, environment))
    row = connection.execute(query).first()
    if row is None or row.home is None:
        _move(connection, service, environment, place, leases.now_of(connection))
    elif row.home != place.id:
        said = f"{service}/{environment} runs on {row.home_name}, not on {place.name}"
        raise Elsewhere(f"{said}. Run `pilotage adopt {environment}` to move it here")


def _move(connection: Connection, service: str, environment: str, place: Place, now: float) -> None:
    values = {"home": place.id, "home_name": place.name, "heard_at": now}
    changed = connection.execute(update(environments).where(_row(service, environment)).values(values))
    if changed.rowcount == 0:
        connection.execute(insert(environments).values(service=service, environment=environment, **values))


def _row(service: str, environment: str) -> ColumnElement[bool]:
    return and_(environments.c.service == service, environments.c.environment == environment)


def _lease(service: str, environment: str) -> ColumnElement[bool]:
    return lease_rows.c.target == f"{service}/{environment}"
