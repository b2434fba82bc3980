"""The benchmark's evidence for many hours at once is the product's: the same numbers on the same streams, to 1e-9."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from benchmarks.judge_evidence import LimitStreams, StrataStreams, UserStreams, new_users

from pilotage.judge.count_stream import CountStream
from pilotage.judge.counts import CountJudge
from pilotage.judge.limit import LimitStream
from pilotage.judge.strata import StrataStream
from pilotage.judge.sums import History, Sums
from pilotage.judge.users import UserStream

STREAMS, LOOKS = 3, 320
HISTORY = History(90, 90_000, 1.7)
Array = np.ndarray[Any, Any]


def looks_of(routes: int, requests: float, seed: int) -> Array:
    """(looks, routes, 4, streams): bursts and looks without requests, and in the last stream harm that begins late."""
    chance = np.random.default_rng(seed)
    shape = (LOOKS, routes, STREAMS)
    canary, stable = chance.poisson(0.05 * requests, shape), chance.poisson(0.95 * requests, shape)
    rate = np.where(chance.random(shape) < 0.05, 0.2, 0.01)
    harmed = rate.copy()
    harmed[LOOKS // 3 :, :, -1] = 0.3 if requests < 100 else 0.15
    return np.stack([chance.binomial(canary, harmed), canary, chance.binomial(stable, rate), stable], axis=2)


def log(values: Array) -> list[float]:
    return [float(value) for value in np.log(values)]


@pytest.mark.parametrize("requests", [3, 40, 400])
@pytest.mark.parametrize("routes", [1, 3])
@pytest.mark.parametrize("prior", [None, HISTORY], ids=["without history", "with history"])
def test_by_route_and_with_history(routes: int, requests: float, prior: History | None) -> None:
    ours, looks = StrataStreams(STREAMS, routes, prior=prior), looks_of(routes, requests, 1)
    names = [f"route {index}" for index in range(routes)]
    theirs = [StrataStream(prior=prior, strata=names) for _ in range(STREAMS)]
    for look in looks:
        ours.update(look.astype(float))
        for index, stream in enumerate(theirs):
            stream.update({name: Sums(*map(int, look[k, :, index])) for k, name in enumerate(names)})
        assert log(ours.values()) == pytest.approx([stream.evidence() for stream in theirs], rel=1e-9, abs=1e-9)
        assert ours.dispersion == pytest.approx([stream.dispersion for stream in theirs], rel=1e-9)
    assert max(log(ours.values())) > 3


@pytest.mark.parametrize("requests", [3, 40, 400])
@pytest.mark.parametrize("routes", [1, 3])
@pytest.mark.parametrize("prior", [None, HISTORY], ids=["without history", "with history"])
def test_where_requests_are_assigned_with_known_odds(routes: int, requests: float, prior: History | None) -> None:
    """With another mix of routes on the canary for a while, so that odds and requests take turns."""
    ours, looks = StrataStreams(STREAMS, routes, prior=prior), looks_of(routes, requests, 7)
    looks[40:90, -1, 1] *= 3
    names, odds = [f"route {index}" for index in range(routes)], 0.05 / 0.95
    theirs = [StrataStream(prior=prior, strata=names) for _ in range(STREAMS)]
    for look in looks:
        ours.update(look.astype(float), odds)
        for index, stream in enumerate(theirs):
            stream.update({n: Sums(*map(int, look[k, :, index])) for k, n in enumerate(names)}, exposure=odds)
        assert log(ours.values()) == pytest.approx([stream.evidence() for stream in theirs], rel=1e-9, abs=1e-9)
    assert max(log(ours.values())) > 3


@pytest.mark.parametrize("requests", [3, 40, 400])
@pytest.mark.parametrize("routes", [1, 3])
def test_where_errors_come_in_clusters(routes: int, requests: float) -> None:
    ours, looks = StrataStreams(STREAMS, routes, clustered=0.00045), looks_of(routes, requests, 2)
    names = [f"route {index}" for index in range(routes)]
    theirs = [StrataStream(1.25, 0.00045, strata=names, clustered=True) for _ in range(STREAMS)]
    for second, look in enumerate(looks):
        ours.update(look.astype(float))
        for index, stream in enumerate(theirs):
            stream.update({n: Sums(*map(int, look[k, :, index])) for k, n in enumerate(names)}, at=float(second))
        assert log(ours.values()) == pytest.approx([stream.evidence() for stream in theirs], rel=1e-9, abs=1e-9)
    assert max(log(ours.values())) > 3


def test_a_stream_of_counts_is_a_stream_with_one_route() -> None:
    ours, looks = StrataStreams(STREAMS), looks_of(1, 40, 6)
    theirs = [CountStream(CountJudge()) for _ in range(STREAMS)]
    for look in looks:
        ours.update(look.astype(float))
        for index, stream in enumerate(theirs):
            stream.update(**Sums(*map(int, look[0, :, index])).to_dict())
        assert log(ours.values()) == pytest.approx([stream.evidence() for stream in theirs], rel=1e-9, abs=1e-9)


def failures(seed: int) -> tuple[Array, Array, Array, Array, Array]:
    """Hour, second, canary, user and route of errors; users come back, and fail again within the same look."""
    chance = np.random.default_rng(seed)
    count = 3000
    hour, user = chance.integers(0, STREAMS, count), chance.integers(0, 400, count)
    second = np.sort(chance.integers(0, LOOKS, count))
    canary = (chance.random((STREAMS, 400)) < 0.1)[hour, user]
    keep = canary | (hour < STREAMS - 1) | (chance.random(count) < 0.3)
    return hour[keep], second[keep], canary[keep], user[keep], chance.integers(0, 3, count)[keep]


def test_where_users_are_counted() -> None:
    hour, second, canary, user, route = failures(3)
    once, often = new_users(hour, second, canary, user, route, hours=STREAMS, looks=LOOKS, routes=2)
    odds = 0.05 / 0.95
    ours = UserStreams(STREAMS, 4, odds)
    theirs = [UserStream(routes=["0", "1"]) for _ in range(STREAMS)]
    for look in range(LOOKS):
        ours.update(once[look], often[look])
        for index, stream in enumerate(theirs):
            here = (second == look) & (hour == index)
            sides = [
                [(int(u), str(r)) for u, r in zip(user[s], route[s], strict=True)]
                for s in (here & canary, here & ~canary)
            ]
            stream.update(at=float(look), odds=odds, canary=sides[0], stable=sides[1])
        assert log(ours.values()) == pytest.approx([stream.evidence() for stream in theirs], rel=1e-9, abs=1e-9)
    assert max(log(ours.values())) > 3


def test_the_limit_with_and_without_users() -> None:
    looks = looks_of(1, 90, 4)[:, 0]
    chance = np.random.default_rng(5)
    weights = chance.uniform(0.3, 1.0, (LOOKS, STREAMS))
    for told_apart in (False, True):
        ours = LimitStreams(STREAMS, 0.05, users=30 if told_apart else 0, thorough=True)
        theirs = [LimitStream(0.05) for _ in range(STREAMS)]
        for second, look in enumerate(looks):
            bad, total = look[0], look[1]
            rows = np.repeat(np.arange(STREAMS), bad)
            users = (30 * chance.random(len(rows)) ** 2).astype(int)
            ours.update(bad, total, weights[second], *((rows, users) if told_apart else ()))
            for index, stream in enumerate(theirs):
                of = [int(u) for u in users[rows == index]] if told_apart else []
                stream.update(
                    at=float(second),
                    bad=int(bad[index]),
                    total=int(total[index]),
                    users=of,
                    weight=float(weights[second, index]),
                )
            assert log(ours.values()) == pytest.approx([stream.evidence() for stream in theirs], rel=1e-9, abs=1e-9)
        assert max(log(ours.values())) > 3
        assert math.isfinite(max(log(ours.values())))
