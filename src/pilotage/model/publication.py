"""Release notes that the worker publishes: where, when, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NotesPlace(StrEnum):
    FOLDER = "folder"
    """A Markdown file for each version."""
    PAGE = "page"
    """A web page for each version, and their list."""
    RELEASE = "release"
    """A release at a code host."""


class Stage(StrEnum):
    FIRST = "first"
    """When all users have the version."""
    AMENDED = "amended"
    """With what was learned since."""


class PublicationState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    DEAD = "dead"
    """Given up: the error says why."""


@dataclass(frozen=True, kw_only=True)
class NotesPublication:
    """due, at: Unix seconds; at: of the last attempt, 0 before the first · address: where it is · error: of the last
    attempt; empty if it succeeded."""

    id: int = 0
    rollout: str
    service: str
    environment: str
    version: str
    place: NotesPlace
    stage: Stage
    state: PublicationState = PublicationState.WAITING
    due: float
    attempts: int = 0
    address: str = ""
    error: str = ""
    at: float = 0.0
