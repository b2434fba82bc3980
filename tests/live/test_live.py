"""Releases of an application nobody here wrote, with sixty users who stick and retry, on a machine kept busy: no good
one is undone, every harmful one is, and what happens is what the users saw.

One trial always runs. `PILOTAGE_LIVE=long pytest tests/live` runs the long set too, which takes some three quarters
of an hour; `python -m tests.live NAME` runs trials by name and prints what happened.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .cases import GATE, LONG
from .trial import Outcome, Trial, run

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("live")]

PATIENCE = 5.0
"""Seconds: by then no user may still be answered by a version that is surely harmful. The aim is 1 s, on a machine that
does nothing else."""


def problems(trial: Trial, outcome: Outcome) -> list[str]:
    """What is not as it should be."""
    tries = 1 + outcome.tries
    good = "completed" in trial.ends
    found = [
        (outcome.status not in trial.ends, f"it ended {outcome.status}: {outcome.reason}"),
        (trial.names not in outcome.reason, f"the reason does not name {trial.names}: {outcome.reason}"),
        (outcome.lost > 0, f"{outcome.lost} requests were lost"),
        (outcome.forward > tries, f"a user was moved to the new version {outcome.forward} times"),
        (outcome.back > (tries - 1 if good else tries), f"a user was moved back {outcome.back} times"),
        (not good and outcome.gone is None, "nobody was ever sure of the harm"),
        (outcome.gone is not None and outcome.gone > PATIENCE, f"users met it {outcome.gone} s after it was sure"),
        (trial.fault == "ill" and not outcome.tries, "the ill instance did not earn a second try"),
    ]
    return [sentence for bad, sentence in found if bad]


def _try(trial: Trial, tmp_path: Path, environments: Path, record: Callable[[str, object], None]) -> None:
    outcome = run(trial, tmp_path, environments)
    record("live", outcome.row())
    assert not problems(trial, outcome), "\n".join([*problems(trial, outcome), "", *outcome.told])


ALWAYS = "500 on a fifth"
"""Runs in every gate. A good release of the same application does so in the quick start."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "trial",
    [pytest.param(trial, marks=() if trial.name == ALWAYS else pytest.mark.long) for trial in GATE],
    ids=lambda trial: trial.name,
)
def test_real_users_of_a_real_application_are_served_well(
    trial: Trial, tmp_path: Path, environments: Path, record_property: Callable[[str, object], None]
) -> None:
    _try(trial, tmp_path, environments, record_property)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("trial", LONG, ids=lambda trial: trial.name)
def test_so_they_are_whatever_the_strategy_and_the_fault(
    trial: Trial, tmp_path: Path, environments: Path, record_property: Callable[[str, object], None]
) -> None:
    _try(trial, tmp_path, environments, record_property)
