"""Figures of other systems: pools, other services, sessions, conversion, satisfaction (R13, R19)."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pilotage.judge.signals import SIGNALS, SignalBook, count_tests
from pilotage.model.observation import Verdict, VerdictKind
from tests.plans import a_plan

PLAN = a_plan(tolerance="medium")


def book(name: str, *, old: bool = True) -> SignalBook:
    return SignalBook(PLAN, (name,), 0.0002, 15.0, old=old)


def fed(name: str, readings: list[tuple[float | None, float | None]], **given: bool) -> Verdict:
    signals = book(name, **given)
    for canary, stable in readings:
        signals.record(name, canary, stable)
    (verdict,) = signals.verdicts()
    return verdict


@pytest.mark.parametrize(
    ("name", "canary", "stable", "kind"),
    [
        ("database_connection_pool", 0.5, None, VerdictKind.PASS),
        ("database_connection_pool", 0.95, None, VerdictKind.INCONCLUSIVE),
        ("external_service_latency", 0.14, 0.1, VerdictKind.PASS),
        ("external_service_latency", 0.16, 0.1, VerdictKind.INCONCLUSIVE),
        ("business_conversion_rate", 0.097, 0.1, VerdictKind.PASS),
        ("business_conversion_rate", 0.09, 0.1, VerdictKind.INCONCLUSIVE),
        ("user_session_health", 0.99, 0.995, VerdictKind.PASS),
        ("user_satisfaction", 0.96, 0.97, VerdictKind.PASS),
        ("user_satisfaction", 0.93, 0.97, VerdictKind.INCONCLUSIVE),
        ("user_satisfaction", 0.93, 0.94, VerdictKind.PASS),
    ],
)
def test_r13_r19_what_is_enough_to_advance(name: str, canary: float, stable: float | None, kind: VerdictKind) -> None:
    assert fed(name, [(canary, stable)] * 2).kind is kind


def test_r19_a_pool_above_its_limit_three_times_in_a_row_is_harm_and_a_peak_is_not() -> None:
    assert fed("database_connection_pool", [(0.95, None), (0.95, None), (0.2, None)]).kind is VerdictKind.PASS
    failed = fed("database_connection_pool", [(0.95, None)] * 3)
    assert (failed.kind, failed.sentence) == (
        VerdictKind.FAIL, "database connections in use: above 90% 3 times in a row"
    )  # fmt: skip


def test_a_loss_of_conversions_is_harm_and_an_unchanged_noisy_rate_is_not() -> None:
    chance = np.random.default_rng(3)
    noise = chance.normal(1, 0.05, (600, 2))
    lost = [(0.08 * a, 0.1 * b) for a, b in noise]
    same = [(0.1 * a, 0.1 * b) for a, b in noise]
    assert fed("business_conversion_rate", lost).kind is VerdictKind.FAIL
    assert fed("business_conversion_rate", same).kind is not VerdictKind.FAIL


@pytest.mark.parametrize("reading", [(None, 0.1), (0.1, None), (None, None)])
def test_a_figure_that_is_missing_is_never_well(reading: tuple[float | None, float | None]) -> None:
    assert fed("business_conversion_rate", [(0.1, 0.1), reading]).kind is VerdictKind.SOURCE_ERROR
    assert fed("business_conversion_rate", []).kind is VerdictKind.INSUFFICIENT_DATA


def test_a_first_version_is_held_against_limits_only() -> None:
    assert fed("external_service_latency", [(9.0, None)], old=False).kind is VerdictKind.PASS
    assert fed("user_satisfaction", [(0.5, None)], old=False).kind is VerdictKind.INCONCLUSIVE


def test_a_phase_begins_anew_and_the_evidence_stays() -> None:
    signals = book("business_conversion_rate")
    for _ in range(400):
        signals.record("business_conversion_rate", 0.05, 0.1)
    signals.begin_phase()
    assert signals.verdicts()[0].kind is VerdictKind.FAIL
    again = book("business_conversion_rate")
    again.restore(json.loads(json.dumps(signals.to_dict())))
    assert again.verdicts() == signals.verdicts()


def test_readings_are_as_far_apart_as_was_said() -> None:
    signals = book("user_satisfaction")
    assert [signals.due(now) for now in (100.0, 101.0, 114.9, 115.0)] == [True, False, False, True]
    assert not SignalBook(PLAN, (), 0.001, 15.0).due(0.0)


def test_tests_are_counted_so_that_they_share_the_false_rollback_probability() -> None:
    assert count_tests(tuple(SIGNALS)) == len(SIGNALS) - 1
