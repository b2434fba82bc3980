"""Streams of counts: pooled looks, errors in clusters, routes of their own, and the one instance that fell ill."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys

import numpy as np
import pytest

from pilotage.judge.count_stream import CountStream
from pilotage.judge.counts import CountJudge
from pilotage.judge.instances import InstanceStream
from pilotage.judge.pooling import Pool
from pilotage.judge.strata import StrataStream
from pilotage.judge.sums import History, Sums
from pilotage.model.observation import VerdictKind

BAR = math.log(1000)


def counts(bad_c: int, n_c: int, bad_s: int, n_s: int) -> dict[str, int]:
    return Sums(bad_c, n_c, bad_s, n_s).to_dict()


# ── pooled looks ───────────────────────────────────────────────────────────────────────────────────────────────


def test_pooled_looks_are_an_e_process_by_enumeration() -> None:
    """Requests that fail alike on both versions, in looks with none, one or more of the canary's: every outcome of
    eleven requests. The mean evidence is at most one whenever one looks."""
    looks, rate = [(1, 1), (0, 2), (1, 1), (0, 1), (2, 2)], 0.3
    means = [0.0] * len(looks)
    for outcome in itertools.product((0, 1), repeat=sum(map(sum, looks))):
        left, stream = list(outcome), CountStream(CountJudge(tolerated_ratio=1.0))
        chance = math.prod(rate if bad else 1 - rate for bad in outcome)
        for place, (n_c, n_s) in enumerate(looks):
            bad_c, bad_s = sum(left[:n_c]), sum(left[n_c : n_c + n_s])
            del left[: n_c + n_s]
            stream.update(**counts(bad_c, n_c, bad_s, n_s))
            means[place] += chance * math.exp(stream.evidence())
    assert all(0.5 < mean <= 1.0 + 1e-9 for mean in means)


def test_looks_are_pooled_until_the_canary_has_two_requests_and_verdicts_show_all() -> None:
    stream, whole = CountStream(CountJudge()), CountStream(CountJudge())
    stream.update(**counts(0, 1, 0, 10))
    stream.update(**counts(0, 0, 2, 10))
    waiting = stream.update(**counts(0, 0, 0, 10))
    assert stream.evidence() == pytest.approx(0.0)
    assert (waiting.samples, stream.judge.sums) == (1, Sums(0, 1, 2, 30))
    stream.update(**counts(1, 1, 0, 10))
    whole.update(**counts(1, 2, 2, 40))
    assert stream.evidence() != 0
    assert stream.judge._likelihood.values == pytest.approx(whole.judge._likelihood.values, abs=1e-9)


def test_what_is_pooled_is_of_one_time() -> None:
    """Before the canary's first request nothing is pooled, and a pooled look ends after 60 looks or 5,000 requests."""
    pool = Pool()
    assert [pool.add(Sums(0, 0, 1, 9), 1.0) for _ in range(3)] == [Sums(0, 0, 1, 9)] * 3
    ends = [pool.add(Sums(0, int(not look), 0, 9), 1.0) is not None for look in range(60)]
    assert ends == [False] * 59 + [True]
    assert pool.add(Sums(0, 1, 0, 9), 1.0) is None
    assert pool.add(Sums(0, 0, 0, 5000), 1.0) == Sums(0, 1, 0, 5009)


def test_a_pooled_look_is_weighed_by_the_dispersion_known_before_it() -> None:
    pool = Pool()
    for dispersion in (3.0, 5.0):
        pool.add(Sums(0, 1, 0, 9), dispersion)
    assert pool.dispersion == 3.0


def test_an_exposure_that_the_caller_knows_replaces_that_of_the_requests() -> None:
    """Where requests are split 5 : 95, an error of stable counts in a look without a request of the canary too."""
    known, counted = CountStream(CountJudge()), CountStream(CountJudge())
    for _ in range(40):
        known.update(**counts(0, 0, 1, 5), exposure=0.05 / 0.95)
        counted.update(**counts(0, 0, 1, 5))
    assert known.judge.safe_evidence() > 0
    assert counted.judge.safe_evidence() == pytest.approx(0.0)
    before = known.evidence()
    for exposure in (0.0, math.inf):
        known.update(**counts(0, 1, 1, 5), exposure=exposure)
    assert known.evidence() == pytest.approx(before, abs=1e-3)


