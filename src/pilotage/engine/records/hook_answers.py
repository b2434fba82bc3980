"""Deployments that a code host asked for, and what it has heard of their rollouts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Column, Engine, Float, Index, Integer, String, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.engine.records.tables import metadata
from pilotage.engine.records.texts import SafeString

hook_answers = Table(
    "hook_answers",
    metadata,
    Column("rollout", String, primary_key=True),
    Column("hook", String, nullable=False),
    Column("repository", SafeString, nullable=False),
    Column("deployment", Integer, nullable=False),
    Column("told", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due", Float),
    Index("ix_hook_answers_due", "due"),
)
"""told: the state that the host has heard of, empty before the first · tries: in vain, since then · due: Unix seconds
of the next try; NULL when nothing is left to tell."""


@dataclass(frozen=True, kw_only=True)
class HookAnswer:
    """One row."""

    rollout: str
    hook: str
    repository: str
    deployment: int
    told: str
    tries: int
    due: float | None


def owe(engine: Engine, answer: HookAnswer) -> None:
    """A rollout that a deployment asked for; the first one that asked hears of it."""
    try:
        with engine.begin() as connection:
            connection.execute(insert(hook_answers).values(**_row(answer)))
    except IntegrityError:
        return


def owed(engine: Engine, now: float) -> tuple[HookAnswer, ...]:
    """Those that are to be looked at now."""
    query = select(hook_answers).where(hook_answers.c.due <= now).order_by(hook_answers.c.due).limit(20)
    with engine.connect() as connection:
        return tuple(HookAnswer(**row) for row in connection.execute(query).mappings())


def keep(engine: Engine, answer: HookAnswer, told: str, tries: int, due: float | None) -> None:
    """What came of a try."""
    row = _row(replace(answer, told=told, tries=tries, due=due))
    with engine.begin() as connection:
        connection.execute(update(hook_answers).where(hook_answers.c.rollout == answer.rollout).values(**row))


def _row(answer: HookAnswer) -> dict[str, object]:
    return {name: getattr(answer, name) for name in HookAnswer.__dataclass_fields__}
