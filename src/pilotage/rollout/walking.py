"""Instances replaced some at a time: what rolling and the dark deployment of a feature toggle do, and undo.

A walk takes the fleet from so many old instances and so many new ones to the next such pair. Instances that leave get
no new requests first, finish their old ones, and stop; their successors start after that, or before it where the fleet
can spare none (C7).
"""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.action import Action, Apply, Ensure
from pilotage.model.rollout import Observed, RolloutState
from pilotage.model.traffic import WHOLE, Split, share_of, split_between
from pilotage.rollout.sight import alive, healthy, remaining, sent_beyond


@dataclass(frozen=True)
class Walk:
    """From `before` to `after`, each the numbers of new and of old instances. full: of the whole fleet together ·
    surge: start before stopping · drain: seconds for requests in flight · enough: so many healthy instances carry the
    service; on the way back the new version's serve only where the old ones are fewer than this, None: all of them."""

    before: tuple[int, int]
    after: tuple[int, int]
    surge: bool
    drain: float
    enough: int | None = None

    @property
    def grows(self) -> int:
        """Which side grows: 0 the new, 1 the old."""
        return 0 if self.after[0] >= self.before[0] else 1


def desired(walk: Walk, state: RolloutState, seen: Observed) -> tuple[Action, ...]:
    """What should run and who should get requests on this walk."""
    versions = (state.new, state.old)
    if state.old is None:
        return _alone(walk, state, seen)
    if seen.instances is None:
        # Who runs is not known: a number would stop some that serve, such as those who never left.
        return ()
    grows, shrinks = walk.grows, 1 - walk.grows
    coming, leaving = versions[grows], versions[shrinks]
    assert coming is not None
    assert leaving is not None
    # Nobody is taken out before those who must carry the rest are there.
    needed = walk.after[grows] if walk.surge else walk.before[grows]
    carried = healthy(seen, coming) >= needed
    keep = walk.after[shrinks] if carried else walk.before[shrinks]
    if grows == 1:
        keep = min(keep, most_new(walk, state, seen))
    out = carried and not sent_beyond(seen, leaving, walk.after[shrinks]) and state.drained >= walk.drain
    left = walk.after[shrinks] if out else _staying(walk, seen, leaving)
    room = walk.surge or not remaining(seen, leaving, walk.after[shrinks])
    # Those who never left, because the walk was turned round, are not stopped only to come again.
    there = min(len(alive(seen, coming)), walk.after[grows])
    came = walk.after[grows] if room else max(walk.before[grows], there)
    counts = {coming: came, leaving: left}
    actions: list[Action] = [Ensure(version, counts[version]) for version in (state.old, state.new)]
    split = _split(state, seen, {coming: min(healthy(seen, coming), came), leaving: keep})
    if split is not None:
        actions.append(Apply(split, ((leaving, keep),)))
    return tuple(actions)


def most_new(walk: Walk, state: RolloutState, seen: Observed) -> int:
    """How many new instances must serve although their answers are not wanted: without them too few would serve."""
    if walk.enough is None:
        return sum(walk.before)
    there = healthy(seen, state.old)
    return max(0 if there else 1, walk.enough - there)


def withheld(walk: Walk, state: RolloutState, seen: Observed) -> tuple[Action, ...]:
    """The walk pauses: nothing is started or stopped for it, every old instance serves, and only as many new ones as
    the service needs."""
    if state.old is None or seen.instances is None:
        return ()
    (new_before, old_before), (new_after, old_after) = walk.before, walk.after
    old = max(old_after, min(old_before, len(alive(seen, state.old))))
    new = max(new_before, min(new_after, len(alive(seen, state.new))))
    actions: list[Action] = [Ensure(state.old, old), Ensure(state.new, new)]
    keep = min(new, most_new(walk, state, seen))
    serving = {state.new: min(keep, healthy(seen, state.new)), state.old: healthy(seen, state.old)}
    split = _split(state, seen, serving)
    if split is not None:
        actions.append(Apply(split, ((state.new, keep),)))
    return tuple(actions)


def _staying(walk: Walk, seen: Observed, leaving: str) -> int:
    """How many of those who leave still run. On the way back none is started only to be stopped."""
    shrinks = 1 - walk.grows
    if walk.grows == 0:
        return walk.before[shrinks]
    return max(walk.after[shrinks], min(walk.before[shrinks], len(alive(seen, leaving))))


def _alone(walk: Walk, state: RolloutState, seen: Observed) -> tuple[Action, ...]:
    """Nothing was there before: everything starts, and gets requests once it is healthy."""
    full = sum(walk.after)
    start: tuple[Action, ...] = (Ensure(state.new, full),)
    if healthy(seen, state.new) >= full or (seen.split and seen.split.weight(state.new)):
        return (*start, Apply(Split(((state.new, WHOLE),))))
    return start


def _split(state: RolloutState, seen: Observed, serving: dict[str, int]) -> Split | None:
    """The same share for each serving instance; None while nothing is known, or nothing would serve."""
    assert state.old is not None
    if seen.instances is None or not sum(serving.values()):
        return None
    new = 0 if state.diverted and serving[state.old] else serving[state.new]
    weight = share_of(new, serving[state.old])
    return split_between(state.new, weight, state.old)


def drained(walk: Walk, state: RolloutState, seen: Observed) -> bool:
    """Whether those on their way out get no new requests now."""
    leaving = (state.old, state.new)[walk.grows]
    return leaving is None or not sent_beyond(seen, leaving, walk.after[1 - walk.grows])


def arrived(walk: Walk, state: RolloutState, seen: Observed) -> bool:
    """Whether the walk's end was read back: both versions' numbers, their health, the split."""
    new, old = walk.after
    if seen.split is None or seen.instances is None or healthy(seen, state.new) < new:
        return False
    if state.old is None:
        return seen.split == Split(((state.new, WHOLE),))
    if remaining(seen, state.new, new) or remaining(seen, state.old, old) or healthy(seen, state.old) < old:
        return False
    serving = min(new, most_new(walk, state, seen)) if walk.grows == 1 else new
    return seen.split == split_between(state.new, share_of(serving, old), state.old) and drained(walk, state, seen)


def where(state: RolloutState, seen: Observed) -> str:
    """All instances by version, for a sentence to an operator."""
    if seen.instances is None:
        return "the fleet does not respond"

    def named(version: str | None) -> str:
        return ", ".join(f"{i.id} ({i.health})" for i in alive(seen, version)) or "none"

    versions = (state.new, state.old) if state.old else (state.new,)
    return "; ".join(f"on {version}: {named(version)}" for version in versions)