def test_routes_of_known_odds_are_an_e_process_by_enumeration() -> None:
    """Every way in which a router with odds of 1 : 3 can assign the six requests that fail whatever the version, on two
    routes, with looks without a request of the canary: the mean evidence is one whenever one looks."""
    failing, others = [(1, 0), (0, 1), (2, 0), (1, 1)], 40
    means = [0.0] * len(failing)
    for coins in itertools.product((0, 1), repeat=6):
        chance, left = math.prod(0.25 if coin else 0.75 for coin in coins), list(coins)
        stream = StrataStream(tolerated_ratio=1.0, strata=("/a", "/b"))
        for place, bad in enumerate(failing):
            looks = {}
            for route, count in zip(("/a", "/b"), bad, strict=True):
                ours = sum(left[:count])
                del left[:count]
                looks[route] = Sums(ours, ours + others, count - ours, count - ours + 3 * others)
            stream._judge.compare_strata(looks, 1.0, 1 / 3)
            means[place] += chance * math.exp(stream.evidence())
    assert means == pytest.approx([1.0] * len(failing), abs=1e-9)


@pytest.mark.parametrize("prior", [None, History(30, 30_000, 1.5)])
def test_one_route_of_known_odds_is_what_a_stream_of_counts_says(prior: History | None) -> None:
    """Odds come and go, as under a copy of the requests; looks that wait when they come are not lost."""
    chance, strata, single = np.random.default_rng(42), StrataStream(prior=prior), CountStream(CountJudge(prior=prior))
    for second in range(150):
        look = Sums(int(chance.poisson(0.05)), int(chance.integers(1, 3)), int(chance.poisson(0.2)), 40)
        odds = 0.04 if second // 20 % 2 else None
        strata.update({"/": look}, exposure=odds)
        single.update(**look.to_dict(), exposure=odds)
        assert strata.evidence() == pytest.approx(single.evidence(), abs=1e-9)
        assert strata.safe_evidence() == pytest.approx(single.judge.safe_evidence(), abs=1e-9)


def test_little_traffic_of_known_odds_is_judged_sooner_by_route_than_by_its_requests() -> None:
    """5 req/s on three routes, 5 % of them to a canary that fails 50 times as often as stable's 0.1 %."""
    chance, times, sooner, names = np.random.default_rng(31), [], 0, ("/a", "/b", "/c")
    for _ in range(20):
        stream, counted, second = StrataStream(strata=names), StrataStream(strata=names), 0
        while stream.evidence() < BAR and second < 3000:
            second, looks = second + 1, {}
            for name in names:
                n_c, n_s = int(chance.poisson(0.25 / 3)), int(chance.poisson(4.75 / 3))
                looks[name] = Sums(int(chance.binomial(n_c, 0.05)), n_c, int(chance.binomial(n_s, 0.001)), n_s)
            stream.update(looks, exposure=0.05 / 0.95)
            counted.update(looks)
        times.append(second)
        sooner += stream.evidence() > counted.evidence()
    assert np.median(times) <= 500
    assert sooner >= 15


def test_little_traffic_is_judged_in_minutes() -> None:
    """5 req/s, 5 % of them to a canary that fails 50 times as often as stable's 0.1 %: known within 400 s."""
    chance, times = np.random.default_rng(31), []
    for _ in range(40):
        stream, second = CountStream(CountJudge()), 0
        while stream.evidence() < BAR and second < 3000:
            n_c, n_s, second = int(chance.poisson(0.25)), int(chance.poisson(4.75)), second + 1
            stream.update(**counts(int(chance.binomial(n_c, 0.05)), n_c, int(chance.binomial(n_s, 0.001)), n_s))
        times.append(second)
    assert np.median(times) <= 400


# ── errors in clusters ─────────────────────────────────────────────────────────────────────────────────────────


def test_capped_blocks_are_an_e_process_by_enumeration() -> None:
    """Every path of 12 events at the null, two blocks and a bit: the smaller of a supermartingale and a constant."""
    ratio, r, mean, reached, alpha = 1.25, 0.5, 0.0, 0.0, 0.05
    p = ratio * r / (1 + ratio * r)
    for path in itertools.product((0, 1), repeat=12):
        judge, high = CountJudge(tolerated_ratio=ratio, alpha=alpha), False
        judge.hold_back(0.5)
        judge.expect_clusters()
        for place, canary in enumerate(path):
            if place % 5 == 0:
                judge.close_block()
            judge.begin(0.04)
            judge.weigh(Sums(canary, 1000, 1 - canary, 2000), dispersion=1.0)
            high = high or judge.harm_evidence() >= math.log(1 / alpha)
        chance = math.prod(p if event else 1 - p for event in path)
        mean += chance * math.exp(judge.harm_evidence())
        reached += chance * high
    assert 0.3 < mean <= 1.0 + 1e-9
    assert reached <= alpha


