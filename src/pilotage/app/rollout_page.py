"""All that the page of one rollout shows, in a bounded number of queries however long its history is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pilotage.app.project import Project
from pilotage.app.rollout_choices import Choice, choices
from pilotage.engine.records import trends
from pilotage.engine.records.trends import Point
from pilotage.model.awaited import Awaited
from pilotage.model.live import SeenVerdict
from pilotage.model.record import Recorded, Rollout
from pilotage.model.rollout import Command, Status
from pilotage.report.explanation import Explanation, explain
from pilotage.report.verdicts import meaningful
from pilotage.rollout.deadlines import awaited

PAGE = 20
"""Events of one page."""

STEPS = ("step-started",)

_SILENT = 15.0
"""Seconds without a look after which a rollout under way counts as unobserved."""


@dataclass(frozen=True, kw_only=True)
class RolloutShown:
    """due: the decision that it waits for · question: number of the event that asks for it · events: newest first ·
    older: whether there are events before these · steps: when steps started · pending: commands that no worker has
    handled yet · course: how the metrics developed · silent_since: Unix seconds of the last look, where a rollout under
    way is not looked at."""

    rollout: Rollout
    explanation: Explanation
    due: Awaited | None
    question: int | None
    choices: tuple[Choice, ...]
    verdicts: tuple[SeenVerdict, ...]
    events: tuple[Recorded, ...]
    older: bool
    steps: tuple[Recorded, ...]
    pending: tuple[Command, ...]
    course: tuple[Point, ...]
    silent_since: float | None

    @property
    def as_of(self) -> tuple[str, str]:
        """Status and step: what a person sees who decides now."""
        state = self.rollout.state
        return state.status.value, self.rollout.plan.steps[state.step].id


def shown_whole(
    project: Project, identity: str, clock: Callable[[float], str], before: int | None = None
) -> RolloutShown:
    """clock: a moment in Unix seconds, as the reader's clock has it · before: number of the event that the page of
    events begins under. Raises KeyError, Unreadable."""
    store, now = project.store, project.clock.now()
    rollout = store.get(identity)
    latest = store.last_events(identity, PAGE + 1, before)
    due = awaited(rollout.plan, rollout.state)
    newest = store.newest(rollout.service, rollout.environment)
    ended = rollout.state.status.final
    turning = latest if before is None else store.last_events(identity, PAGE)
    return RolloutShown(
        rollout=rollout, due=due, question=None if ended else store.open_question(identity),
        explanation=explain(rollout, turning[::-1], clock, due=due, deadline=lambda until, _: clock(until)),
        choices=choices(rollout, newest=newest is not None and newest.id == identity), verdicts=meaningful(rollout),
        events=latest[:PAGE], older=len(latest) > PAGE, steps=store.events_of_types(identity, STEPS, 200),
        pending=() if ended else store.pending(identity), silent_since=_silent_since(rollout, now),
        course=trends.course(store.engine, identity),
    )  # fmt: skip


def _silent_since(rollout: Rollout, now: float) -> float | None:
    waits = rollout.state.status.final or rollout.state.status is Status.QUEUED
    last = rollout.live.at or rollout.started_at or rollout.created_at
    return None if waits or now - last <= _SILENT else last
