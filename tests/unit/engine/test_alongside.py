"""What the judge may assume of how users came to a version (R33): nothing, where they were chosen by name."""

from __future__ import annotations

from pilotage.engine.execution.alongside import Alongside
from pilotage.judge.look import Beside
from pilotage.model.rollout import Observed
from pilotage.model.traffic import Cohort, Split, split_between

BY_CHANCE = split_between("new", 250, "old")
OF_A_WAVE = Split(
    BY_CHANCE.weights, cohort=Cohort(header="x-tenant", version="new", digest="d", size=1, members=("acme",))
)


def seen(split: Split) -> Observed:
    return Observed(split, ())


def test_r33_tenants_are_compared_without_odds_and_without_a_share() -> None:
    looks = Alongside("new", "old", sticky=False)
    assert looks.of_code(seen(OF_A_WAVE), None) == Beside("old")
    assert looks.of_code(seen(OF_A_WAVE), None) == Beside("old")
    assert looks.of_code(seen(BY_CHANCE), None) == Beside("old"), "the requests of this look were partly of the wave"
    assert looks.of_code(seen(BY_CHANCE), None) == Beside("old", 1 / 3, 0.25)


def test_r33_nothing_is_compared_once_everybody_has_it() -> None:
    looks = Alongside("new", "old", sticky=False)
    assert looks.of_code(seen(OF_A_WAVE), None) == Beside("old")
    assert looks.of_code(seen(Split((("new", 1000),))), None) == Beside(None)