@pytest.mark.parametrize("prior", [None, History(100, 1_000_000)])
def test_no_five_seconds_decide_alone_where_errors_come_in_clusters(prior: History | None) -> None:
    stream = CountStream(CountJudge(limit=0.05, prior=prior), clustered=True)
    for second in range(5):
        stream.update(**counts(20, 100, 0, 1900), at=100.0 + second)
        assert stream.evidence() <= stream.judge.block_cap + 1e-9
    assert stream.limit_evidence() > BAR
    for second in range(5, 25):
        stream.update(**counts(20, 100, 0, 1900), at=100.0 + second)
    assert stream.evidence() > BAR


def test_blocks_are_of_five_looks_where_no_times_are_known() -> None:
    timed, untimed = (CountStream(CountJudge(), clustered=True) for _ in range(2))
    for second in range(17):
        timed.update(**counts(2, 100, 1, 1900), at=float(second))
        untimed.update(**counts(2, 100, 1, 1900))
        assert timed.evidence() == untimed.evidence()


def retried(chance: np.random.Generator) -> list[Sums]:
    """An hour of 500 req/s, 5 % on the canary, where 0.01 % of the requests fail and are tried ten times more, in vain,
    within eight seconds and on the same version; neither version is worse."""
    sides = []
    for requests in (25, 475):
        bad = np.zeros(3608, dtype=int)
        for second in np.repeat(np.arange(3600), chance.poisson(requests * 0.0001, 3600)):
            np.add.at(bad, [second, *(second + chance.integers(0, 8, 10))], 1)
        sides += [bad[:3600], chance.poisson(requests, 3600) + bad[:3600]]
    return [Sums(*(int(part) for part in look)) for look in zip(*sides, strict=True)]


def test_retries_are_no_harm_where_clusters_are_expected() -> None:
    chance, plainly, cautiously, runs = np.random.default_rng(32), 0, 0, 8
    for _ in range(runs):
        plain, clustered, highest = CountStream(CountJudge()), CountStream(CountJudge(), clustered=True), [0.0, 0.0]
        for second, look in enumerate(retried(chance)):
            if plainly < 3:
                plain.update(**look.to_dict())
            clustered.update(**look.to_dict(), at=float(second))
            highest = [max(highest[0], plain.evidence()), max(highest[1], clustered.evidence())]
        plainly += highest[0] >= BAR
        cautiously += highest[1] >= BAR
    assert (plainly, cautiously) == (3, 0)


@pytest.mark.parametrize("clustered", [False, True])
def test_a_stream_goes_on_within_a_pooled_look_and_within_a_block(clustered: bool) -> None:
    def stream() -> CountStream:
        return CountStream(CountJudge(limit=0.05, prior=History(50, 50_000)), clustered=clustered)

    first, second, chance = stream(), stream(), np.random.default_rng(33)
    looks = [counts(int(chance.integers(0, n + 1)), n, int(chance.poisson(0.3)), 20) for n in chance.integers(0, 2, 90)]
    looks = [{key: int(value) for key, value in look.items()} for look in looks]
    for look in looks[:43]:
        first.update(**look)
    second.restore(json.loads(json.dumps(first.to_dict())))
    assert [first.update(**look) for look in looks[43:]] == [second.update(**look) for look in looks[43:]]
    assert (first.evidence(), first.limit_evidence()) == (second.evidence(), second.limit_evidence())


# ── routes ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_routes_together_are_an_e_process_by_enumeration() -> None:
    """Every path of 12 events, of two routes in turn with a split each; the route's chance says whose the event is."""
    exposures, mean = (0.1, 2.0), 0.0
    for path in itertools.product((0, 1), repeat=12):
        stream, chance = StrataStream(tolerated_ratio=1.0, strata=("/a", "/b"), prior=History(0, 0)), 1.0
        for place, canary in enumerate(path):
            route = place % 2
            p = exposures[route] / (1 + exposures[route])
            chance *= p if canary else 1 - p
            look = Sums(canary, int(1000 * exposures[route]), 1 - canary, 1000)
            stream._judge.compare_strata({("/a", "/b")[route]: look}, 1.0)
        mean += chance * math.exp(stream._judge.compared())
    assert mean == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("prior", [None, History(30, 30_000, 1.5)])
