"""Probes (R12): what fails at the new version alone undoes it; what fails at both blames nobody."""

from __future__ import annotations

import json

from pilotage.judge.probes import ProbeBook
from pilotage.model.observation import ProbeResult, Verdict, VerdictKind
from pilotage.model.probe import Probe

CHECKOUT = Probe("checkout", http="/cart", every=5.0, failures=3, timeout=2.0)
A, B = "127.0.0.1:4001", "127.0.0.1:4002"
OLD = "127.0.0.1:5001"
WRONG = "/cart returned 404 instead of 200"


def book() -> ProbeBook:
    return ProbeBook([CHECKOUT])


def feed(probes: ProbeBook, at: float, new: dict[str, bool], old: dict[str, bool] | None = None) -> Verdict:
    """One round at `at`, by address whether it passed; the verdict afterwards."""
    for version, results in (("2.0", new), ("1.0", old or {})):
        for instance, passed in results.items():
            result = ProbeResult("checkout", version, instance, passed, "" if passed else WRONG, 1_700_000_000.0 + at)
            probes.record(result)
    (verdict,) = probes.verdicts("2.0")
    return verdict


def test_before_the_first_result_of_a_phase_nothing_is_known() -> None:
    probes = book()
    assert probes.verdicts("2.0")[0].kind is VerdictKind.INSUFFICIENT_DATA
    assert feed(probes, 0, {A: True}, {OLD: True}).kind is VerdictKind.PASS
    probes.begin_phase()
    assert probes.verdicts("2.0")[0].kind is VerdictKind.INSUFFICIENT_DATA


def test_three_failures_in_a_row_fail_the_version_where_stable_passes() -> None:
    probes = book()
    kinds = [feed(probes, 5.0 * n, {A: False}, {OLD: True}).kind for n in range(3)]
    assert kinds == [VerdictKind.INCONCLUSIVE, VerdictKind.INCONCLUSIVE, VerdictKind.FAIL]
    (verdict,) = probes.verdicts("2.0")
    assert verdict.metric == "probe checkout"
    assert verdict.critical
    assert verdict.instance == A
    assert verdict.sentence == f"3 times in a row {WRONG} at {A}; stable passes"


def test_a_success_in_between_begins_the_count_anew() -> None:
    probes = book()
    for n, passed in enumerate([False, False, True, False, False]):
        assert feed(probes, 5.0 * n, {A: passed}, {OLD: True}).kind is (
            VerdictKind.PASS if passed else VerdictKind.INCONCLUSIVE
        )
    assert f"{WRONG} at {A}, 2 of the 3 times" in probes.verdicts("2.0")[0].sentence


def test_failures_of_two_instances_do_not_add_up_and_one_ill_instance_suffices() -> None:
    probes = book()
    assert feed(probes, 0, {A: False, B: True}, {OLD: True}).kind is VerdictKind.INCONCLUSIVE
    assert feed(probes, 5, {A: True, B: False}, {OLD: True}).kind is VerdictKind.INCONCLUSIVE
    assert feed(probes, 10, {A: True, B: False}, {OLD: True}).kind is VerdictKind.INCONCLUSIVE
    failed = feed(probes, 15, {A: True, B: False}, {OLD: True})
    assert failed.kind is VerdictKind.FAIL
    assert "1 of 2 instances fail" in failed.sentence
    assert failed.instance == B


def test_what_fails_at_both_versions_is_not_the_releases_fault() -> None:
    probes = book()
    for n in range(5):
        verdict = feed(probes, 5.0 * n, {A: False}, {OLD: False})
    assert verdict.kind is VerdictKind.SOURCE_ERROR
    assert "both versions fail: the release is not the cause" in verdict.sentence
    assert not verdict.critical


def test_a_version_that_gets_over_a_common_failure_later_than_stable_has_as_many_rounds_for_it() -> None:
    probes = book()
    for n in range(5):
        feed(probes, 5.0 * n, {A: False}, {OLD: False})
    kinds = []
    for n in range(5, 8):
        verdict = feed(probes, 5.0 * n, {A: False}, {OLD: True})
        kinds.append(verdict.kind)
    assert kinds == [VerdictKind.SOURCE_ERROR, VerdictKind.SOURCE_ERROR, VerdictKind.FAIL]
    assert verdict.sentence.endswith("stable passes")


def test_one_ill_instance_of_stable_excuses_nothing() -> None:
    probes = book()
    for n in range(3):
        verdict = feed(probes, 5.0 * n, {A: False}, {OLD: False, "127.0.0.1:5002": True, "127.0.0.1:5003": True})
    assert verdict.kind is VerdictKind.FAIL


def test_without_a_stable_version_the_new_one_answers_for_itself() -> None:
    probes = book()
    for n in range(3):
        verdict = feed(probes, 5.0 * n, {A: False})
    assert verdict.kind is VerdictKind.FAIL
    assert "there is no stable version to compare with" in verdict.sentence


def test_a_stable_version_that_is_gone_excuses_and_blames_nothing() -> None:
    probes = book()
    feed(probes, 0, {A: True}, {OLD: False})
    for n in range(20, 23):
        verdict = feed(probes, 5.0 * n, {A: False})
    assert verdict.kind is VerdictKind.FAIL


def test_an_instance_that_was_replaced_fails_nothing_any_more() -> None:
    probes = book()
    for n in range(3):
        feed(probes, 5.0 * n, {A: False, B: True}, {OLD: True})
    feed(probes, 15, {B: True}, {OLD: True})
    assert feed(probes, 20, {B: True}, {OLD: True}).kind is VerdictKind.PASS


def test_a_second_try_begins_without_the_failures_of_the_first() -> None:
    probes = book()
    for n in range(3):
        feed(probes, 5.0 * n, {A: False}, {OLD: True})
    probes.begin_again()
    assert feed(probes, 15, {A: False}, {OLD: True}).kind is VerdictKind.INCONCLUSIVE


def test_it_goes_on_after_a_restart_with_what_it_knew() -> None:
    probes = book()
    for n in range(2):
        feed(probes, 5.0 * n, {A: False}, {OLD: True})
    again = book()
    again.restore(json.loads(json.dumps(probes.to_dict())))
    assert again.verdicts("2.0") == probes.verdicts("2.0")
    assert feed(again, 10, {A: False}, {OLD: True}).kind is VerdictKind.FAIL


def test_results_of_a_probe_that_is_not_configured_are_left_out() -> None:
    probes = book()
    probes.record(ProbeResult("search", "2.0", A, False, WRONG, 0.0))
    assert [v.metric for v in probes.verdicts("2.0")] == ["probe checkout"]
