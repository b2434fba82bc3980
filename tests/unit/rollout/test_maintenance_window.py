"""A service is never closed for longer than its maintenance window, a restore included (R15)."""

from __future__ import annotations

import pytest

from pilotage.model.observation import Health
from pilotage.model.rollout import CommandKind, Mode, Status

from .test_strategies_model import Strategies


def closed() -> Strategies:
    """A big-bang release whose new version takes for ever to become healthy, behind the maintenance page."""
    machine = Strategies()
    machine.start("big-bang", "medium", Mode.FULL, 2, False)
    while not (machine.world.split and machine.world.split.closed):
        machine.all_goes_well(1)
    return machine


def wait(machine: Strategies, looks: int) -> None:
    for _ in range(looks):
        for one in machine.world.fleet["new"]:
            one.health = Health.STARTING
        machine.look(1.0, None)
        if machine.state.status not in (Status.PROGRESSING, Status.HOLDING, Status.PAUSED):
            return


@pytest.mark.parametrize("paused", [False, True])
def test_r15_what_takes_too_long_behind_the_page_is_restored_also_when_it_is_paused(paused: bool) -> None:
    machine = closed()
    if paused:
        machine.command(CommandKind.PAUSE, False)
    wait(machine, 40)
    assert machine.state.status is Status.ROLLING_BACK, "half of a window of 22 seconds"
    assert "maintenance_window" in machine.state.reason
    machine.all_goes_well(40)
    assert str(machine.state.status) == "rolled-back"


def test_r15_the_plan_says_when() -> None:
    machine = closed()
    assert "the service is closed for 11s: at once" in machine.plan.rollback.triggers
