"""Deletes what has a limited retention: messages of finished rollouts, words of users, and logs of instances and checks
that are gone.

Rollouts, their plans, events, verdicts and commands stay for ever: they are the audit chain. The digest of a message
stays, because the chain has sealed it: what was sent to whom can still be proven.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, Engine, Text, cast, func, select

from pilotage.engine.integrity.sealing import digest, plain
from pilotage.engine.records import reports
from pilotage.engine.records.outbox import PRUNED, WAITING, reduce_to_digest
from pilotage.engine.records.tables import outbox, rollouts

_LOG = re.compile(r"(.+)\.log(?:\.\d{1,3})?")
"""A log, or one of those before it, and whose it is."""

_CHUNK = 500
"""Messages in one transaction, so that no worker waits long for its own."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Seconds for which messages are kept after the end of their rollout, words of users after they came, and logs
    after their last line."""

    messages: float
    logs: float
    reports: float = math.inf


@dataclass(frozen=True, kw_only=True)
class Old:
    """What is older than that. size: bytes of the logs."""

    messages: int
    logs: tuple[Path, ...]
    size: int
    reports: int = 0


def old(engine: Engine, directory: Path, kept: Kept, now: float) -> Old:
    """What `prune` would remove."""
    query = select(func.count()).select_from(outbox).where(_over(now - kept.messages))
    with engine.connect() as connection:
        messages = int(connection.scalar(query) or 0)
    logs = tuple(_logs(directory, now - kept.logs))
    size = sum(path.stat().st_size for path in logs)
    return Old(messages=messages, logs=logs, size=size, reports=reports.wordy(engine, now - kept.reports))


def prune(engine: Engine, found: Old, kept: Kept, now: float) -> None:
    """Remove it. Space in the database's file is used again; the file does not shrink."""
    done = False
    while not done:
        with engine.begin() as connection:
            done = _reduce_some(connection, _over(now - kept.messages)) < _CHUNK
    if found.reports:
        reports.forget_words(engine, now - kept.reports)
    for path in found.logs:
        path.unlink(missing_ok=True)


def _reduce_some(connection: Connection, over: ColumnElement[bool]) -> int:
    """Leave the digests of up to a chunk of messages; returns of how many."""
    # As text: an edited message keeps its own digest, so verification continues to report it.
    message = cast(outbox.c.message, Text).label("message")
    rows = connection.execute(select(outbox.c.id, message).where(over).order_by(outbox.c.id).limit(_CHUNK)).all()
    for row in rows:
        reduce_to_digest(connection, row.id, digest(plain(row.message)))
    return len(rows)


def _over(before: float) -> ColumnElement[bool]:
    """Messages of rollouts only: a reminder's row also keeps it from being sent again."""
    ended = select(rollouts.c.id).where(rollouts.c.finished_at < before)
    return outbox.c.thread.in_(ended) & outbox.c.state.not_in((WAITING, PRUNED))


def _logs(directory: Path, before: float) -> Iterator[Path]:
    """Logs that nothing writes to any more: of an instance without a record, of a check or a stage that has ended."""
    stages = (path for pattern in ("*.log", "*.log.*") for path in (directory / "ways").glob(f"*/{pattern}"))
    yield from (path for path in sorted(stages) if not path.is_symlink() and path.stat().st_mtime < before)
    found = (path for pattern in ("*.log", "*.log.*") for path in (directory / "run").glob(f"*/*/**/{pattern}"))
    for path in sorted(found):
        fleet = path.parent.parent
        instance = path.parent.name == "logs" and fleet.name == "fleet"
        check = path.relative_to(directory / "run").parts[1] == "checks"
        named = _LOG.fullmatch(path.name)
        if named is None or path.is_symlink():
            continue
        if not (check or (instance and not (fleet / f"{named[1]}.json").exists())):
            continue
        if path.stat().st_mtime < before:
            yield path
