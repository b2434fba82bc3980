"""Following what rolls out until it ends: the same source for the shell, a page, and a machine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pilotage.app.project import Project
from pilotage.model.awaited import Awaited
from pilotage.model.record import Recorded, Rollout, RolloutSummary
from pilotage.model.rollout import Status
from pilotage.rollout.deadlines import awaited

_TAKEN_UP_WITHIN = 10.0
"""Seconds in which a worker that reads this store has looked at a rollout that is under way."""

_SILENT = 30.0
"""Seconds without a look after which a rollout in progress is reported as unobserved."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """rollout: its current record · events: since the previous look · unattended: no worker looked at it, and none is
    likely to; reported once · silent_since: Unix seconds of the last look of a worker that has stopped looking;
    reported once · asks: a decision that it now waits for; reported once · ended: `events` has everything that will be
    recorded."""

    rollout: Rollout
    events: Sequence[Recorded]
    unattended: bool = False
    silent_since: float | None = None
    asks: Awaited | None = None
    ended: bool = False


def follow(project: Project, identity: str, *, every: float, timeout: float | None = None) -> Iterator[Look]:
    """A look every `every` seconds, until the rollout has ended, or `timeout` seconds are over."""
    began, shown, said = time.monotonic(), 0, False
    silent: float | None = None
    asked: object = None
    while True:
        rollout = project.store.get(identity)
        events = project.store.events(identity, shown)
        shown = events[-1].number if events else shown
        unattended = not said and _is_unattended(rollout, time.monotonic() - began)
        said = said or unattended
        ended = rollout.state.status.final and shown >= rollout.events
        last, due = _silent_since(rollout, project.clock.now()), awaited(rollout.plan, rollout.state)
        question = due and (due.commands, rollout.state.reason)
        yield Look(
            rollout=rollout, events=events, unattended=unattended, silent_since=None if last == silent else last,
            asks=due if question != asked else None, ended=ended,
        )  # fmt: skip
        silent, asked = last, question
        if ended or (timeout is not None and time.monotonic() - began >= timeout):
            return
        time.sleep(every)


def _is_unattended(rollout: Rollout, waited: float) -> bool:
    return rollout.state.at == 0 and rollout.state.status is not Status.QUEUED and waited > _TAKEN_UP_WITHIN


def _silent_since(rollout: Rollout, now: float) -> float | None:
    """The last look at a rollout under way, when that was too long ago."""
    at = rollout.live.at
    waits = rollout.state.status.final or rollout.state.status is Status.QUEUED
    return at if at and not waits and now - at > _SILENT else None


@dataclass(frozen=True, kw_only=True)
class GroupLook:
    """Of a release of several services. events: those since the look before, each with its
    service · ended: how it ended, None while anything is left to do."""

    events: Sequence[tuple[str, Recorded]]
    ended: Status | None = None


def follow_group(project: Project, release: str, *, every: float, timeout: float | None = None) -> Iterator[GroupLook]:
    """As `follow`, of a release of several services."""
    began, shown = time.monotonic(), dict[str, int]()
    while True:
        members = project.store.members(release)
        events = []
        for member in members:
            for event in project.store.events(member.id, shown.get(member.id, 0)):
                shown[member.id] = event.number
                events.append((member.service, event))
        look = GroupLook(events=events, ended=_end(members))
        yield look
        if look.ended or (timeout is not None and time.monotonic() - began >= timeout):
            return
        time.sleep(every)


def _end(members: Sequence[RolloutSummary]) -> Status | None:
    """FAILED if an operator is needed; COMPLETED if every service has the release; otherwise ROLLED_BACK."""
    from pilotage.engine.execution.groups import member_of
    from pilotage.rollout.groups import moves

    if any(not m.status.final for m in members) or moves([member_of(m) for m in members]):
        return None
    if any(m.status is Status.FAILED for m in members):
        return Status.FAILED
    done = all(m.status is Status.COMPLETED for m in members if not member_of(m).returns)
    return Status.COMPLETED if done else Status.ROLLED_BACK