@pytest.mark.parametrize("clustered", [False, True])
def test_one_route_is_what_a_stream_of_counts_says(prior: History | None, clustered: bool) -> None:
    chance = np.random.default_rng(34)
    strata = StrataStream(1.25, 0.001, prior, limit=0.05, clustered=clustered)
    single = CountStream(CountJudge(1.25, 0.001, 0.05, prior), clustered=clustered)
    for second in range(150):
        look = Sums(int(chance.poisson(0.05)), int(chance.integers(1, 4)), int(chance.poisson(0.2)), 40)
        strata.update({"/": look}, at=float(second))
        single.update(**look.to_dict(), at=float(second))
        assert strata.evidence() == pytest.approx(single.evidence(), abs=1e-9)
        assert strata.limit_evidence() == pytest.approx(single.limit_evidence(), abs=1e-9)
        assert strata.safe_evidence() == pytest.approx(single.judge.safe_evidence(), abs=1e-9)
        assert strata.interval() == single.judge.interval()
    assert strata.sums == single.judge.sums


def mixed(chance: np.random.Generator, share: float, harm: float = 1.0) -> dict[str, Sums]:
    """A second of 500 req/s, 5 % on the canary, of which `share` ask the search, that fails 1.6 %; stable's are 5 %.
    harm: how many times as often the canary's searches fail."""
    found = {}
    for route, ours, theirs, rate, times in (
        ("/search", share, 0.05, 0.016, harm), ("/", 1 - share, 0.95, 0.0005, 1.0)
    ):  # fmt: skip
        canary, stable = int(chance.poisson(25 * ours)), int(chance.poisson(475 * theirs))
        bad = int(chance.binomial(canary, min(1.0, rate * times))), int(chance.binomial(stable, rate))
        found[route] = Sums(bad[0], canary, bad[1], stable)
    return found


def test_another_mix_of_routes_is_no_harm() -> None:
    """Simpson: users who search more often fail more often, and the version is not worse on any route."""
    chance, pooled, strata = np.random.default_rng(35), 0, 0
    for _ in range(3):
        single, routes, highest = CountStream(CountJudge()), StrataStream(), [0.0, 0.0]
        for _ in range(1500):
            looks = mixed(chance, 0.2)
            single.update(**looks["/"].plus(looks["/search"]).to_dict())
            routes.update(looks)
            highest = [max(highest[0], single.evidence()), max(highest[1], routes.evidence())]
        pooled += highest[0] >= BAR
        strata += highest[1] >= BAR
    assert (pooled, strata) == (3, 0)


@pytest.mark.parametrize("prior", [None, History(1_000, 1_000_000)], ids=["alone", "with history"])
def test_neither_known_odds_nor_history_take_another_mix_for_harm(prior: History | None) -> None:
    """The canary is asked four times as often for what fails often: its odds are the whole's, not the route's."""
    chance = np.random.default_rng(43)
    for _ in range(3):
        stream = StrataStream(prior=prior)
        for _ in range(1500):
            stream.update(mixed(chance, 0.2), exposure=25 / 475)
            assert stream.evidence() < BAR


def test_harm_of_one_route_is_named() -> None:
    chance, stream = np.random.default_rng(36), StrataStream()
    for _ in range(400):
        verdict = stream.update(mixed(chance, 0.05, harm=30.0))
        if verdict.kind is VerdictKind.FAIL:
            break
    assert verdict.kind is VerdictKind.FAIL
    assert stream.worst_route()[0] == "/search"
    assert "most on /search" in verdict.sentence
    assert stream.of("/search").canary_bad > stream.of("/").canary_bad


def test_routes_that_come_later_are_the_rest() -> None:
    stream = StrataStream(strata=("/a", "/b"))
    stream.update({"/new": Sums(1, 10, 0, 20), "/a": Sums(0, 5, 0, 5)})
    assert stream.of("rest") == stream.of("/never seen") == Sums(1, 10, 0, 20)
    assert stream.sums == Sums(1, 15, 0, 25)


def test_what_is_not_trusted_says_nothing() -> None:
    """A fresh version's first seconds: a power of an e-value is one, and the power 0 says nothing."""
    none, some, all_of_it = (StrataStream() for _ in range(3))
    for stream, trust in ((none, 0.0), (some, 0.5), (all_of_it, 1.0)):
        stream.update({"/": Sums(5, 50, 1, 950)}, trust=trust)
    assert none.evidence() == pytest.approx(0.0)
    assert 0 < some.evidence() < all_of_it.evidence()


@pytest.mark.parametrize("clustered", [False, True])
def test_routes_go_on_after_a_restart(clustered: bool) -> None:
    chance = np.random.default_rng(37)
    first, second = (StrataStream(limit=0.05, clustered=clustered) for _ in range(2))
    looks = [mixed(chance, 0.05, harm=3.0) for _ in range(90)]
    for look in looks[:43]:
        first.update(look)
    second.restore(json.loads(json.dumps(first.to_dict())))
    assert [first.update(look) for look in looks[43:]] == [second.update(look) for look in looks[43:]]
    assert first.worst_route() == second.worst_route()


