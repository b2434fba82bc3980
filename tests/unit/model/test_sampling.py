"""A sample finds a wrong share, and refuses a right one for no key (R16)."""

from __future__ import annotations

import math
from functools import partial

import pytest

from pilotage.model.sampling import TIMES, possible, sampled, usual


def exactly(share: float, size: int, first: int = 0) -> list[bool]:
    """Who has it: `first` users more or less than the share among the first `size`, and the share of the others."""
    inside = round(size * share) + first
    others = round((TIMES - 1) * size * share)
    return [n < inside for n in range(size)] + [n < others for n in range((TIMES - 1) * size)]


def count(users: list[bool], numbers: range) -> int:
    return sum(users[n] for n in numbers)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.9])
def test_a_first_sample_that_is_off_by_chance_is_followed_by_a_larger_one(share: float) -> None:
    size = 2000
    deviation = math.sqrt(size * share * (1 - share))
    for off in (5.5, -5.5):
        users = exactly(share, size, first=max(round(off * deviation), -round(size * share)))
        found = sampled(partial(count, users), size, share)
        assert found.fits
        assert found.asked in (size, TIMES * size)


@pytest.mark.parametrize(
    ("share", "served"), [(0.1, 0.0), (0.1, 0.07), (0.1, 0.14), (0.5, 0.4), (0.01, 0.03), (0.9, 1)]
)
def test_a_wrong_share_is_refused_by_both(share: float, served: float) -> None:
    users = exactly(served, 2000)
    assert not usual(count(users, range(2000)), 2000, share)
    found = sampled(partial(count, users), 2000, share)
    assert (found.fits, found.asked) == (False, 20_000)


def test_nobody_and_everybody_leave_nothing_to_chance() -> None:
    for share, one in ((0.0, True), (1.0, False)):
        users = [one, *[not one] * 199]
        assert not sampled(partial(count, users), 200, share).fits
        assert sampled(partial(count, [not one] * 200), 200, share).fits


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("asked", [2000, 20_000])
def test_chance_exceeds_the_limit_once_in_700_billion_keys(share: float, asked: int) -> None:
    def chance(on: int) -> float:
        ways = math.lgamma(asked + 1) - math.lgamma(on + 1) - math.lgamma(asked - on + 1)
        return math.exp(ways + on * math.log(share) + (asked - on) * math.log(1 - share))

    refused = math.fsum(chance(on) for on in range(asked + 1) if not possible(on, asked, share))
    assert refused < 2 * math.exp(-28)
