"""Deletes messages, words of users and logs that are older than `retention`; records stay for ever."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.engine.records import pruning


@dataclass(frozen=True, kw_only=True)
class Old:
    """messages, logs, reports: how many are old enough to go · size: of the logs, bytes."""

    messages: int
    logs: int
    size: int
    reports: int
    _found: pruning.Old
    _kept: pruning.Kept
    _now: float


def old(project: Project) -> Old:
    """What would go now. Raises ConfigError."""
    section, now = project.whole.configuration.retention, project.clock.now()
    kept = pruning.Kept(messages=section.messages, logs=section.logs, reports=section.reports)
    found = pruning.old(project.store.engine, project.directory, kept, now)
    return Old(
        messages=found.messages, logs=len(found.logs), size=found.size, reports=found.reports, _found=found,
        _kept=kept, _now=now,
    )  # fmt: skip


def remove(project: Project, actor: str, what: Old) -> None:
    """Remove just what was found. Raises OSError."""
    project.require(actor, Permission.PRUNE)
    pruning.prune(project.store.engine, what._found, what._kept, what._now)