# ── instances ──────────────────────────────────────────────────────────────────────────────────────────────────


def two_instances(chance: np.random.Generator, rates: tuple[float, float], seconds: int, stream: InstanceStream) -> int:
    """500 req/s, 5 % on two instances of the canary; the second in which the canary is called harmful."""
    known = seconds
    for second in range(seconds):
        asked = chance.poisson(12.5, 2)
        failed = chance.binomial(asked, rates)
        stable = int(chance.poisson(475))
        looks = {f"i{n}": (int(failed[n]), int(asked[n])) for n in range(2)}
        stream.update(looks, int(chance.binomial(stable, 0.001)), stable)
        if known == seconds and stream.evidence() >= BAR:
            known = second
    return known


def test_one_instance_that_falls_ill_is_named_and_harm_of_all_is_nobodys() -> None:
    chance = np.random.default_rng(38)
    for _ in range(3):
        ill, harmful = InstanceStream(), InstanceStream()
        assert two_instances(chance, (0.001, 0.3), 60, ill) < 60
        assert ill.ill() == "i1"
        assert ill.evidence_without("i1") < BAR
        assert two_instances(chance, (0.05, 0.05), 60, harmful) < 60
        assert harmful.ill() == ""


@pytest.mark.parametrize("timed", [True, False])
def test_an_instance_that_falls_ill_after_an_hour_is_named(timed: bool) -> None:
    """Errors that both instances had before do not hide whose the errors of late are; a minute ago counts half."""
    stream, chance = InstanceStream(), np.random.default_rng(44)
    for second in range(1000):
        both = {f"i{n}": (int(chance.random() < 0.05), 12) for n in range(2)}
        stream.update(both, int(chance.poisson(2)), 475, float(second) if timed else None)
    assert stream.ill() == ""
    for second in range(1000, 1020):
        ill = {"i0": (0, 12), "i1": (1, 12)}
        stream.update(ill, int(chance.poisson(0.5)), 475, float(second) if timed else None)
    assert stream.ill() == "i1"
    assert stream.rate_without("i1") < 0.05


def test_a_few_errors_on_one_of_two_instances_may_be_chance() -> None:
    stream, named = InstanceStream(), []
    for _ in range(4):
        stream.update({"i0": (0, 12), "i1": (1, 12)}, 0, 475)
        named.append(stream.ill())
    assert named == ["", "", "i1", "i1"]


def test_the_evidence_without_one_instance_is_not_moved_by_it() -> None:
    """Exact if all but one instance are like stable's, whatever that one does: no alarm in spells of one of two."""
    chance, alarms = np.random.default_rng(39), 0
    for _ in range(6):
        stream = InstanceStream()
        two_instances(chance, (0.001, 0.2), 150, stream)
        alarms += stream.evidence_without("i1") >= BAR
    assert alarms == 0


def test_with_one_instance_nobody_can_tell() -> None:
    stream = InstanceStream()
    for _ in range(20):
        stream.update({"i0": (5, 20), "i1": (0, 0)}, 0, 500)
    assert stream.evidence() > BAR
    assert stream.ill() == ""


def test_an_instance_taken_out_is_forgotten() -> None:
    stream = InstanceStream()
    for _ in range(20):
        stream.update({"i0": (0, 20), "i1": (6, 20)}, 0, 500)
    without = stream.evidence_without("i1")
    assert (stream.ill(), without < 0.1) == ("i1", True)
    stream.forget("i1")
    assert (stream.evidence(), stream.ill()) == (without, "")
    for _ in range(20):
        stream.update({"i0": (6, 20)}, 0, 500)
    assert stream.evidence() > BAR


def test_instances_go_on_after_a_restart() -> None:
    chance, first, second = np.random.default_rng(40), InstanceStream(), InstanceStream()
    two_instances(chance, (0.01, 0.2), 30, first)
    second.restore(json.loads(json.dumps(first.to_dict())))
    for stream in (first, second):
        two_instances(np.random.default_rng(41), (0.01, 0.2), 30, stream)
    assert first.to_dict() == second.to_dict()
    assert first.ill() == second.ill() == "i1"


# ── the public names ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_streaming_api_is_exported_and_costs_nothing_to_import() -> None:
    words = (
        "import sys, pilotage.judge as j; assert 'numpy' not in sys.modules; "
        "[getattr(j, name) for name in j.__all__]; print(sorted(j.__all__))"
    )
    shown = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True).stdout
    for name in ("CountJudge", "CountStream", "UserStream", "StrataStream", "LatencyJudge", "StrataLatency"):
        assert name in shown
