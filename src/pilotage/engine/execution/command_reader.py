"""Commands to one rollout, as far as the store returns them in time, and what was done without the store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pilotage.engine.execution.crew import Call, Crew
from pilotage.engine.execution.recorder import AWAY, BACK, Recorder
from pilotage.engine.execution.tenure import PATIENCE_AWAY
from pilotage.engine.placement.location import place_of
from pilotage.engine.records.store import Store
from pilotage.engine.rescue import rescued
from pilotage.engine.rescue import take_back as rescue
from pilotage.model.record import Rollout
from pilotage.model.rollout import Command, CommandKind, Decision, Status

_UNDOING = (CommandKind.ABORT, CommandKind.ROLLBACK, CommandKind.CONFIRM)
_PATIENCE = 0.3
"""Seconds that a look waits for commands: an abort must not wait for a slow store."""


class CommandReader:
    def __init__(self, store: Store, directory: Path, found: Rollout, crew: Crew) -> None:
        self._store, self._directory, self._crew = store, directory, crew
        self._named = found.service, found.environment
        self._folder = place_of(directory, *self._named)
        self._asking: Call[tuple[rescue.Rescued | None, tuple[Command, ...]]] | None = None
        self._behind: rescue.Rescued | None = None
        """What was done without the store, as of the last look for it."""
        self._ordered: rescue.Rescued | None = None
        """That of which the store has an order, as of the last answer."""
        self._orders: frozenset[int] = frozenset()
        """The orders that were not obeyed, as of that answer."""

    def commands(self, recorder: Recorder, commanded: bool) -> tuple[Command, ...]:
        """Unanswered commands, in order. commanded: the store may have some."""
        rollout, behind = recorder.rollout, rescue.standing_at(self._folder)
        self._behind = behind
        if not commanded and behind is None:
            return ()
        self._asking = asked = self._asking or self._crew.start(lambda: self._pending(recorder.rollout, self._ordered))
        if asked.wait(PATIENCE_AWAY if recorder.away else _PATIENCE):
            self._asking = None
            try:
                self._ordered, pending = asked.result()
                found = tuple(_known(rollout, command) for command in pending)
                self._orders = frozenset(command.id for command in found if rescued.is_order(command))
                recorder.answered()
                if found:
                    # Whoever declares a freeze and then approves means both.
                    self._store.freezes.read_again()
                # What cannot be answered now would be obeyed twice; undoing twice is undoing once.
                return found if not recorder.away else tuple(c for c in found if c.kind in _UNDOING)
            except AWAY as error:
                recorder.away = recorder.away or f"the store is unusable: {type(error).__name__}"
        if behind is None or behind.to == rollout.version or rollout.state.status in BACK:
            return ()
        return (rescued.abort_for(behind),)

    def obeyed(self, recorder: Recorder, decision: Decision, *, told: bool) -> None:
        """Remove the note of what was done without the store, once the record says it too and router and flag were
        told. An older wish that is still on its way meets either the note or a newer change. The next rollout must not
        find it: what has ended was told before.

        told: no call to them is under way."""
        if self._behind is None or recorder.away:
            return
        left = self._orders - {command for command, _ in decision.answered}
        if decision.state.status.final or (told and self._behind == self._ordered and not left):
            rescue.settled(self._directory, *self._named)
            self._behind = None

    def _pending(
        self, rollout: Rollout, ordered: rescue.Rescued | None
    ) -> tuple[rescue.Rescued | None, tuple[Command, ...]]:
        """What was done without the store, and the commands: one of them is the order that follows from it."""
        behind = rescue.standing_at(self._folder)
        if behind is not None and behind != ordered:
            rescued.ordered(self._store, self._directory, rollout)
        return behind, self._store.pending(rollout.id)


def undoes(rollout: Rollout, commands: tuple[Command, ...]) -> bool:
    """Whether users are returned; then no judge is asked."""
    return rollout.state.status is Status.ROLLING_BACK or any(command.kind in _UNDOING for command in commands)


def _known(rollout: Rollout, command: Command) -> Command:
    """The command with the actor's name in `people` and roles, under whatever alias it was given."""
    if not rollout.snapshot.people:
        return command
    name, person = rollout.snapshot.person(command.actor) or (command.actor, None)
    return replace(command, actor=name, roles=person.roles if person else ())
