"""Whose alert it is, and what that means; and how many requests succeed (R13, R20)."""

from __future__ import annotations

import json

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pilotage.judge.alerts import SILENT, AlertBook
from pilotage.judge.rules_loaded import PATIENCE, RulesLoaded
from pilotage.judge.success import SuccessBook
from pilotage.model.alert import TEST, FiringAlert
from pilotage.model.observation import Observation, Remedy, RouteCounts, Verdict, VerdictKind

BEGAN = 1000.0
MINE = {"alertname": "DiskFull", "service": "shop", "severity": "critical"}


def verdict(labels: dict[str, str], since: float = BEGAN + 1) -> Verdict:
    book = AlertBook("shop", "production", "2.0.0", "1.0.0", BEGAN, BEGAN)
    book.record([FiringAlert(labels={**MINE, **labels}, since=since)], BEGAN + 2)
    (found,) = book.verdicts(BEGAN + 3)
    return found


@pytest.mark.parametrize("labels", [{}, {"environment": "production"}, {"version": "1.0.0"}])
def test_an_alert_of_the_service_or_of_stable_holds(labels: dict[str, str]) -> None:
    found = verdict(labels, since=1.0)
    assert (found.kind, found.asks, found.critical) == (VerdictKind.FAIL, Remedy.HOLD, False)


@pytest.mark.parametrize(
    "labels",
    [
        {"service": "cart"}, {"environment": "staging"}, {"severity": "warning"}, {"version": "0.9.0"},
        {TEST: "1"}, {"version": "2.0.0", "action": "stop_canary_rollout"},
    ],
)  # fmt: skip
def test_an_alert_of_others_is_none(labels: dict[str, str]) -> None:
    assert verdict(labels).kind is VerdictKind.PASS


def test_an_alert_about_the_version_is_critical_if_it_began_with_this_rollout() -> None:
    own = {"version": "2.0.0"}
    assert (verdict(own).critical, verdict(own).asks) == (True, None)
    assert verdict(own | {"action": "immediate_rollback"}).critical
    assert verdict(own, since=BEGAN - 1).kind is VerdictKind.PASS, "left over from the rollout before"


def test_an_alert_of_many_instances_is_one_verdict_and_what_rolls_back_is_among_them() -> None:
    book = AlertBook("shop", "production", "2.0.0", "1.0.0", BEGAN, BEGAN)
    many = [FiringAlert(labels={**MINE, "instance": str(n)}, since=BEGAN) for n in range(5)]
    own = FiringAlert(labels={**MINE, "version": "2.0.0"}, since=BEGAN)
    book.record([own, *many], BEGAN)
    (found,) = book.verdicts(BEGAN)
    assert found.critical


def test_silence_is_no_news_for_a_while_and_then_nobody_knows() -> None:
    book = AlertBook("shop", "production", "2.0.0", "1.0.0", BEGAN, BEGAN)
    assert [v.kind for v in book.verdicts(BEGAN)] == [VerdictKind.INCONCLUSIVE], "nobody has answered yet"
    book.record([], BEGAN + 1)
    book.failed("connection refused")
    assert [v.kind for v in book.verdicts(BEGAN + SILENT)] == [VerdictKind.PASS]
    (lost,) = book.verdicts(BEGAN + SILENT + 2)
    assert lost.kind is VerdictKind.SOURCE_ERROR
    assert "connection refused" in lost.sentence


def test_rules_that_are_not_there_are_told_once_they_had_their_time() -> None:
    book = RulesLoaded(("HighErrorRate", "NoData"), 0.0)
    assert book.verdicts(PATIENCE - 1) == ()
    (missing,) = book.verdicts(PATIENCE)
    assert (missing.kind, missing.asks) == (VerdictKind.SOURCE_ERROR, Remedy.NOTHING)
    book.record({"HighErrorRate": "err", "NoData": "unknown"})
    assert "cannot evaluate HighErrorRate" in book.verdicts(PATIENCE)[0].sentence
    book.record({"HighErrorRate": "ok", "NoData": "ok"})
    assert book.verdicts(0.0)[0].kind is VerdictKind.PASS


@given(counts=st.lists(st.tuples(st.integers(0, 400), st.floats(0, 1)), max_size=20), cut=st.integers(0, 20))
def test_the_success_rate_is_that_of_the_window_however_often_a_worker_takes_over(
    counts: list[tuple[int, float]], cut: int
) -> None:
    book = SuccessBook(0.99, window=5.0, least=100)
    last: list[tuple[int, int]] = []
    for at, (requests, share) in enumerate(counts):
        errors, ours = int(requests * share), requests // 4
        synthetic = RouteCounts("/", ours, 0) if ours else None
        book.record(Observation("2.0.0", requests, errors, synthetic=synthetic), float(at))
        last = [*last, (requests + ours, errors)][-5:]
        if at == cut and (kept := json.loads(json.dumps(book.to_dict()))):
            book = SuccessBook(0.99, window=5.0, least=100)
            book.restore(kept)
    total, failed = sum(r for r, _ in last), sum(e for _, e in last)
    found = book.verdicts()
    assert bool(found) is (total >= 100)
    if found:
        assert found[0].samples == total
        assert (found[0].asks is Remedy.PAUSE) is (1 - failed / total < 0.99)
    book.forget()
    assert book.verdicts() == ()
