"""Compares how often bad events happen on two versions, with a test that is valid at any time.

Given that a bad event happened, it is the canary's with probability θr / (1 + θr): θ is the ratio of the two rates, r
the ratio of the two exposures in that interval. The likelihood of θ is kept on a grid. Averaged over a prior on one
side of a null and divided by the likelihood at the null, it is an e-process, and by Ville's inequality P(it ever
exceeds 1/α) ≤ α (Howard, Ramdas, McAuliffe, Sekhon, Annals of Statistics 2021; Lindon & Malek, NeurIPS 2022; the
prior-posterior ratio for the interval: Waudby-Smith & Ramdas, NeurIPS 2020).

Events that come in bursts say less than independent ones: each look's log likelihood is divided by the dispersion known
before that look (quasi-likelihood: Wedderburn, Biometrika 1974). `CountStream` learns it.

What the counts may say depends on the unit of random assignment. If the router assigns each request, the test is exact
however errors cluster. If it assigns users, who stay on their version, the errors of one user are not independent
events: count users (`users`), or, if nothing identifies users, use `clustered` streams, which say less.
"""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np

from pilotage.judge.count_verdict import verdict_of
from pilotage.judge.likelihood import (
    SPAN,
    Capital,
    Likelihood,
    average,
)
from pilotage.judge.poisson import above, poisson_evidence, poisson_ratios
from pilotage.judge.sums import History, Sums
from pilotage.model.json import (
    JsonObject,
    each,
    entries,
    find,
    number_at,
    object_at,
    pair_at,
    read_as,
    whole_at,
)
from pilotage.model.observation import Verdict

_STABLE_DIFFERS = math.log(20)
"""Evidence at which stable itself refutes what history says of it."""


_BLOCKS = 3
"""So many such blocks are needed: each counts for at most the bar's third root."""


