"""Several services in one release: in order, in lockstep where they have none, and rolled back in reverse (all or
nothing).

A release is its rollouts; it has no state of its own. `moves` looks at them and returns what should be done next, so a
controller that dies between two moves continues with the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.order import in_order
from pilotage.model.rollout import Status
from pilotage.rollout.turn import UNDER_WAY

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
