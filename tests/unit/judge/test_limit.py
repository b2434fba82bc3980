"""The limit of a rate: sure of a breach soon, seldom of one that is none, and blind to what one user does alone."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from pilotage.judge.limit import LimitStream

BAR = math.log(1 / 0.05)


def test_a_limit_that_holds_is_seldom_called_broken() -> None:
    """A rate exactly at the limit, for an hour, in 400 runs at α = 5 %: at most 5 % and chance's part of it."""
    chance, broken = np.random.default_rng(3), 0
    for _ in range(400):
        stream, highest = LimitStream(0.05), 0.0
        for second in range(0, 3600, 10):
            total = int(chance.poisson(20))
            stream.update(at=float(second), bad=int(chance.binomial(total, 0.05)), total=total)
            highest = max(highest, stream.evidence())
        broken += highest >= BAR
    assert broken <= 0.05 * 400 + 2 * math.sqrt(400 * 0.05 * 0.95)


def test_an_outage_after_an_hour_is_known_within_seconds() -> None:
    stream = LimitStream(0.05)
    for second in range(3600):
        stream.update(at=float(second), bad=0, total=25)
    looks = 0
    while stream.evidence() < math.log(1000 / 0.15):
        stream.update(at=3600.0 + looks, bad=25, total=25)
        looks += 1
    assert looks <= 3


def test_one_user_alone_never_breaks_the_limit() -> None:
    stream = LimitStream(0.05)
    for second in range(600):
        stream.update(at=float(second), bad=5, total=10, users=[42] * 5)
    assert stream.evidence() < 0.01


def test_several_users_do() -> None:
    stream = LimitStream(0.05)
    for second in range(60):
        stream.update(at=float(second), bad=5, total=10, users=[second % 7] * 5)
    assert stream.evidence() > math.log(1000 / 0.15)


def test_the_evidence_survives_a_restart() -> None:
    first, second = LimitStream(0.05), LimitStream(0.05)
    for moment in range(150):
        first.update(at=float(moment), bad=1, total=10, users=[2**63 + moment % 5])
    second.restore(json.loads(json.dumps(first.to_dict())))
    for stream in (first, second):
        stream.update(at=151.0, bad=3, total=10, users=[1, 2, 3])
    assert first.evidence() == second.evidence()


@pytest.mark.parametrize(("bad", "total"), [(-1, 5), (6, 5)])
def test_impossible_counts_are_refused(bad: int, total: int) -> None:
    with pytest.raises(ValueError, match="between 0 and the total"):
        LimitStream(0.05).update(at=0.0, bad=bad, total=total)
