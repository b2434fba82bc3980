"""Users instead of errors: exact under the sharp null, and not fooled by users who retry."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest

from pilotage.judge.count_stream import CountStream
from pilotage.judge.counts import CountJudge
from pilotage.judge.likelihood import average
from pilotage.judge.users import UserStream

BAR = math.log(1000)


def test_users_are_an_e_process_by_enumeration_while_the_weight_grows() -> None:
    """C1: under "the version does not matter" each user is the canary's where its hash is below the weight. Every way
    in which seven users' hashes can lie, with users who fail again and a weight that grows: the mean is at most one."""
    levels, shares = (0.05, 0.25, 1.0), (0.05, 0.2, 0.75)
    failing = [(0,), (1, 2), (0, 3), (4,), (1, 5), (6, 0)]
    weights = [0.05, 0.05, 0.25, 0.25, 0.25, 0.25]
    mean = mean_once = 0.0
    for hashes in itertools.product(range(3), repeat=7):
        chance = math.prod(shares[h] for h in hashes)
        stream = UserStream(tolerated_ratio=1.0, routes=("/a",))
        for second, (users, weight) in enumerate(zip(failing, weights, strict=True)):
            by_version: tuple[list[tuple[int, str]], list[tuple[int, str]]] = ([], [])
            for user in users:
                by_version[levels[hashes[user]] > weight].append((user, "/a" if user % 2 else "/b"))
            stream.update(at=float(second), odds=weight / (1 - weight), canary=by_version[0], stable=by_version[1])
        routes = average(bets.once.capital.evidence() for bets in stream._routes.values())
        mean += chance * math.exp(stream.evidence())
        mean_once += chance * math.exp(average((stream._all.once.capital.evidence(), routes)))
    assert mean_once == pytest.approx(1.0, abs=1e-9)
    assert mean <= 1.01


def sticky_hour(chance: np.random.Generator, rate: float, retries: int) -> list[tuple[list[int], list[int], int, int]]:
    """An hour of looks of users who stick: 5 % on the canary, 0.1 % of requests fail and are tried again, in vain,
    within seconds. Users with an error, one entry an error, and requests of either version; no version is worse."""
    looks: list[tuple[list[int], list[int], int, int]] = []
    failed: list[list[int]] = [[] for _ in range(3600)]
    for second in range(3600):
        for user in chance.integers(0, 20_000, chance.poisson(rate * 0.001)).tolist():
            for later in (0, *chance.integers(0, 8, retries).tolist()):
                if second + later < 3600:
                    failed[second + later].append(user)
    requests = chance.poisson(rate, 3600)
    for users, total in zip(failed, requests.tolist(), strict=True):
        ours, theirs = [u for u in users if u % 20 == 0], [u for u in users if u % 20]
        canary = int(chance.binomial(total, 0.05))
        looks.append((ours, theirs, canary + len(ours), total - canary + len(theirs)))
    return looks


@pytest.mark.parametrize(("rate", "retries", "runs", "fooled"), [(500.0, 10, 6, 4), (50.0, 10, 8, 2), (500.0, 3, 8, 0)])
def test_users_who_retry_are_not_taken_for_harm(rate: float, retries: int, runs: int, fooled: int) -> None:
    """Counts take each retry for an error more, and call harmless hours harmful; users do not."""
    chance, by_counts = np.random.default_rng(21), 0
    for _ in range(runs):
        errors, users = CountStream(CountJudge()), UserStream()
        most = 0.0
        for second, (ours, theirs, canary, stable) in enumerate(sticky_hour(chance, rate, retries)):
            if by_counts < fooled:
                errors.update(canary_bad=len(ours), canary_total=canary, stable_bad=len(theirs), stable_total=stable)
                most = max(most, errors.evidence())
            users.update(
                at=float(second), odds=0.05 / 0.95, canary=[(u, "/") for u in ours], stable=[(u, "/") for u in theirs]
            )
            assert users.evidence() < BAR
        by_counts += most >= BAR
    assert by_counts >= fooled


