"""What a rollback leaves to do (R21), in three terms. Pilotage makes a follow-up of each, with an owner and a day."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.schedule import Role
from pilotage.model.wording import counted


@dataclass(frozen=True, kw_only=True)
class Task:
    """what: may name `{failure}` · days: working days from the rollback until it is due · criterion: how to tell that
    it is done."""

    id: str
    term: str
    what: str
    owner: Role
    days: int
    criterion: str
    priority: str

    @property
    def planned(self) -> str:
        """As a plan says it, before anything has failed."""
        days = counted(self.days, "working day")
        return f"{self.term}, within {days}: {self.what.format(failure='the failure')} ({self.owner})"


STABILITY = "stability"
"""The task that the watch after the rollback completes by itself."""

TASKS = (
    Task(id=STABILITY, term="immediate", what="confirm that the version that serves is stable",
         owner=Role.DEVOPS_ENGINEER, days=1, criterion="the watch after the rollback found nothing", priority="high"),
    Task(id="root-cause", term="short-term", what="find the root cause of {failure}", owner=Role.ENGINEERING_LEAD,
         days=3, criterion="the incident document names the cause", priority="high"),
    Task(id="hotfix", term="short-term", what="decide on a hotfix: `pilotage hotfix` prepares it",
         owner=Role.ENGINEERING_LEAD, days=3, criterion="a hotfix or a corrected release is planned", priority="high"),
    Task(id="procedure", term="short-term", what="update the deployment procedure", owner=Role.DEVOPS_ENGINEER, days=5,
         criterion="the runbook has changed, or the review found nothing to change", priority="medium"),
    Task(id="tests", term="long-term", what="add a test that catches {failure} before users are exposed",
         owner=Role.QA_LEAD, days=10, criterion="the test fails on the version that was rolled back",
         priority="medium"),
    Task(id="monitoring", term="long-term", what="extend the monitoring so that it shows {failure} sooner",
         owner=Role.DEVOPS_ENGINEER, days=10, criterion="an alert, signal or probe covers it", priority="medium"),
    Task(id="risk", term="long-term", what="add this rollback to the risk assessment: `pilotage risk train`",
         owner=Role.ENGINEERING_LEAD, days=10, criterion="the model was trained after the rollback", priority="low"),
)  # fmt: skip
