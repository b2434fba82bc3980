"""What a worker finds when it takes up a rollout, and what of it speaks against continuing: a store that went back in
time, or a version that serves already although the store knows of none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pilotage.adapters.ports import AdapterError
from pilotage.engine.execution.failpoints import reach
from pilotage.engine.execution.recorder import BACK
from pilotage.engine.records.store import Store
from pilotage.engine.rescue.journal import Done, Journal, Lost, Witness
from pilotage.engine.rescue.witnessed import lacks_the_end, went_back_event
from pilotage.model.events import InterventionRequired, RecordsWentBack
from pilotage.model.observation import Health
from pilotage.model.record import Rollout
from pilotage.model.rollout import Decision, Mode, Observed, RolloutState, Status
from pilotage.model.traffic import artifact_of
from pilotage.rollout.machine import begin, turned_back


class StoreWentBack(AdapterError):
    """The store is older than the journal next to the target, so Pilotage does not act on it."""

    def __init__(self, name: str, event: RecordsWentBack) -> None:
        super().__init__(f"{event.reason}, so {name} stays as it is; look, then run `pilotage store accept`")
        self.event = event


def require_continued(store: Store, rollout: Rollout, journal: Journal, name: str) -> None:
    """Of a rollout that has ended: raises StoreWentBack unless the store has what was recorded last next to the target,
    or somebody accepted the records as they are. What the store has is then what was recorded last."""
    witness = journal.witness
    if witness is None or not lacks_the_end(store, rollout, witness):
        return
    if not store.accepts(rollout.id, witness.head):
        raise StoreWentBack(name, went_back_event(rollout, witness))
    journal.note(
        Witness(
            rollout=rollout.id, sequence=rollout.sequence, version=rollout.version, revision=rollout.revision,
            head=rollout.head, status=rollout.state.status.value, at=store.clock.now(),
        )
    )  # fmt: skip


def found_at_takeover(
    rollout: Rollout,
    journal: Journal,
    seen: Observed,
    *,
    now: float,
    knows: bool,
    left: Sequence[Done] = (),
    stable: str = "",
) -> Decision | None:
    """The decision to make before anything else, without its actions; None if nothing prevents continuing. knows: the
    store has the rollout that was last recorded here · left: what was done without the store, on another record than
    the store has · stable: the stable version according to the note next to the target."""
    if rollout.state.status.final:
        return None
    if rollout.state.at == 0 and rollout.state.old is None and (serving := _serves_already(rollout, seen, stable)):
        known = journal.witness if knows and journal.witness and journal.witness.rollout != rollout.id else None
        return _beside(rollout, serving, known, now)
    undone = next((done.decision.state for done in reversed(left) if done.decision.state.status in BACK), None)
    witness = journal.witness
    if witness is not None and went_back(rollout, witness, knows=knows):
        journal.note_lost(Lost(witness=witness, found=rollout.revision, at=now))
        reach("promote")
        return _after_going_back(rollout, witness, undone, now)
    if undone is not None and rollout.state.status not in BACK:
        return _back(rollout, f"it was rolled back while the store was unavailable: {undone.reason}", now)
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


def _after_going_back(rollout: Rollout, witness: Witness, undone: RolloutState | None, now: float) -> Decision:
    """Nothing goes forward; what was rolled back stays so."""
    state, same = rollout.state, witness.rollout == rollout.id
    reason = went_back_event(rollout, witness).reason
    was = undone.status.value if undone is not None else witness.status if same else ""
    if was in BACK and state.old is not None and state.status is not Status.ROLLING_BACK:
        decision = _back(rollout, f"{reason}; it was {was}", now)
    elif state.status in BACK:
        decision = Decision(replace(state, reason=reason, at=max(now, state.at)), (), ())
    else:
        paused = replace(state, status=Status.PAUSED, hold=None, in_status=0.0, reason=reason, at=max(now, state.at))
        decision = Decision(paused, (), ())
    calls = InterventionRequired(cause="store", step="", reason=decision.state.reason).record()
    return replace(decision, events=(*decision.events, calls))


def _back(rollout: Rollout, reason: str, now: float) -> Decision:
    """The way back starts on what the store has, as any other does."""
    state, events = turned_back(rollout.plan, replace(rollout.state, at=max(now, rollout.state.at)), reason)
    return Decision(state, (), events)


def _serves_already(rollout: Rollout, seen: Observed, stable: str) -> str | None:
    """A version that has users or runs, although the store knows of none before this one. Of several, the one that was
    stable: another may be an unobserved canary."""
    split = {artifact_of(v): weight for v, weight in seen.split.weights if weight} if seen.split else {}
    split.pop(rollout.state.new, None)
    gone = (Health.EXITED, Health.STOPPING)
    running = [artifact_of(i.version) for i in seen.instances or () if i.health not in gone]
    others = [version for version in running if version != rollout.state.new]
    if stable in others:
        return stable
    if split:
        return max(split, key=lambda version: split[version])
    return others[0] if others else None


def _beside(rollout: Rollout, serving: str, known: Witness | None, now: float) -> Decision:
    """It is released next to what serves, like any other version, once an operator has looked. known: the rollout
    before this one, where the store has it."""
    state = begin(rollout.plan, serving, Mode.FULL, rollout.state.author)
    if known is not None and known.version == serving:
        reason = f"{serving} still runs here: its release, {known.rollout}, ended as {known.status}"
    else:
        reason = f"{serving} already serves here, but the store has no record of it. Was the store lost or replaced?"
    state = replace(state, status=Status.PAUSED, reason=reason, at=now)
    asks = f"{reason}{'' if reason.endswith('?') else '.'} Run `pilotage resume` to release {state.new} next to it"
    return Decision(
        state, (), (InterventionRequired(cause="store", step="", reason=asks, stable_version=serving).record(),)
    )
