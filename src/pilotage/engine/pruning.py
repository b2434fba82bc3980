"""What is kept for a while only: messages of rollouts that are over, and logs of instances and checks that are gone.

Rollouts, their plans, events, verdicts and commands stay for ever: they are the audit chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, Engine, delete, func, select

from pilotage.engine.outbox import WAITING
from pilotage.engine.tables import outbox, rollouts


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Seconds for which messages are kept after the end of their rollout, and logs after their last line."""

    messages: float
    logs: float


@dataclass(frozen=True, kw_only=True)
class Old:
    """What is older than that. size: bytes of the logs."""

    messages: int
    logs: tuple[Path, ...]
    size: int


def old(engine: Engine, directory: Path, kept: Kept, now: float) -> Old:
    """What `prune` would remove."""
    query = select(func.count()).select_from(outbox).where(_over(now - kept.messages))
    with engine.connect() as connection:
        messages = int(connection.scalar(query) or 0)
    logs = tuple(_logs(directory, now - kept.logs))
    return Old(messages=messages, logs=logs, size=sum(path.stat().st_size for path in logs))


def prune(engine: Engine, found: Old, kept: Kept, now: float) -> None:
    """Remove it. Space in the database's file is used again; the file does not shrink."""
    with engine.begin() as connection:
        connection.execute(delete(outbox).where(_over(now - kept.messages)))
    for path in found.logs:
        path.unlink(missing_ok=True)


def _over(before: float) -> ColumnElement[bool]:
    """Messages of rollouts only: a reminder's row also keeps it from being sent again."""
    ended = select(rollouts.c.id).where(rollouts.c.finished_at < before)
    return outbox.c.thread.in_(ended) & (outbox.c.state != WAITING)


def _logs(directory: Path, before: float) -> Iterator[Path]:
    """Logs that nothing writes to any more: of an instance without a record, of a check that has ended."""
    for path in sorted((directory / "run").glob("*/*/**/*.log")):
        fleet = path.parent.parent
        instance = path.parent.name == "logs" and fleet.name == "fleet"
        check = path.relative_to(directory / "run").parts[1] == "checks"
        if path.is_symlink() or not (check or (instance and not (fleet / f"{path.stem}.json").exists())):
            continue
        if path.stat().st_mtime < before:
            yield path
