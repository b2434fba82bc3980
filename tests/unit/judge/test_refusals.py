"""Answers with 4xx count where nobody says which answers are errors: they hold, and never undo (R12–R15, C1)."""

from __future__ import annotations

import random

import pytest

from pilotage.judge.refusals import RefusalBook
from pilotage.model.observation import Observation, VerdictKind

ALPHA = 0.001


def seen(version: str, requests: int, refused: int) -> Observation:
    return Observation(version, requests, 0, refused=refused)


def book(*, sticky: bool = True) -> RefusalBook:
    return RefusalBook(ALPHA, 100, sticky=sticky)


def a_release(
    rates: tuple[float, float], *, sticky: bool, seed: int = 1, looks: int = 300, requests: tuple[int, int] = (5, 95)
) -> RefusalBook:
    """Looks of a second each; rates: shares of 4xx of the new version and of stable."""
    chance, found = random.Random(seed), book(sticky=sticky)
    for at in range(looks):
        new, old = (
            seen(name, count, sum(chance.random() < rate for _ in range(count)))
            for name, count, rate in zip(("new", "old"), requests, rates, strict=True)
        )
        found.record(new, old, float(at))
    return found


@pytest.mark.parametrize("sticky", [False, True])
def test_a_version_whose_pages_are_all_gone_holds(sticky: bool) -> None:
    (found,) = a_release((1.0, 0.02), sticky=sticky, looks=60).verdicts()
    assert found.kind is VerdictKind.INCONCLUSIVE
    assert "probes:" in found.sentence


@pytest.mark.parametrize("sticky", [False, True])
def test_no_difference_holds_hardly_ever(sticky: bool) -> None:
    for seed in range(40):
        found = a_release((0.3, 0.3), sticky=sticky, seed=seed, looks=100)
        assert all(verdict.kind is VerdictKind.PASS for verdict in found.verdicts())


def test_a_few_more_answers_that_ask_for_a_login_hold_nothing() -> None:
    (found,) = a_release((0.05, 0.0), sticky=False).verdicts()
    assert found.kind is VerdictKind.PASS


def test_a_client_that_scans_both_versions_in_bursts_holds_nothing() -> None:
    chance = random.Random(2)
    for _ in range(20):
        found = book()
        for at in range(200):
            burst = 50 if chance.random() < 0.1 else 0
            first = chance.random() < 0.5
            ours, theirs = (burst, 0) if first else (0, burst)
            found.record(seen("new", 50 + ours, ours), seen("old", 50 + theirs, theirs), float(at))
        assert [verdict.kind for verdict in found.verdicts()] == [VerdictKind.PASS]


def test_alone_it_is_compared_with_the_past_which_can_only_hold() -> None:
    found = book()
    for at in range(30):
        found.record(seen("new", 0, 0), seen("old", 100, 1), float(at))
    assert found.verdicts() == ()
    for at in range(30, 40):
        found.record(seen("new", 100, 100), seen("old", 0, 0), float(at))
    (verdict,) = found.verdicts()
    assert verdict.past
    assert verdict.kind is VerdictKind.INCONCLUSIVE


def test_what_a_source_does_not_count_is_not_judged() -> None:
    found = book()
    found.record(Observation("new", 100, 0), Observation("old", 100, 0), 1.0)
    assert found.verdicts() == ()


def test_another_worker_continues_where_the_first_one_ended() -> None:
    first, second = a_release((1.0, 0.02), sticky=True, looks=20), book()
    second.restore(first.to_dict())
    assert second.verdicts() == first.verdicts()