class CountJudge:
    """Judges one kind of countable harm: errors, slow requests, any bad event.

    tolerated_ratio: θ0 ≥ 1, the largest ratio of canary's to stable's rate that is not harm · alpha: probability of
    ever calling a harmless canary harmful, shared equally by the comparison and the limit, if there is one (Bonferroni)
    · limit: a rate in 0…1 that is harm whatever stable does, unless stable exceeds it too · prior: the service's own
    history with its dispersion. With it a few events suffice at little traffic; until stable itself refutes it, the
    evidence is the average of the two (an average of e-values is one).
    """

    def __init__(
        self,
        tolerated_ratio: float = 1.25,
        alpha: float = 0.001,
        limit: float | None = None,
        prior: History | None = None,
        metric: str = "bad events",
    ) -> None:
        if not (tolerated_ratio >= 1 and 0 < alpha < 1 and (limit is None or 0 < limit < 1)):
            raise ValueError("tolerated_ratio ≥ 1, 0 < alpha < 1 and 0 < limit < 1 are needed")
        self.metric, self.tolerated_ratio, self.alpha, self.limit = metric, tolerated_ratio, alpha, limit
        self.prior = prior
        self.sums = Sums()
        self.clustered = False
        self._likelihood = Likelihood(tolerated_ratio)
        self._capital = Capital()
        self._breach = Capital() if limit is not None else None
        self._gains = np.zeros(len(SPAN))
        self.dispersion = prior.dispersion if prior else 1.0
        """φ ≥ 1 of the following looks; it must be known before them."""
        self.trust = 1.0
        """Part of the next looks' evidence that counts, 0…1, known before them: a power of an e-value is one."""
        # Events and exposures as they count after dispersion: floats, at most the plain sums.
        self._weighed = [0.0, 0.0, 0.0, 0.0]
        # What history's evidence was when the open block began, and what it counted for by then.
        self._block_began = (0.0, 0.0)
        self._known: tuple[float, tuple[float, float]] | None = None
        self._given = prior
        self._learnt: History | None = None
        self.bar, self.safe_bar = math.log((1 if limit is None else 2) / alpha), math.log(1 / alpha)

    def update(self, *, canary_bad: int, canary_total: int, stable_bad: int, stable_total: int) -> Verdict:
        """Take in the counts since the last update and say what is known now."""
        look = Sums(canary_bad, canary_total, stable_bad, stable_total)
        self.count(look)
        self.weigh(look, self.dispersion)
        return self.verdict()

    def count(self, look: Sums) -> None:
        """Add to the sums that verdicts show. ValueError: of the requests no more can be bad than there are."""
        canary_bad, canary_total, stable_bad, stable_total = look
        if not (0 <= canary_bad <= canary_total and 0 <= stable_bad <= stable_total):
            raise ValueError(f"bad events must be between 0 and the total: {look}")
        self.sums = self.sums.plus(look)

    def weigh(self, look: Sums, dispersion: float, exposure: float | None = None) -> None:
        """Add a counted look to the evidence. dispersion: φ as known before it · exposure: the canary's over stable's,
        if it is known better than by the requests."""
        canary_bad, canary_total, stable_bad, stable_total = look
        if exposure is None:
            exposure = canary_total / stable_total if stable_total else 0.0
        weight = self.weight(exposure, dispersion)
        self.compare(canary_bad, canary_bad + stable_bad, exposure, weight)
        self.settle(canary_bad)
        self.add_up(look, weight)

    def compare(self, canary_bad: int, bad: int, exposure: float, weight: float) -> None:
        """Bet on which version the bad events of a look belong to; `settle` pays out."""
        if bad and 0 < exposure < math.inf:
            self._likelihood.add(canary_bad, bad, exposure, weight, self._gains)
            self._known = None

    def settle(self, canary_bad: int) -> None:
        """Pay what was bet since the last time, and clear the table."""
        if self._gains.any():
            self._capital.bet(self._gains, canary_bad)
            self._gains.fill(0.0)

    def add_up(self, look: Sums, weight: float, *, usual: bool = True) -> None:
        """Add a look to the comparison with the limit and, if it has the usual requests, with history."""
        canary_bad, canary_total, stable_bad, stable_total = look
        if self._breach is not None and self.limit is not None and canary_total:
            self._breach.bet(poisson_ratios(weight * canary_bad, weight * self.limit * canary_total), canary_bad)
        if not usual:
            return
        weighed = self._weighed
        weighed[0] += weight * canary_bad
        weighed[1] += weight * canary_total
        weighed[2] += weight * stable_bad
        weighed[3] += weight * stable_total

    def learn(self, bad: int, total: int) -> None:
        """Before the canary's first request: what stable did until now belongs to the history too."""
        self._learn(History(bad, total, self.dispersion))

    def _learn(self, learnt: History) -> None:
        known = self._given or History(0, 0)
        dispersion = max(known.dispersion, learnt.dispersion)
        self.prior = History(known.bad + learnt.bad, known.total + learnt.total, dispersion)
        self._learnt = learnt

    def hold_back(self, capital: float) -> None:
        """Before the first update: keep this share of the capital for harm that starts later (`begin`)."""
        for held in self._capitals():
            held.hold_back(capital)

    def begin(self, capital: float) -> None:
        """Let bettors start now with `capital` of what was held back: they know nothing of the looks before.

        A mixture of e-processes that start at times fixed in advance is one. Harm that starts late would otherwise have
        to make up for all the good looks before it.
        """
        for held in self._capitals():
            held.begin(capital)

    def _capitals(self) -> tuple[Capital, ...]:
        return (self._capital,) if self._breach is None else (self._capital, self._breach)

    def expect_clusters(self) -> None:
        """Before the first update: one user's errors may come together, and no block of looks decides alone.

        The limit is not capped: an outage of everything must not be waited for.
        """
        self.clustered = True
        self._capital.cap_blocks(self.block_cap)

    @property
    def block_cap(self) -> float:
        """Logarithm of the most that a bettor may win in a block where errors come in clusters."""
        return self.bar / _BLOCKS

    def close_block(self) -> None:
        """The block of looks ends: what it won so far is kept, up to the cap."""
        self._capital.close_block()
        if self.clustered and self.prior is not None:
            self._block_began = (self._poisson(), self._beyond())

    def weight(self, exposure: float, dispersion: float) -> float:
        """The weight of a look. If both rates fluctuate alike, the variance of the logarithm of their ratio grows by 1
        + 2 (φ − 1) r / (1 + r), where φ is stable's dispersion and r the ratio of exposures. A cluster (a user's
        retries) has one size in either version, and the variance grows by φ itself."""
        if dispersion <= 1:
            return self.trust
        if self.clustered:
            return self.trust / dispersion
        canarys = exposure / (1 + exposure) if exposure < math.inf else 1.0
        return self.trust / (1 + 2 * (dispersion - 1) * canarys)

    def verdict(self) -> Verdict:
        """What is known now, without new counts."""
        return verdict_of(self)

    def harm_evidence(self) -> float:
        """Natural logarithm of the e-value against θ ≤ θ0, history included."""
        return self._with_history(self.compared())

    def safe_evidence(self) -> float:
        """Natural logarithm of the e-value against θ ≥ θ0."""
        self._known = self._known or self._likelihood.compare(self.alpha)
        return self._known[0]

    def interval(self) -> tuple[float, float]:
        """Ratios of the grid that the counts do not refute at level 1 − α, at any time."""
        self._known = self._known or self._likelihood.compare(self.alpha)
        return self._known[1]

    def compared(self) -> float:
        """Evidence of harm from the comparison with stable alone."""
        return self._capital.evidence()

    def _with_history(self, compared: float) -> float:
        """The average of the comparison's e-value and history's; the comparison alone once stable refutes history."""
        if self.prior is None:
            return compared
        _, _, stable_bad, stable_total = self._weighed
        if above(stable_bad, self.prior.ceiling * stable_total) >= _STABLE_DIFFERS:
            return compared - math.log(2)
        return average((compared, self._beyond()))

    def _beyond(self) -> float:
        """Evidence that the canary is beyond what history allows, capped by blocks where errors come in clusters."""
        if not self.clustered:
            return above(self._weighed[0], self._allowed())
        at_first, kept = self._block_began
        return kept + min(self._poisson() - at_first, self.block_cap)

    def _poisson(self) -> float:
        return poisson_evidence(self._weighed[0], self._allowed())

    def _allowed(self) -> float:
        """Bad events of the canary that history allows."""
        ceiling = self.prior.ceiling if self.prior else 1.0
        return min(1.0, self.tolerated_ratio * ceiling) * self._weighed[1]

    def limit_evidence(self) -> float:
        """Natural logarithm of the e-value against "the canary's rate is at most the limit".

        Poisson likelihood ratios ρ^e · exp(−(ρ−1)·limit·n), averaged over ρ; for independent requests with a rate
        p ≤ limit each factor has a mean of at most exp((p − limit)(ρ − 1)) ≤ 1.
        """
        if self._breach is None or self.sums.canary_total == 0:
            return 0.0
        return self._breach.evidence()

    def to_dict(self) -> JsonObject:
        """The running sums as plain JSON, to continue after a restart."""
        return {
            "sums": self.sums.to_dict(),
            "likelihood": self._likelihood.values.tolist(),
            "capital": self._capital.to_dict(),
            "breach": self._breach.to_dict() if self._breach else None,
            "weighed": self._weighed,
            "block_began": self._block_began,
            "dispersion": self.dispersion,
            "learnt": asdict(self._learnt) if self._learnt else None,
        }

    def restore(self, saved: JsonObject) -> None:
        self.sums = Sums(**entries(whole_at, saved, "sums"))
        self._likelihood.restore(each(number_at, saved, "likelihood"))
        self._capital.restore(object_at(saved, "capital"))
        if self._breach is not None:
            self._breach.restore(object_at(saved, "breach"))
        self._weighed = each(number_at, saved, "weighed")
        self._block_began = pair_at(saved, "block_began")
        self.dispersion = number_at(saved, "dispersion")
        self._known = None
        if find(saved, "learnt"):
            self._learn(read_as(History, saved, "learnt"))
