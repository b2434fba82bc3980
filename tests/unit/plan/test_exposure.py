"""How fast users get a canary: the ramp's arithmetic, and the users whom a bad release hurts, against simulations."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.judge.count_stream import CountStream
from pilotage.judge.counts import CountJudge
from pilotage.model.observation import VerdictKind
from pilotage.plan.exposure import ERRORS, HARMS, OF_ERRORS, SLOWEST, TOP, Stage, expected_hurt, ramp

Array = np.ndarray[Any, np.dtype[np.float64]]

BASE = 0.001


# ── The ramp ───────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.floats(1, 1e6), st.floats(1, 3600), st.floats(60, 86400), st.floats(1, 20))
def test_the_first_weight_costs_so_many_errors_and_the_ramp_doubles_within_a_quarter_of_the_phase(
    rate: float, reaction: float, duration: float, errors: float
) -> None:
    found = ramp(rate=rate, reaction=reaction, duration=duration, errors=errors)
    weights = (*found.weights, TOP)
    first = weights[0]
    assert first == 1 or rate * first / 1000 * reaction <= errors * 1.0001
    assert first == TOP or rate * (first + 1) / 1000 * reaction > errors * 0.9999
    assert all(after == 2 * before for before, after in pairwise(found.weights))
    assert first == TOP or TOP / 2 <= found.weights[-1] < TOP
    assert 1 <= found.every <= SLOWEST
    assert sum(stage.seconds for stage in found.stages) == pytest.approx(duration)
    assert found.hold >= duration / 2


def test_a_service_with_little_traffic_begins_at_a_quarter() -> None:
    found = ramp(rate=1, reaction=5, duration=3600)
    assert (found.weights, found.hold) == ((), 3600)


def test_a_phase_of_seconds_still_has_whole_steps_and_a_hold() -> None:
    found = ramp(rate=1e6, reaction=10, duration=4)
    assert (found.every, found.hold) == (1, 1)


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"reaction": 0}, {"duration": -1}, {"errors": 0}, {"tick": 0}])
def test_no_ramp_of_nothing(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        ramp(**{"rate": 500.0, "reaction": 5.0, "duration": 1800.0, **wrong})


# ── Users hurt ─────────────────────────────────────────────────────────────────────────────────────────────────


def thirds(duration: float) -> tuple[Stage, ...]:
    return tuple(Stage(weight, duration / 3) for weight in (0.05, 0.25, 0.5))


def quarters(duration: float) -> tuple[Stage, ...]:
    return tuple(Stage(weight, duration / 4) for weight in (0.01, 0.05, 0.25, 0.5))


@pytest.mark.parametrize(
    ("rate", "reaction", "duration", "fixed", "small", "auto"),
    [
        (500, 5, 1800, 62, 84, 42),
        (500, 30, 1800, 135, 94, 49),
        (5000, 5, 1800, 194, 58, 34),
        (5000, 30, 1800, 885, 199, 56),
        (5000, 5, 600, 198, 65, 38),
        (500, 5, 600, 441, 438, 429),
    ],
)
def test_users_hurt_are_those_of_a_simulation_of_many_releases_within_thirty_percent(
    rate: float, reaction: float, duration: float, fixed: float, small: float, auto: float
) -> None:
    """Simulated: 60 to 200 releases of each harm, judged every second at a tenth of α, until an hour is over."""

    def hurt(stages: Sequence[Stage]) -> float:
        return expected_hurt(stages, rate=rate, base=BASE, reaction=reaction, share=0.1, later=3600 - duration)

    found = hurt(thirds(duration)), hurt(quarters(duration)), hurt(ramp_of(rate, reaction, duration))
    assert found == pytest.approx((fixed, small, auto), rel=0.3)
    assert found[2] == min(found)


def ramp_of(rate: float, reaction: float, duration: float) -> tuple[Stage, ...]:
    return ramp(rate=rate, reaction=reaction, duration=duration).stages


def test_with_little_traffic_a_ramp_gains_nothing() -> None:
    """The reason for the 100 requests a second below which fixed steps stay."""
    for rate in (5, 50):
        fixed, auto = (
            expected_hurt(stages, rate=rate, base=BASE, reaction=5, share=0.1, later=1800)
            for stages in (thirds(1800), ramp_of(rate, 5, 1800))
        )
        assert auto == pytest.approx(fixed, rel=0.1)


RATE, REACTION, PHASE, LATER, RUNS = 500.0, 13, 1800, 1800.0, 30


def simulated(stages: Sequence[Stage], harm: float, rng: np.random.Generator, *, sticky: bool) -> float:
    """Failures beyond stable's rate in one release, judged each second by the product's own stream of counts.

    sticky: 5,000 users whose numbers of requests differ as a lognormal with σ 1.5 (the busiest hundredth makes an
    eighth of the traffic) are assigned once, by a hash; otherwise each request is.
    """
    weight = np.concatenate([np.full(int(stage.seconds), stage.weight) for stage in stages])
    share = _share_of_users(weight, rng) if sticky else weight
    bad, excess = min(1.0, BASE * harm), min(1.0, BASE * harm) - BASE
    canary, stable = rng.poisson(RATE * share), rng.poisson(RATE * (1 - share))
    failed, usual = rng.binomial(canary, bad), rng.binomial(stable, BASE)
    stream = CountStream(CountJudge(alpha=OF_ERRORS * 0.001))
    looks = zip(failed.tolist(), canary.tolist(), usual.tolist(), stable.tolist(), strict=True)
    for second, (cb, ct, sb, sto) in enumerate(looks):
        verdict = stream.update(canary_bad=cb, canary_total=ct, stable_bad=sb, stable_total=sto)
        if verdict.kind is VerdictKind.FAIL:
            end = second + REACTION
            return float(canary[:end].sum() * excess + max(0, end - len(weight)) * RATE * excess)
    return float(canary.sum() * excess + LATER * RATE * excess)


def _share_of_users(weight: Array, rng: np.random.Generator) -> Array:
    requests, hashes = rng.lognormal(0, 1.5, 5000), rng.random(5000)
    order = np.argsort(hashes)
    below = np.concatenate([[0.0], np.cumsum(requests[order]) / requests.sum()])
    return below[np.searchsorted(hashes[order], weight)]


@pytest.mark.parametrize("sticky", [False, True])
def test_users_hurt_are_what_the_judge_lets_through_whether_requests_or_users_are_split(sticky: bool) -> None:
    """Harm of ×5 and more within a quarter, all harms within two fifths: chance decides how late ×2 is found."""
    for stages in (thirds(PHASE), ramp_of(RATE, REACTION, PHASE)):
        seen = {}
        for harm, _ in HARMS:
            rng = np.random.default_rng(7)
            runs = RUNS if harm >= 5 else 2 * RUNS
            seen[harm] = np.mean([simulated(stages, min(harm, 1 / BASE), rng, sticky=sticky) for _ in range(runs)])
        assert sum(chance * seen[harm] for harm, chance in HARMS) == pytest.approx(_expected(stages), rel=0.4)
        large = sum(chance * seen[harm] for harm, chance in HARMS if harm >= 5)
        assert large == pytest.approx(_expected(stages, least=5), rel=0.25)


def _expected(stages: Sequence[Stage], least: float = 0) -> float:
    """Users hurt by the harms of at least this size, weighed as `HARMS` weighs them."""
    harms = [(harm, chance) for harm, chance in HARMS if harm >= least]
    return expected_hurt(stages, rate=RATE, base=BASE, reaction=REACTION, later=LATER, harms=harms)


def test_more_hurt_with_a_longer_reaction_more_traffic_and_a_stricter_bar() -> None:
    usual = partial(expected_hurt, thirds(1800), rate=500, base=BASE, reaction=5)
    assert min(usual(reaction=30), usual(rate=1000), usual(alpha=0.0001)) > usual()


def test_a_share_kept_on_stable_to_the_end_finds_what_full_exposure_hides() -> None:
    short = thirds(60)
    alone = expected_hurt(short, rate=500, base=BASE, reaction=5, later=7200)
    beside = expected_hurt((*short, Stage(0.95, 3600)), rate=500, base=BASE, reaction=5, later=3600)
    assert beside < alone / 2


def test_without_any_watch_every_failure_is_counted_until_somebody_finds_it() -> None:
    everything = sum(chance * (min(harm, 1 / BASE) - 1) * BASE for harm, chance in HARMS)
    assert expected_hurt((), rate=10, base=BASE, reaction=5, later=100) == pytest.approx(1000 * everything)


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"base": 0}, {"base": 1}, {"reaction": -1}])
def test_no_harm_of_nothing(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="are needed"):
        partial(expected_hurt, thirds(60), rate=500, base=BASE, reaction=5)(**wrong)


def test_the_chances_of_the_harms_are_one_and_a_ramp_costs_ten_errors() -> None:
    assert sum(chance for _, chance in HARMS) == pytest.approx(1)
    assert ERRORS == 10
