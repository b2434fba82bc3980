"""Rows of tokens: of people, of service accounts and of CI jobs."""

from __future__ import annotations

import contextlib
from collections.abc import Collection

from sqlalchemy import Engine, RowMapping, delete, insert, select, update
from sqlalchemy.exc import OperationalError

from pilotage.engine.records.persons import TokenRow
from pilotage.engine.records.tables_identity import tokens
from pilotage.model.access import Grant, HolderKind, TokenPurpose

_USED_STEP = 60.0
"""Seconds: how exactly a token remembers when it was used last."""


class Tokens:
    """Those of one store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, token: TokenRow) -> None:
        shown = [{"role": one.role, "service": one.service, "environment": one.environment} for one in token.grants]
        with self._engine.begin() as connection:
            connection.execute(
                insert(tokens).values(
                    id=token.id, hash=token.hash, kind=token.kind.value, owner=token.owner, name=token.name,
                    grants=shown, created_by=token.created_by, created_at=token.created_at,
                    expires_at=token.expires_at, purpose=token.purpose.value,
                )
            )  # fmt: skip

    def called(self, identity: str) -> TokenRow | None:
        """By its public id."""
        with self._engine.connect() as connection:
            row = connection.execute(select(tokens).where(tokens.c.id == identity)).mappings().first()
        return None if row is None else _token(row)

    def listed(
        self, *, owner: str | None = None, kind: HolderKind | None = None, valid_at: float | None = None
    ) -> tuple[TokenRow, ...]:
        """Newest first. valid_at: only those that work then."""
        query = select(tokens).order_by(tokens.c.created_at.desc()).limit(1000)
        if owner is not None:
            query = query.where(tokens.c.owner == owner)
        if kind is not None:
            query = query.where(tokens.c.kind == kind.value)
        if valid_at is not None:
            query = query.where(tokens.c.revoked_at.is_(None))
            query = query.where(tokens.c.expires_at.is_(None) | (tokens.c.expires_at > valid_at))
        with self._engine.connect() as connection:
            return tuple(_token(row) for row in connection.execute(query).mappings())

    def used(self, token: TokenRow, now: float, address: str) -> None:
        """Remember that it was used, at most once a minute: a program asks every second. Who only reads is not kept out
        by a store that takes nothing now."""
        if token.used_at is not None and now - token.used_at < _USED_STEP and token.used_from == address:
            return
        with contextlib.suppress(OperationalError), self._engine.begin() as connection:
            connection.execute(update(tokens).where(tokens.c.id == token.id).values(used_at=now, used_from=address))

    def revoke(self, identities: Collection[str], now: float) -> int:
        """From now on they are dead. How many were not before."""
        mine = update(tokens).where(tokens.c.id.in_(tuple(identities)), tokens.c.revoked_at.is_(None))
        with self._engine.begin() as connection:
            return connection.execute(mine.values(revoked_at=now)).rowcount

    def forget_jobs(self, before: float) -> None:
        """Delete tokens of CI jobs that expired long ago: there is one for each job."""
        gone = delete(tokens).where(tokens.c.purpose == TokenPurpose.CI.value, tokens.c.expires_at < before)
        with self._engine.begin() as connection:
            connection.execute(gone)


def _token(row: RowMapping) -> TokenRow:
    given = tuple(Grant(**one) for one in row["grants"])
    return TokenRow(
        **{**row, "kind": HolderKind(row["kind"]), "grants": given, "purpose": TokenPurpose(row["purpose"])}
    )  # fmt: skip
