"""What a retrospective resolved to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FollowUp:
    """Something that a retrospective resolved, or that a rollback left to do. due: a day as YYYY-MM-DD · done: the day,
    empty while it is open · figure: one of DORA's, which it is to improve · made: the day on which it was added."""

    id: int
    description: str
    owner: str
    due: str
    criterion: str
    priority: str
    release: str
    done: str = ""
    outcome: str = ""
    issue: str = ""
    figure: str = ""
    made: str = ""

    def overdue(self, today: str) -> bool:
        return not self.done and self.due < today
