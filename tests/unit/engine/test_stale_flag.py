"""R16: a reading of a flag from before this controller turned it on does not prove that it is off."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pilotage.model.flag import OFF, Ramp
from pilotage.model.rollout import CommandKind, Status
from pilotage.testing.world import FakeFlags

from .test_provider_approval import Place, place

__all__ = ["place"]


class SlowFlags(FakeFlags):
    """A provider whose readings hang from the moment when the flag was turned on, until `answers` is set."""

    answers: threading.Event
    on = False

    def read(self) -> Ramp:
        if self.on:
            self.answers.wait(60)
        return super().read()

    def apply(self, ramp: Ramp) -> None:
        super().apply(ramp)
        self.on = self.on or ramp != OFF


@pytest.fixture
def flags(place: Place) -> Iterator[SlowFlags]:
    made = SlowFlags(place.world, 1)
    made.answers = threading.Event()
    place.flags = made  # type: ignore[assignment]
    yield made
    made.answers.set()


def test_an_abort_while_the_reading_hangs_waits_for_a_reading_that_says_off(place: Place, flags: SlowFlags) -> None:
    place.until(lambda: flags.on)
    place.store.command(place.driver.rollout.id, CommandKind.ABORT, "ada", "it harms")
    place.driver.look()
    assert not place.state.status.final, "off was read before the flag was turned on"
    assert place.world.ramp == OFF, "it is turned off all the same"
    flags.answers.set()
    place.until(lambda: place.state.status.final)
    assert place.state.status is Status.ROLLED_BACK
