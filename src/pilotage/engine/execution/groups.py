"""Releases of several services: their next moves are made, one transaction each."""

from __future__ import annotations

import logging
from dataclasses import replace

from pilotage.engine.records.store import Store, StoreConflict
from pilotage.model.record import Rollout, RolloutSummary, Unreadable
from pilotage.model.rollout import CommandKind, Mode, Status
from pilotage.model.snapshot import Membership
from pilotage.rollout.groups import Member, Move, moves
from pilotage.rollout.machine import begin

_log = logging.getLogger(__name__)


def advance_groups(store: Store, now: float) -> None:
    """Make the next moves of every release under way."""
    for group_id in store.open_groups(now):
        rollouts = {rollout.id: rollout for rollout in store.members(group_id)}
        for move, identity in moves([member_of(rollout) for rollout in rollouts.values()]):
            try:
                _make(store, move, rollouts[identity], now)
            except (StoreConflict, Unreadable) as error:
                _log.warning("%s: %s is not created yet: %s", identity, move, error)


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
            old, mode = (serving[0], rollout.mode) if serving else (None, Mode.INITIAL)
            whole = store.get(rollout.id)
            if serving and whole.plan.first:
                why = f"pilotage: the plan is of a first deployment, and {serving[0]} serves"
                store.withdraw(rollout.id, why, now)
                return
            store.start_queued(rollout.id, begin(whole.plan, old, mode, whole.state.author, whole.state.signed), now)
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
            state = begin(plan, rollout.version, Mode.FAST_RETURN, "pilotage")
            store.create(plan, state, snapshot, "pilotage", now, group_id=rollout.group_id)


def barrier_of(store: Store, rollout: Rollout) -> str:
    """Which other service this one must not overtake, in words; empty if it may continue."""
    membership = rollout.snapshot.release
    if not rollout.group_id or membership is None or not membership.lockstep or membership.returns:
        return ""
    mine = rollout.plan.steps[rollout.state.step].weight
    for other in store.members(rollout.group_id):
        related = other.id == rollout.id or other.service in membership.after
        ordered = other.membership is not None and rollout.service in other.membership.after
        if related or ordered or other.status.final:
            continue
        if other.status is Status.WITHDRAWN:
            return f"{other.service} is withdrawn"
        weight = other.weight if other.status is not Status.QUEUED else 0
        if weight < mine:
            return f"{other.service} is still at {weight / 10:g} %"
    return ""
