"""What a plan says of the look back at a release. Plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pilotage.model.schedule import Role


@dataclass(frozen=True)
class AgendaItem:
    id: str
    title: str
    minutes: int
    asynchronous: bool


@dataclass(frozen=True)
class Target:
    """A number of the review. `goal` is a limit, or how it is followed when it has none (C23)."""

    id: str
    group: str
    title: str
    goal: str
    how: str


@dataclass(frozen=True)
class Retrospective:
    """When and how the release is looked back on (R25), and what happens to its actions (R26)."""

    timing: str
    due: date | None
    after_rollback: str
    minutes: int
    required: tuple[Role, ...]
    optional: tuple[Role, ...]
    agenda: tuple[AgendaItem, ...]
    targets: tuple[Target, ...]
    action_fields: tuple[str, ...]
    follow_up: tuple[str, ...]
    source: str
