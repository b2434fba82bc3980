"""R17: which changes did harm, how soon, and of which it is not known yet."""

from __future__ import annotations

import math

from pilotage.model.risk import Horizon
from pilotage.risk.labels import label, ripe

from .dated_changes import DAY, START, added, change, rewritten


def test_a_change_is_harmful_at_the_horizons_that_its_repair_came_within() -> None:
    first, second = label(
        [
            change(1, "Add price", added("src/price.py", 9)),
            change(2, "Fix wrong price", rewritten("src/price.py", 2), days=61),
        ]
    )
    assert (first.repaired, first.reverted) == (60, math.inf)
    assert [first.harmful(horizon) for horizon in Horizon] == [False, True, True]
    assert not any(second.harmful(horizon) for horizon in Horizon)


def test_the_first_repair_counts() -> None:
    found = label(
        [
            change(1, "Add price", added("src/price.py", 9)),
            change(2, "Fix wrong price", rewritten("src/price.py", 1), days=11),
            change(3, "Fix another wrong price", rewritten("src/price.py", 1, at=5), days=400),
        ]
    )
    assert found[0].repaired == 10


def test_a_revert_is_harm_also_without_source() -> None:
    first = change(1, "Another base image", added("Dockerfile", 2))
    back = change(2, f'Revert "Another base image"\n\nThis reverts commit {first.commit}.', rewritten("Dockerfile", 2))
    found = label([first, back])
    assert (found[0].measured.source, found[0].reverted) == (False, 1)
    assert found[0].harmful(Horizon.DAYS_30)


def test_lines_that_were_there_before_the_first_change_blame_nobody_and_keep_their_numbers() -> None:
    found = label(
        [
            change(1, "Add a line in the middle", added("src/price.py", 1, at=50)),
            change(2, "Fix a bug above it", rewritten("src/price.py", 1, at=49)),
            change(3, "Fix a bug in it", rewritten("src/price.py", 1, at=50)),
        ],
        lengths={"src/price.py": 100},
    )
    assert [one.repaired for one in found] == [2, math.inf, math.inf]


def test_a_change_is_ripe_when_its_horizon_has_passed() -> None:
    found = label([change(n, "Add", added(f"src/{n}.py", 3)) for n in (10, 60, 95)])
    now = START + 100 * DAY
    assert [len(ripe(found, horizon, now)) for horizon in Horizon] == [2, 1, 0]


def test_a_repair_whose_clock_is_behind_came_at_once() -> None:
    found = label(
        [
            change(9, "Add price", added("src/price.py", 9)),
            change(10, "Fix wrong price", rewritten("src/price.py", 2), days=4),
        ]
    )
    assert found[0].repaired == 0
