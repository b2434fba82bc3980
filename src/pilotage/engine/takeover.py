"""What a worker finds when it takes up a rollout, and what of it speaks against going on: a store that went back in
time, or a version that serves already although the store knows of none."""

from __future__ import annotations

from dataclasses import replace

from pilotage.adapters.ports import AdapterError
from pilotage.engine.failpoints import reach
from pilotage.engine.journal import Journal, Lost, Witness
from pilotage.engine.store import Rollout
from pilotage.model.events import PersonNeeded
from pilotage.model.observation import Health
from pilotage.model.rollout import Decision, Pace, RolloutState, Seen, Status
from pilotage.model.traffic import artifact_of
from pilotage.rollout.machine import begin

_UNDONE = (Status.WITHDRAWN.value, Status.ROLLING_BACK.value, Status.ROLLED_BACK.value, Status.FAILED.value)


class StoreWentBack(AdapterError):
    """What stands beside the target is ahead of the store: whatever the store says is not to be carried out."""


def found_at_takeover(rollout: Rollout, journal: Journal, seen: Seen, *, now: float, knows: bool) -> Decision | None:
    """What is decided at once, without its actions; None where nothing speaks against going on. knows: the store has
    the rollout that was last recorded here."""
    if rollout.state.status.final:
        return None
    if rollout.state.at == 0 and rollout.state.old is None and (serving := _serves_already(rollout, seen)):
        return _beside(rollout, serving, now)
    witness = journal.witness
    if witness is not None and went_back(rollout, witness, knows=knows):
        journal.note_lost(Lost(witness=witness, found=rollout.revision, at=now))
        reach("promote")
        return _after_going_back(rollout.state, rollout, witness, now)
    return None


def went_back(rollout: Rollout, witness: Witness | None, *, knows: bool) -> bool:
    """Whether the store was further once than it is now."""
    if witness is None:
        return False
    if witness.rollout == rollout.id:
        behind = witness.revision > rollout.revision
        return behind or (witness.revision == rollout.revision and witness.head != rollout.head)
    later = bool(rollout.sequence and witness.sequence and witness.sequence > rollout.sequence)
    return later and not knows


def _after_going_back(state: RolloutState, rollout: Rollout, witness: Witness, now: float) -> Decision:
    """Nothing goes forward; what was undone stays undone."""
    if witness.rollout == rollout.id:
        lacks = f"it is at record {rollout.revision} of {rollout.id} and had been at {witness.revision}"
    else:
        lacks = f"it does not have {witness.rollout}, which was {witness.status} there"
    reason = f"the store went back in time: {lacks}"
    undone = witness.rollout == rollout.id and witness.status in _UNDONE
    if undone and state.old is not None:
        after = replace(
            state, status=Status.ROLLING_BACK, hold=None, in_status=0.0, out=False, drained=0.0, returned=False,
            excuse="", reason=f"{reason}; it had been {witness.status}",
        )  # fmt: skip
    else:
        after = replace(state, status=Status.PAUSED, hold=None, in_status=0.0, reason=reason)
    after = replace(after, at=max(now, state.at))
    return Decision(after, (), (PersonNeeded(cause="store", step="", reason=reason).record(),))


def _serves_already(rollout: Rollout, seen: Seen) -> str | None:
    """A version that users have now, or that runs, although the store knows of none before this one."""
    split = {artifact_of(v): weight for v, weight in seen.split.weights if weight} if seen.split else {}
    split.pop(rollout.state.new, None)
    if split:
        return max(split, key=lambda version: split[version])
    gone = (Health.EXITED, Health.STOPPING)
    running = [artifact_of(i.version) for i in seen.instances or () if i.health not in gone]
    others = [version for version in running if version != rollout.state.new]
    return others[0] if others else None


def _beside(rollout: Rollout, serving: str, now: float) -> Decision:
    """It is released beside what serves, like any other, once a person has looked."""
    state = begin(rollout.plan, serving, Pace.FULL, rollout.state.author)
    reason = f"{serving} serves here already, although the store knows of no version: was it lost or replaced?"
    state = replace(state, status=Status.PAUSED, reason=reason, at=now)
    asks = f"{reason} `pilotage resume` releases {state.new} beside it"
    return Decision(state, (), (PersonNeeded(cause="store", step="", reason=asks).record(),))
