"""The Flags port for flags that a provider keeps: what is the same whatever its API.

A flag is read back, compared with what this rollout left, and evaluated for a fixed cohort. It goes off in one request,
before anything is read. A provider adds how its flag is read, changed and turned off.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from pilotage.adapters.fence import Fence
from pilotage.adapters.flags.cohort import Members
from pilotage.adapters.flags.left import Left
from pilotage.adapters.flags.remote import Kept, understood, writing
from pilotage.adapters.ports import AdapterError
from pilotage.model.flag import OFF, Ramp

S = TypeVar("S")

TESTER = "pilotage-test-user"


class HeldElsewhere(ABC, Generic[S]):
    """where: the flag at its provider, for sentences. `S` is the flag as the provider shows it."""

    def __init__(self, where: str, fence: Fence, left: Left) -> None:
        self._where, self._fence, self._left = where, fence, left
        self._kept = Kept[Ramp]()
        self._members, self._verified = Members(), ""
        self._turning_on = False

    @abstractmethod
    def state(self) -> S:
        """The flag now. Raises AdapterError."""

    @abstractmethod
    def ramp_of(self, state: S) -> Ramp:
        """Whom it reaches. Raises AdapterError for a rule that Pilotage did not write."""

    @abstractmethod
    def members(self, state: S, users: list[str]) -> set[str]:
        """Those of these users, of whom nothing but the key is known, who have the feature."""

    @abstractmethod
    def mark(self, state: S) -> str:
        """What is different after every change."""

    @abstractmethod
    def change(self, state: S, ramp: Ramp) -> None:
        """Turn it on for exactly these users. Raises AdapterError; AwaitsApproval."""

    @abstractmethod
    def turn_off(self) -> None:
        """Turn it off for everyone, before anything is read. Raises AdapterError; AwaitsApproval."""

    @abstractmethod
    def withdraw(self) -> None:
        """Take back what waits for an approval of this release. Never raises AdapterError."""

    def read(self) -> Ramp:
        if (kept := self._kept.get()) is not None and kept != OFF:
            return kept
        begun, turning_on = self._kept.begin(), self._turning_on
        with understood(self._where):
            return self._read(begun, turning_on=turning_on)

    def _read(self, begun: tuple[float, int], *, turning_on: bool) -> Ramp:
        state = self.state()
        ramp = self.ramp_of(state)
        if ramp == OFF and (turning_on or self._turning_on):
            # The request may take effect at any moment: whoever takes users back must not believe that it is off.
            raise AdapterError(f"{self._where} is still off, and about to be turned on")
        self._left.expect(ramp, self._where)
        self._verify(state, ramp)
        self._kept.put(ramp, begun)
        return ramp

    def apply(self, ramp: Ramp) -> None:
        with writing(self._fence, ramp), understood(self._where):
            if self._kept.get() == ramp and not self._left.waits:
                self._left.now(ramp)
            elif ramp == OFF:
                self._kept.forget()
                self._left.write(None, OFF, self.turn_off)
                self._kept.forget()
            else:
                self._set(ramp)

    def _set(self, ramp: Ramp) -> None:
        begun = self._kept.begin()
        state = self.state()
        found = self.ramp_of(state)
        self._left.expect_below(found, ramp, self._where)
        if found == ramp:
            self._left.now(ramp)
            self._kept.put(ramp, begun)
            return
        self._kept.forget()
        self._turning_on = True
        try:
            self._left.write(found, ramp, lambda: self.change(state, ramp))
        finally:
            self._turning_on = False
            self._kept.forget()

    def _verify(self, state: S, ramp: Ramp) -> None:
        """What the configuration says must also be what an evaluation answers. Once for each change. Raises
        AdapterError."""
        mark = self.mark(state)
        if mark == self._verified:
            return
        if ramp != OFF:
            self._members.expect(lambda users: self.members(state, users), ramp.share, self._where)
        self._verified = mark

    def _expect_tester(self, state: S, *, on: bool) -> None:
        """Raise AdapterError if a test user does not have the feature, or has it."""
        if self.members(state, [TESTER]) != ({TESTER} if on else set()):
            raise AdapterError(f"{self._where} does not turn {'on' if on else 'off'} for a test user")
