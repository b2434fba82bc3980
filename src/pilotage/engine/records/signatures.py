"""Stored sign-offs and waivers. Nothing is ever changed or deleted."""

from __future__ import annotations

from sqlalchemy import Engine, insert, select

from pilotage.engine.records.tables import signatures
from pilotage.model.readiness import Signature, SignatureKind


def sign(engine: Engine, service: str, environment: str, version: str, signed: Signature) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(signatures).values(
                service=service, environment=environment, version=version, kind=signed.kind.value, item=signed.item,
                role=signed.role, actor=signed.by, comment=signed.comment, at=signed.at, until=signed.until,
                plan=signed.plan, artifact=signed.artifact, subject=signed.subject,
            )
        )  # fmt: skip


def signatures_of(engine: Engine, service: str, environment: str, version: str) -> tuple[Signature, ...]:
    """In the order in which they were given."""
    query = select(signatures).where(
        signatures.c.service == service, signatures.c.environment == environment, signatures.c.version == version
    )
    with engine.connect() as connection:
        return tuple(
            Signature(
                SignatureKind(row["kind"]), row["item"], row["role"], row["actor"], row["comment"], row["at"],
                row["until"], row["plan"], row["artifact"], row["subject"],
            )
            for row in connection.execute(query.order_by(signatures.c.id)).mappings()
        )  # fmt: skip
