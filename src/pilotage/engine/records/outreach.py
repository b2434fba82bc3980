"""Key accounts and a release: which have the message, and which answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, and_, delete, insert, select

from pilotage.engine.records.tables import outbox
from pilotage.engine.records.tables_beside import outreach_answers
from pilotage.model.json import JsonObject, each, text_at

_Place = tuple[str, str, str]
"""Service, environment, version."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """words: what was answered, in short · at: Unix seconds."""

    account: str
    words: str
    actor: str
    at: float


def reached(engine: Engine, place: _Place) -> tuple[dict[str, float], frozenset[str]]:
    """Accounts that have a message about the release, with the time of the newest, Unix seconds; and those whose
    addresses were refused."""
    sent: dict[str, float] = {}
    refused: set[str] = set()
    for at, receipt in _receipts(engine, place):
        names = "accounts" if "accounts" in receipt else "done"
        sent |= dict.fromkeys(each(text_at, receipt, names), at)
        refused |= set(each(text_at, receipt, "refused"))
    return sent, frozenset(refused - sent.keys())


def _receipts(engine: Engine, place: _Place) -> Iterator[tuple[float, JsonObject]]:
    """Of messages to accounts, whole or as far as they came."""
    service, environment, version = place
    query = select(outbox.c.key, outbox.c.sent_at, outbox.c.created_at, outbox.c.receipt, outbox.c.section)
    query = query.where(outbox.c.service == service, outbox.c.environment == environment)
    with engine.connect() as connection:
        rows = connection.execute(query.where(outbox.c.receipt.is_not(None)).order_by(outbox.c.id)).all()
    for row in rows:
        if row.section.get("accounts_file") and row.key.startswith(f"announcement/{service}/{environment}/{version}/"):
            yield row.sent_at or row.created_at, row.receipt


def answers(engine: Engine, place: _Place) -> dict[str, Answer]:
    """By account."""
    with engine.connect() as connection:
        rows = connection.execute(select(outreach_answers).where(_at(place))).mappings().all()
    return {
        row["account"]: Answer(account=row["account"], words=row["words"], actor=row["actor"], at=row["at"])
        for row in rows
    }


def keep(engine: Engine, place: _Place, answer: Answer) -> None:
    """Keep an answer; a later one takes the place of an earlier one."""
    service, environment, version = place
    with engine.begin() as connection:
        connection.execute(delete(outreach_answers).where(_at(place), outreach_answers.c.account == answer.account))
        connection.execute(
            insert(outreach_answers).values(
                service=service, environment=environment, version=version, account=answer.account, words=answer.words,
                actor=answer.actor, at=answer.at,
            )
        )  # fmt: skip


def _at(place: _Place) -> ColumnElement[bool]:
    service, environment, version = place
    columns = outreach_answers.c
    return and_(columns.service == service, columns.environment == environment, columns.version == version)
