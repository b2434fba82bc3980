"""Errors of each user at one step: one failure of one user, tried again and again, is no error rate."""

from __future__ import annotations

from collections.abc import Iterable

from pilotage.model.json import JsonObject, list_at, whole_at
from pilotage.model.observation import Failure

_EXPLAINED = 11
"""Errors of one user that one failure and ten retries explain."""

_MOST_USERS = 2_000
"""Users whose errors are counted separately."""


class Retries:
    """Streaming and bounded."""

    def __init__(self) -> None:
        self._users: dict[int, int] = {}

    def add(self, failures: Iterable[Failure]) -> None:
        for failure in failures:
            if failure.user in self._users or len(self._users) < _MOST_USERS:
                self._users[failure.user] = self._users.get(failure.user, 0) + 1

    @property
    def explained(self) -> int:
        """How many errors of the user with the most are one failure and its retries; 0 where no user is known."""
        return min(max(self._users.values(), default=0), _EXPLAINED)

    def to_dict(self) -> JsonObject:
        return {"phase_users": [list(pair) for pair in self._users.items()]}

    def restore(self, saved: JsonObject) -> None:
        self._users = {whole_at(pair, 0): whole_at(pair, 1) for pair in list_at(saved, "phase_users")}
