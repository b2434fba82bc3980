"""Who has which role where, and roles that an organisation made itself."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from pilotage.engine.records.tables_identity import custom_roles, grants, persons, sessions
from pilotage.model.access import ANYWHERE, AccessRole, Grant, HolderKind
from pilotage.model.errors import Conflict


class LastAdmin(Conflict):
    """Nobody could manage people any more. Give the role to somebody else first."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """A grant, whose it is, who gave it, and when (Unix seconds)."""

    id: int
    kind: HolderKind
    holder: str
    grant: Grant
    by: str
    at: float


@dataclass(frozen=True, kw_only=True)
class CustomRole:
    """permissions: names of Permission's values · at: Unix seconds."""

    name: str
    permissions: tuple[str, ...]
    by: str
    at: float


class Roles:
    """Those of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> tuple[Held, ...]:
        query = select(grants).order_by(grants.c.holder_kind, grants.c.holder, grants.c.id)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(
            Held(
                id=row["id"], kind=HolderKind(row["holder_kind"]), holder=row["holder"], by=row["by"], at=row["at"],
                grant=Grant(role=row["role"], service=row["service"], environment=row["environment"]),
            )
            for row in rows
        )  # fmt: skip

    def take_away(self, kind: HolderKind, holder: str, grant: Grant) -> bool:
        """False if the holder does not have it. Raises LastAdmin."""
        mine = delete(grants).where(
            grants.c.holder_kind == kind.value, grants.c.holder == holder, grants.c.role == grant.role,
            grants.c.service == grant.service, grants.c.environment == grant.environment,
        )  # fmt: skip
        with self._engine.begin() as connection:
            self._alone(connection)
            done = connection.execute(mine).rowcount > 0
            if done and grant.role == AccessRole.ADMIN:
                self._keep_an_admin(connection, f"{holder} is the last admin")
        return done

    def disable(self, name: str, now: float | None) -> bool:
        """Disable a person's account, which ends its sessions, or enable it again with None. Raises LastAdmin."""
        with self._engine.begin() as connection:
            self._alone(connection)
            done = connection.execute(update(persons).where(persons.c.name == name).values(disabled_at=now)).rowcount
            if done and now is not None:
                number = select(persons.c.id).where(persons.c.name == name).scalar_subquery()
                connection.execute(delete(sessions).where(sessions.c.person == number))
                self._keep_an_admin(connection, f"{name} is the last admin")
        return done > 0

    def save_custom(self, role: CustomRole) -> None:
        """New, or with other permissions than before."""
        values = {"permissions": list(role.permissions), "by": role.by, "at": role.at}
        with self._engine.begin() as connection:
            changed = connection.execute(
                update(custom_roles).where(custom_roles.c.name == role.name).values(values)
            ).rowcount  # fmt: skip
            if not changed:
                connection.execute(insert(custom_roles).values(name=role.name, **values))

    def delete_custom(self, name: str) -> bool:
        with self._engine.begin() as connection:
            return connection.execute(delete(custom_roles).where(custom_roles.c.name == name)).rowcount > 0

    def custom(self) -> tuple[CustomRole, ...]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(custom_roles).order_by(custom_roles.c.name)).mappings().all()
        return tuple(
            CustomRole(name=row["name"], permissions=tuple(row["permissions"]), by=row["by"], at=row["at"])
            for row in rows
        )  # fmt: skip

    @staticmethod
    def _alone(connection: Connection) -> None:
        """Two admins must not take the role from each other at the same moment; a file has one writer anyway."""
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))

    @staticmethod
    def _keep_an_admin(connection: Connection, why: str) -> None:
        """A person with a working account who is admin of everything. Raises LastAdmin. Before the first one there is
        nobody to keep."""
        query = (
            select(func.count()).select_from(grants.join(persons, persons.c.name == grants.c.holder))
            .where(grants.c.holder_kind == HolderKind.PERSON.value, grants.c.role == AccessRole.ADMIN.value)
            .where(grants.c.service == ANYWHERE, grants.c.environment == ANYWHERE, persons.c.disabled_at.is_(None))
        )  # fmt: skip
        if connection.scalar(query) == 0:
            raise LastAdmin(f"{why}: give the role to somebody else first")


_LOCK = 0x70696C6F_726F6C65
