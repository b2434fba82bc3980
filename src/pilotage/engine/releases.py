"""Several services in one release: in order, in lockstep where they have none, and undone in reverse (all or nothing).

A release is its rollouts; it has no state of its own. `moves` looks at them and says what should be done next, so that
a controller killed between any two moves goes on with the same ones.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from pilotage.app.plan import Wish, plan_for
from pilotage.config.loading import Loaded
from pilotage.engine.deployments import Asked, PlanStopped, check_may_begin, check_ready, snapshot_of
from pilotage.engine.store import Store, StoreConflict, Wanted
from pilotage.model.order import in_order
from pilotage.model.record import Rollout, RolloutSummary, Unreadable
from pilotage.model.rollout import CommandKind, Pace, Status
from pilotage.model.snapshot import Membership
from pilotage.rollout.machine import begin
from pilotage.rollout.turn import UNDER_WAY

_log = logging.getLogger(__name__)


_UNDONE = (Status.ROLLING_BACK, Status.ROLLED_BACK, Status.FAILED, Status.CANCELLED)


class Move(StrEnum):
    BEGIN = "begin"
    WITHDRAW = "withdraw"
    ABORT = "abort"
    RETURN = "return"


@dataclass(frozen=True)
class Member:
    """One rollout of a release. after: services that must have it first · returns: it takes its service back ·
    undoable: an earlier version was there."""

    id: str
    service: str
    status: Status
    after: tuple[str, ...] = ()
    returns: bool = False
    undoable: bool = True


def moves(members: Sequence[Member]) -> list[tuple[Move, str]]:
    """What should be done now, as move and rollout. Pure, and nothing where nothing is left to do."""
    forward = [m for m in members if not m.returns]
    if any(m.status in _UNDONE for m in forward):
        return _undo(forward, [m for m in members if m.returns])
    done = {m.service for m in forward if m.status is Status.COMPLETED}
    return [(Move.BEGIN, m.id) for m in forward if m.status is Status.QUEUED and set(m.after) <= done]


def _undo(forward: Sequence[Member], returns: Sequence[Member]) -> list[tuple[Move, str]]:
    """Who waits is withdrawn, who is under way aborts; who has arrived goes back, the last first, one at a time."""
    found = [(Move.WITHDRAW, m.id) for m in forward if m.status is Status.QUEUED]
    under_way = UNDER_WAY
    found += [(Move.ABORT, m.id) for m in forward if m.status in under_way]
    back = {m.service: m.status for m in returns}
    if any(status is not Status.COMPLETED for status in back.values()) or any(m.status in under_way for m in forward):
        return found
    order = in_order({m.service: [a for a in m.after if a in {f.service for f in forward}] for m in forward})
    for service in reversed(order):
        member = next(m for m in forward if m.service == service)
        if member.status is Status.ROLLING_BACK:
            return found
        if member.status is Status.COMPLETED and member.undoable and service not in back:
            return [*found, (Move.RETURN, member.id)]
    return found


def deploy_release(
    store: Store, loaded: Loaded, environment: str, versions: Mapping[str, str], asked: Asked
) -> tuple[Rollout, ...]:
    """Begin a release of several services: all of them wait, and those that wait for nobody begin at once.

    versions: by service. Nothing begins when any plan may not be executed or any environment is busy.
    """
    services = loaded.configuration.services
    plans, told = {}, {}
    for name in in_order({name: section.after for name, section in services.items()}):
        if name not in versions:
            continue
        view = loaded.of(name)
        if environment not in view.configuration.environments:
            raise PlanStopped(f"{view.place('environments')}: {name} has no environment {environment!r}")
        plan = plan_for(view, environment, Wish(versions[name]))
        check_may_begin(store, view, plan, asked)
        serving = store.serving(name, environment)
        if not serving or serving[0] != plan.version:
            plans[name], told[name] = plan, check_ready(store, view, plan, asked)
    identity, now = f"release-{uuid.uuid4().hex[:8]}", store.clock.now()
    wanted = []
    for name, plan in plans.items():
        serving = store.serving(name, environment)
        after = tuple(other for other in services[name].after if other in plans)
        snapshot = replace(
            snapshot_of(loaded.of(name), environment, now, store.directory),
            release=Membership(after=after, lockstep=loaded.configuration.lockstep),
        )
        state = begin(plan, serving[0] if serving else None, Pace.FULL, asked.actor)
        wanted.append(
            Wanted(
                plan=plan, state=state, snapshot=snapshot, actor=asked.actor, queued=True, release=identity,
                more=told[name],
            )
        )  # fmt: skip
    return store.create_group(wanted, now)


def advance_releases(store: Store, now: float) -> None:
    """Make the next moves of every release under way."""
    for release in store.open_releases(now):
        rollouts = {rollout.id: rollout for rollout in store.members(release)}
        for move, identity in moves([member_of(rollout) for rollout in rollouts.values()]):
            try:
                _make(store, move, rollouts[identity], now)
            except (StoreConflict, Unreadable) as error:
                _log.warning("%s: %s is not made yet: %s", identity, move, error)


def member_of(rollout: RolloutSummary) -> Member:
    """What `moves` needs to know of a rollout."""
    membership = rollout.membership or Membership()
    return Member(
        rollout.id,
        rollout.service,
        rollout.status,
        membership.after,
        membership.returns,
        rollout.old is not None,
    )


def _make(store: Store, move: Move, rollout: RolloutSummary, now: float) -> None:
    match move:
        case Move.BEGIN:
            serving = store.serving(rollout.service, rollout.environment)
            old, pace = (serving[0], rollout.pace) if serving else (None, Pace.FIRST)
            whole = store.get(rollout.id)
            store.release(rollout.id, begin(whole.plan, old, pace, whole.state.author), now)
        case Move.WITHDRAW:
            store.withdraw(rollout.id, "pilotage: another service of the release failed", now)
        case Move.ABORT:
            if not store.pending(rollout.id):
                store.command(rollout.id, CommandKind.ABORT, "pilotage", "another service of the release failed")
        case Move.RETURN:
            assert rollout.old is not None
            whole = store.get(rollout.id)
            plan = replace(whole.plan, version=rollout.old)
            snapshot = replace(whole.snapshot, release=Membership(returns=True))
            state = begin(plan, rollout.version, Pace.FAST, "pilotage")
            store.create(plan, state, snapshot, "pilotage", now, release=rollout.release)


def barrier_of(store: Store, rollout: Rollout) -> str:
    """Which other service this one must not run ahead of, in words; empty where it may go on."""
    membership = rollout.snapshot.release
    if not rollout.release or membership is None or not membership.lockstep or membership.returns:
        return ""
    mine = rollout.plan.steps[rollout.state.step].weight
    for other in store.members(rollout.release):
        related = other.id == rollout.id or other.service in membership.after
        ordered = other.membership is not None and rollout.service in other.membership.after
        if related or ordered or other.status.final:
            continue
        if other.status is Status.WITHDRAWN:
            return f"{other.service} is withdrawn"
        weight = other.weight if other.status is not Status.QUEUED else 0
        if weight < mine:
            return f"{other.service} is at {weight / 10:g} % yet"
    return ""
