"""Which request of a client this thread works on, and what it has recorded for it (`once.py`)."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, kw_only=True)
class Key:
    """who: identity that sent it · text: the client's own, from `Idempotency-Key`."""

    who: str
    text: str


@dataclass
class Work:
    """by: the server process · made: kind and id of what committed transactions recorded · pending: of open ones."""

    key: Key
    by: str
    made: list[tuple[str, str]] = field(default_factory=list)
    pending: list[tuple[Connection, str, str]] = field(default_factory=list)

    def committing(self, connection: Connection) -> list[tuple[str, str]]:
        """All that is made once this transaction is committed."""
        return [*self.made, *((kind, identity) for there, kind, identity in self.pending if there is connection)]


AT_WORK: ContextVar[Work | None] = ContextVar("request at work", default=None)


def note_made(connection: Connection, kind: str, identity: str) -> None:
    """Called in the transaction that records a rollout or a command: the request must not make it a second time."""
    if (work := AT_WORK.get()) is not None:
        work.pending.append((connection, kind, identity))
