"""Wishes of tenants for another wave."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Engine, insert, select

from pilotage.engine.records.tables_beside import wave_moves
from pilotage.model.wave_move import Move


class WaveMoves:
    """The wishes of one store; none is ever changed, a later one takes its place."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, service: str, environment: str, move: Move) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                insert(wave_moves).values(
                    service=service, environment=environment, tenant=move.tenant, wave=move.to,
                    until=move.until.isoformat(), reason=move.reason, actor=move.actor, at=move.at,
                )
            )  # fmt: skip

    def of(self, service: str, environment: str) -> tuple[Move, ...]:
        """All of them, the first one first."""
        mine = (wave_moves.c.service == service, wave_moves.c.environment == environment)
        with self._engine.connect() as connection:
            rows = connection.execute(select(wave_moves).where(*mine).order_by(wave_moves.c.id)).mappings()
            return tuple(
                Move(
                    tenant=row["tenant"], to=row["wave"], until=date.fromisoformat(row["until"]), reason=row["reason"],
                    actor=row["actor"], at=row["at"],
                )
                for row in rows
            )  # fmt: skip
