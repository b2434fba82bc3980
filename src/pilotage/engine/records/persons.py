"""People, their sessions and tokens, and the roles they have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, RowMapping, insert, select
from sqlalchemy.exc import IntegrityError

from pilotage.engine.records.tables_identity import custom_roles, grants, persons, sessions
from pilotage.model.access import Grant, HolderKind, Proof, TokenPurpose
from pilotage.model.errors import Conflict


class NameTaken(Conflict):
    """Somebody has this name already."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """One row. password: argon2 hash, None for who signs in elsewhere · disabled_at: Unix seconds."""

    id: int
    name: str
    email: str
    password: str | None
    totp: str | None
    totp_step: int | None
    recovery: tuple[str, ...]
    issuer: str | None
    subject: str | None
    groups: tuple[str, ...]
    emergency: bool
    ssh_keys: tuple[str, ...]
    created_at: float
    disabled_at: float | None


@dataclass(frozen=True, kw_only=True)
class SessionRow:
    """A session that somebody's browser holds. hash: SHA-256 of its secret, hex · times in Unix seconds."""

    hash: str
    person: int
    proof: Proof
    created_at: float
    seen_at: float
    expires_at: float
    address: str
    agent: str


@dataclass(frozen=True, kw_only=True)
class TokenRow:
    """A personal or service token. id: its public part · hash: SHA-256 of its secret part, hex."""

    id: str
    hash: str
    kind: HolderKind
    owner: str
    name: str
    grants: tuple[Grant, ...]
    created_by: str
    created_at: float
    expires_at: float | None
    used_at: float | None
    used_from: str
    revoked_at: float | None
    purpose: TokenPurpose = TokenPurpose.PERSONAL


class Persons:
    """Those of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, name: str, at: float, *, email: str = "", password: str | None = None) -> Person:
        """A new person, without any role. Raises NameTaken."""
        row: dict[str, object] = {
            "name": name, "email": email, "password": password, "groups": [], "ssh_keys": [], "recovery": [],
            "created_at": at,
        }  # fmt: skip
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(persons).values(row))
        except IntegrityError:
            raise NameTaken(f"there is a person called {name!r} already") from None
        found = self.called(name)
        assert found is not None
        return found

    def called(self, name: str) -> Person | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(persons).where(persons.c.name == name)).mappings().first()
        return None if row is None else person_of(row)

    def numbered(self, identity: int) -> Person | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(persons).where(persons.c.id == identity)).mappings().first()
        return None if row is None else person_of(row)

    def all(self) -> tuple[Person, ...]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(persons).order_by(persons.c.name)).mappings().all()
        return tuple(person_of(row) for row in rows)

    # ── sessions ───────────────────────────────────────────────────────────────────────────────────────────

    def begin_session(self, session: SessionRow) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                insert(sessions).values(
                    hash=session.hash, person=session.person, proof=session.proof.value,
                    created_at=session.created_at, seen_at=session.seen_at, expires_at=session.expires_at,
                    address=session.address, agent=session.agent,
                )
            )  # fmt: skip

    def session(self, hashed: str, now: float) -> SessionRow | None:
        """The session, unless it has expired."""
        query = select(sessions).where(sessions.c.hash == hashed, sessions.c.expires_at > now)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else SessionRow(**{**row, "proof": Proof(row["proof"])})

    def end_session(self, hashed: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(sessions.delete().where(sessions.c.hash == hashed))

    # ── roles ──────────────────────────────────────────────────────────────────────────────────────────────

    def grant(self, kind: HolderKind, holder: str, grant: Grant, by: str, at: float) -> bool:
        """Give a role; False if the holder had it already."""
        row = {"holder_kind": kind.value, "holder": holder, "role": grant.role, "service": grant.service}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(grants).values(**row, environment=grant.environment, by=by, at=at))
        except IntegrityError:
            return False
        return True

    def grants_of(self, kind: HolderKind, holders: Iterable[str]) -> tuple[Grant, ...]:
        """What these have together, such as a person's groups."""
        query = select(grants).where(grants.c.holder_kind == kind.value, grants.c.holder.in_(tuple(holders)))
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(grants.c.id)).mappings().all()
        return tuple(Grant(role=row["role"], service=row["service"], environment=row["environment"]) for row in rows)

    def held(self) -> Mapping[tuple[HolderKind, str], tuple[Grant, ...]]:
        """The roles of everybody, by who holds them."""
        found: dict[tuple[HolderKind, str], tuple[Grant, ...]] = {}
        with self._engine.connect() as connection:
            rows = connection.execute(select(grants).order_by(grants.c.id)).mappings().all()
        for row in rows:
            holder = (HolderKind(row["holder_kind"]), row["holder"])
            grant = Grant(role=row["role"], service=row["service"], environment=row["environment"])
            found[holder] = (*found.get(holder, ()), grant)
        return found

    def custom_roles(self) -> Mapping[str, frozenset[str]]:
        """Permissions by the name of the role."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(custom_roles.c.name, custom_roles.c.permissions)).all()
        return {row.name: frozenset(row.permissions) for row in rows}


def person_of(row: RowMapping) -> Person:
    return Person(
        **{
            **row, "groups": tuple(row["groups"]), "ssh_keys": tuple(row["ssh_keys"]),
            "recovery": tuple(row["recovery"]), "emergency": bool(row["emergency"]),
        }
    )  # fmt: skip
