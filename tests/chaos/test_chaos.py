"""Every strategy, killed with SIGKILL at random instants and at every failpoint: nobody notices, and it ends right.

`PILOTAGE_CHAOS=20` runs twenty times as many. One seed again: `pytest tests/chaos -k "rolling-7"`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from .harness import FAILPOINTS, SIGNING, STRATEGIES, Case, run

pytestmark = pytest.mark.real

TIMES = int(os.environ.get("PILOTAGE_CHAOS", "1"))
KILLS = 16
SEEDS = [pytest.param(seed, marks=pytest.mark.long if TIMES == 1 and seed >= 2 else ()) for seed in range(5 * TIMES)]
"""Two of them run in every gate, beside every failpoint."""


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_killed_anywhere_it_ends_right(
    strategy: str, seed: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    case = Case.of(seed, strategy, KILLS)
    outcome = run(case, tmp_path)
    record_property("kills", outcome.kills)
    assert not outcome.problems, (case, outcome.problems)
    assert outcome.kills


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("ending", ["good", "bad"])
def test_killed_at_every_failpoint_in_turn_it_ends_right(
    strategy: str, ending: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    kills = [*((name, 1) for name in SIGNING), *((n, 1 + i % 3) for i, n in enumerate(FAILPOINTS[strategy]))]
    case = Case(0, strategy, ending, tuple(kills))
    outcome = run(case, tmp_path)
    record_property("kills", outcome.kills)
    assert not outcome.problems, (case, outcome.problems)