def harmed(chance: np.random.Generator, seconds: int, stream: UserStream, route: str) -> int | None:
    """50 req/s, 5 % on a canary that fails 5 % on one route, stable 0.1 % on all: the second in which it is known."""
    for second in range(seconds):
        ours = [(int(u), route) for u in chance.integers(0, 2**63, chance.poisson(2.5 * 0.05))]
        theirs = [(int(u), "/other") for u in chance.integers(0, 2**63, chance.poisson(47.5 * 0.001))]
        stream.update(at=float(second), odds=0.05 / 0.95, canary=ours, stable=theirs)
        if stream.evidence() >= BAR:
            return second
    return None


def test_harm_to_users_is_known_and_the_route_is_named() -> None:
    chance, times = np.random.default_rng(3), []
    for _ in range(10):
        stream = UserStream(routes=("/pay", "/other"))
        times.append(harmed(chance, 600, stream, "/pay") or 600)
        assert stream.worst_route()[0] == "/pay"
    assert np.median(times) < 150
    low, high = stream.interval()
    assert 0 <= low < 50 < high


def test_a_look_without_a_control_is_remembered_and_not_compared() -> None:
    """At 100 % nobody is on stable: errors there say nothing of the version, and such users are no coin afterwards."""
    stream = UserStream()
    for second, odds in enumerate((0.0, math.inf)):
        stream.update(at=float(second), odds=odds, canary=[(user, "/") for user in range(50)], stable=[])
    assert stream.evidence() == pytest.approx(0.0)
    assert stream.hurt == (50, 0)
    stream.update(at=400.0, odds=1.0, canary=[(user, "/") for user in range(50)], stable=[])
    once = stream._all.once.capital.evidence()
    assert once == pytest.approx(0.0)


def test_whoever_fails_on_both_versions_in_one_look_counts_for_neither() -> None:
    stream = UserStream()
    stream.update(at=0.0, odds=1.0, canary=[(7, "/")], stable=[(7, "/")])
    assert stream.evidence() == pytest.approx(0.0)
    assert stream.hurt == (1, 1)


def test_errors_again_and_again_of_one_user_are_one_in_a_window() -> None:
    once, often = UserStream(), UserStream()
    once.update(at=0.0, odds=0.05, canary=[(1, "/")], stable=[])
    often.update(at=0.0, odds=0.05, canary=[(1, "/")] * 40, stable=[])
    assert often.evidence() == once.evidence()
    for second in range(1, 300):
        once.update(at=float(second), odds=0.05, canary=[], stable=[])
        often.update(at=float(second), odds=0.05, canary=[(1, "/")], stable=[])
    assert often.evidence() == once.evidence()


def test_users_beyond_the_memory_are_said_and_no_longer_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pilotage.judge.users.MOST_USERS", 10)
    stream = UserStream()
    stream.update(at=0.0, odds=1.0, canary=[(user, "/") for user in range(12)], stable=[])
    assert stream.full
    before = stream._all.once.capital.evidence()
    stream.update(at=1.0, odds=1.0, canary=[(user, "/") for user in range(20, 40)], stable=[])
    assert stream._all.once.capital.evidence() == pytest.approx(before, abs=1e-4)


def test_a_user_stream_goes_on_after_a_restart() -> None:
    chance = np.random.default_rng(5)
    first, second = UserStream(routes=("/pay",)), UserStream(routes=("/pay",))

    def look(stream: UserStream, at: int, ours: list[int], theirs: list[int]) -> None:
        named = [[(u, ("/pay", "/x")[u % 2]) for u in users] for users in (ours, theirs)]
        stream.update(at=float(at), odds=0.2, canary=named[0], stable=named[1])

    drawn = [(chance.integers(0, 40, 1).tolist(), chance.integers(40, 300, 4).tolist()) for _ in range(500)]
    for at, users in enumerate(drawn[:320]):
        look(first, at, *users)
    second.restore(json.loads(json.dumps(first.to_dict())))
    for at, users in enumerate(drawn[320:], start=320):
        look(first, at, *users)
        look(second, at, *users)
        assert first.evidence() == second.evidence()
    assert (first.hurt, first.worst_route(), first.interval()) == (
        second.hurt, second.worst_route(), second.interval()
    )  # fmt: skip


def test_odds_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="odds"):
        UserStream().update(at=0.0, odds=-1.0, canary=[], stable=[])
    with pytest.raises(ValueError, match="tolerated_ratio"):
        UserStream(tolerated_ratio=0.5)
