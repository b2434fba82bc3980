"""Compares how often bad events happen on two versions, with a test that may be looked at for ever.

Given that a bad event happened, it is the canary's with probability θr / (1 + θr): θ the ratio of the two
rates, r the ratio of the two exposures in that interval. The likelihood of θ is kept on a grid; averaged over a
prior on one side of a null and divided by the likelihood at the null it is an e-process, and by Ville's
inequality P(it ever exceeds 1/α) ≤ α (Howard, Ramdas, McAuliffe, Sekhon, Annals of Statistics 2021; Lindon &
Malek, NeurIPS 2022; the prior-posterior ratio for the interval: Waudby-Smith & Ramdas, NeurIPS 2020).

Events that come in bursts say less than independent ones: each look's logarithm of the likelihood is divided by
the dispersion known before that look (quasi-likelihood: Wedderburn, Biometrika 1974). `CountStream` learns it.

The unit that is assigned at random decides what the counts may say. Where the router assigns each request, the test is
exact whatever clusters the errors come in. Where it assigns users, who stay on their version, the errors of one user
are no independent events: count users (`users`), or, where nothing tells users apart, let `clustered` streams say less.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from pilotage.judge.dispersion import Dispersion
from pilotage.judge.likelihood import (
    LATE,
    LOG_SPAN,
    SPAN,
    SPAN_LESS_ONE,
    Array,
    Capital,
    Likelihood,
    average,
    late_share,
)
from pilotage.model.json import (
    JsonObject,
    each,
    entries,
    find,
    number_at,
    object_at,
    optional,
    pair_at,
    read_as,
    truth_at,
    whole_at,
)
from pilotage.model.observation import Verdict, VerdictKind
from pilotage.model.quantity import format_share

_STABLE_DIFFERS = math.log(20)
"""Evidence at which stable itself refutes what history says of it."""

_CEILING_Z = 3.719
"""Standard normal quantile of 0.9999: history's rate is below the ceiling with this certainty."""

_BLOCK = 5.0
"""Seconds (or looks, where no times are known) that must not decide alone where errors come in clusters."""

_BLOCKS = 3
"""So many such blocks are needed: each counts for at most the bar's third root."""

_POOLED = 2
"""Requests of the canary that a look must have: with one alone it would stand beside too few of stable's."""

_LONGEST, _LARGEST = 60, 5000
"""Looks, and requests of stable, after which pooling ends anyway: what is pooled should be of one time."""


class Sums(NamedTuple):
    """Totals since the judge began."""

    canary_bad: int = 0
    canary_total: int = 0
    stable_bad: int = 0
    stable_total: int = 0

    def plus(self, other: Sums) -> Sums:
        return Sums(
            self.canary_bad + other.canary_bad,
            self.canary_total + other.canary_total,
            self.stable_bad + other.stable_bad,
            self.stable_total + other.stable_total,
        )

    @property
    def canary_rate(self) -> float:
        return self.canary_bad / self.canary_total if self.canary_total else math.nan

    @property
    def stable_rate(self) -> float:
        return self.stable_bad / self.stable_total if self.stable_total else math.nan

    def to_dict(self) -> dict[str, int]:
        return self._asdict()


@dataclass(frozen=True)
class History:
    """What the service did before, at the same hours: `bad` of `total` requests, and how bursty (φ ≥ 1) they came."""

    bad: int
    total: int
    dispersion: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.bad <= self.total:
            raise ValueError(f"bad events must be between 0 and the total: {self.bad} of {self.total}")

    @property
    def ceiling(self) -> float:
        """A rate that the history's own does not exceed with 99.99 % certainty.

        Upper bound of a Poisson mean, Wilson & Hilferty's cube root (PNAS 1931), with the dispersion in its variance.
        """
        if not self.total:
            return 1.0
        events = (self.bad + 1) / self.dispersion
        cube = 1 - 1 / (9 * events) + _CEILING_Z / (3 * math.sqrt(events))
        return min(1.0, self.dispersion * events * cube**3 / self.total)


class CountJudge:
    """Judges one kind of countable harm: errors, slow requests, any bad event.

    tolerated_ratio: θ0 ≥ 1, the canary's rate over stable's that is not called harm ·
    alpha: probability of ever calling a harmless canary harmful, shared in halves by the comparison and the
    limit where there is one (Bonferroni) ·
    limit: a rate in 0…1 that is harm whatever stable does, unless stable exceeds it too ·
    prior: the service's own history, its dispersion included; with it a few events suffice where there is little
    traffic; until stable itself refutes it the evidence is the average of the two (an average of e-values is one).
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
        """φ ≥ 1 of the looks to come; whoever sets it must know it before them."""
        self.trust = 1.0
        """Part of the next looks' evidence that counts, 0…1, known before them: a power of an e-value is one."""
        # Events and exposures as they count after dispersion: floats, at most the plain sums.
        self._weighed = [0.0, 0.0, 0.0, 0.0]
        # What history's evidence was when the open block began, and what it counted for by then.
        self._block_began = (0.0, 0.0)
        self._known: tuple[float, tuple[float, float]] | None = None
        self._given = prior
        self._learnt: History | None = None
        self._bar, self._safe_bar = math.log((1 if limit is None else 2) / alpha), math.log(1 / alpha)

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
        """Take a look, already counted, into the evidence. dispersion: φ as known before it · exposure: the canary's
        over stable's, where it is known better than by the requests."""
        canary_bad, canary_total, stable_bad, stable_total = look
        if exposure is None:
            exposure = canary_total / stable_total if stable_total else 0.0
        weight = self.weight(exposure, dispersion)
        self.compare(canary_bad, canary_bad + stable_bad, exposure, weight)
        self.settle(canary_bad)
        self.add_up(look, weight)

    def compare(self, canary_bad: int, bad: int, exposure: float, weight: float) -> None:
        """Bet on whose the bad events of a look are; `settle` pays."""
        if bad and 0 < exposure < math.inf:
            self._likelihood.add(canary_bad, bad, exposure, weight, self._gains)
            self._known = None

    def settle(self, canary_bad: int) -> None:
        """Pay what was bet since the last time, and clear the table."""
        if self._gains.any():
            self._capital.bet(self._gains, canary_bad)
            self._gains.fill(0.0)

    def add_up(self, look: Sums, weight: float, *, usual: bool = True) -> None:
        """Take a look into what is compared with the limit and, where it is of the usual requests, with history."""
        canary_bad, canary_total, stable_bad, stable_total = look
        if self._breach is not None and self.limit is not None and canary_total:
            self._breach.bet(_poisson_ratios(weight * canary_bad, weight * self.limit * canary_total), canary_bad)
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
        """Before the first update: keep this share of the capital for harm that begins later (`begin`)."""
        for held in self._capitals():
            held.hold_back(capital)

    def begin(self, capital: float) -> None:
        """Let bettors begin now with `capital` of what was held back: they know nothing of the looks before.

        A mixture of e-processes that begin at times fixed in advance is one. Harm that begins late would otherwise have
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
        return self._bar / _BLOCKS

    def close_block(self) -> None:
        """The block of looks ends: what it won so far is kept, up to the cap."""
        self._capital.close_block()
        if self.clustered and self.prior is not None:
            self._block_began = (self._poisson(), self._beyond())

    def weight(self, exposure: float, dispersion: float) -> float:
        """What a look counts for. If both rates flicker alike, the variance of the logarithm of their ratio grows by
        1 + 2 (φ − 1) r / (1 + r), where φ is stable's dispersion and r the ratio of exposures. A cluster (a user's
        retries) has one size in either version, and the variance grows by φ itself."""
        if dispersion <= 1:
            return self.trust
        if self.clustered:
            return self.trust / dispersion
        canarys = exposure / (1 + exposure) if exposure < math.inf else 1.0
        return self.trust / (1 + 2 * (dispersion - 1) * canarys)

    def verdict(self) -> Verdict:
        """What is known now, without new counts."""
        sums, bar = self.sums, self._bar
        safe, (low, high) = self._known = self._known or self._likelihood.compare(self.alpha)
        harm = self.harm_evidence()
        breach = self.limit_evidence()
        kind, critical = VerdictKind.INCONCLUSIVE, False
        if sums.canary_total == 0:
            kind = VerdictKind.INSUFFICIENT_DATA
        elif breach >= bar and not self._stable_as_bad():
            kind, critical = VerdictKind.FAIL, True
        elif harm >= bar:
            kind = VerdictKind.FAIL
        elif safe >= self._safe_bar and breach < bar:
            kind = VerdictKind.PASS
        canary, stable = _rate(sums.canary_bad, sums.canary_total), _rate(sums.stable_bad, sums.stable_total)
        return Verdict(
            self.metric,
            kind,
            self._sentence(kind, critical, low, canary, stable),
            sums.canary_bad / sums.canary_total / (sums.stable_bad / sums.stable_total)
            if sums.canary_total and sums.stable_bad
            else None,
            (low, high),
            max(harm, breach),
            sums.canary_total,
            critical,
            canary,
            stable,
        )

    def harm_evidence(self) -> float:
        """Natural logarithm of the e-value against θ ≤ θ0, history included."""
        return self._with_history(self._compared())

    def safe_evidence(self) -> float:
        """Natural logarithm of the e-value against θ ≥ θ0."""
        self._known = self._known or self._likelihood.compare(self.alpha)
        return self._known[0]

    def interval(self) -> tuple[float, float]:
        """Ratios of the grid that the counts do not refute at level 1 − α, at any time."""
        self._known = self._known or self._likelihood.compare(self.alpha)
        return self._known[1]

    def _compared(self) -> float:
        """Evidence of harm from the comparison with stable alone."""
        return self._capital.evidence()

    def _with_history(self, compared: float) -> float:
        """The average of the comparison's e-value and history's; the comparison alone once stable refutes history."""
        if self.prior is None:
            return compared
        _, _, stable_bad, stable_total = self._weighed
        if _above(stable_bad, self.prior.ceiling * stable_total) >= _STABLE_DIFFERS:
            return compared - math.log(2)
        return average((compared, self._beyond()))

    def _beyond(self) -> float:
        """Evidence that the canary is beyond what history allows, capped by blocks where errors come in clusters."""
        if not self.clustered:
            return _above(self._weighed[0], self._allowed())
        at_first, kept = self._block_began
        return kept + min(self._poisson() - at_first, self.block_cap)

    def _poisson(self) -> float:
        return _poisson_evidence(self._weighed[0], self._allowed())

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
        """The running sums as plain JSON, to go on after a restart."""
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

    def _stable_as_bad(self) -> bool:
        """A shared dependency hurts both: nobody's release is to blame (both degraded)."""
        return bool(
            self.limit is not None
            and self.sums.stable_total
            and self.sums.stable_rate > self.limit
            and self.sums.canary_rate <= self.tolerated_ratio * self.sums.stable_rate
        )

    def _sentence(self, kind: VerdictKind, critical: bool, low: float, canary: str, stable: str) -> str:
        sums = self.sums
        both = (
            f"canary {canary} ({sums.canary_bad} of {sums.canary_total:,}), "
            f"stable {stable} ({sums.stable_bad} of {sums.stable_total:,})"
        )
        match kind:
            case VerdictKind.INSUFFICIENT_DATA:
                return "no requests to the canary yet"
            case VerdictKind.FAIL if critical:
                return f"{both}: above the limit of {format_share(self.limit or 0)}, {self._sure()}"
            case VerdictKind.FAIL if low <= self.tolerated_ratio and not self._refuted_by_history():
                return f"{both}: for a while more than {self.tolerated_ratio:g} times worse, {self._sure()}"
            case VerdictKind.FAIL if low <= self.tolerated_ratio and self.prior is not None:
                ceiling = format_share(self.tolerated_ratio * self.prior.ceiling)
                return f"{both}: above the {ceiling} that this service's history allows, {self._sure()}"
            case VerdictKind.FAIL:
                return f"{both}: at least {max(low, self.tolerated_ratio):.3g} times worse, {self._sure()}"
            case VerdictKind.PASS:
                return f"{both}: not more than {self.tolerated_ratio:g} times stable's, {self._sure()}"
            case _ if self._stable_as_bad():
                return f"{both}: both are above the limit, so the release is not to blame"
            case _:
                return both

    def _refuted_by_history(self) -> bool:
        """Whether it is history that refutes the canary, and not the comparison with stable."""
        return self.prior is not None and self._compared() < self._bar

    def _sure(self) -> str:
        return f"sure at {100 * (1 - self.alpha):.4g} %"


class Pool:
    """Gathers looks until the canary has two requests.

    A look in which the canary errs has at least one of its requests; beside the few of stable's in that one look it
    would seem a large part of the traffic, and stable's errors in all the looks without a request of the canary
    would count for nothing. When a pooled look ends depends on exposures alone, so the test stays exact.
    """

    def __init__(self) -> None:
        self._pending, self._looks = Sums(), 0
        self._began = False
        self.dispersion = 1.0
        """φ as known before the first of the looks pooled last."""

    def add(self, look: Sums, dispersion: float) -> Sums | None:
        """The pooled look that ends with this one, None while it goes on. dispersion: φ as known before the look."""
        if not self._looks:
            self.dispersion = dispersion
            if look.canary_total >= _POOLED:
                self._began = True
                return look
        pooled = self._pending.plus(look)
        self._looks += 1
        self._began = self._began or look.canary_total > 0
        enough = pooled.canary_total >= _POOLED or pooled.stable_total >= _LARGEST or self._looks >= _LONGEST
        if not enough and self._began:
            self._pending = pooled
            return None
        self._pending, self._looks = Sums(), 0
        return pooled

    def flush(self) -> Sums:
        """What is pending, ended now; whoever ends it must know nothing of its bad events."""
        pooled, self._pending, self._looks = self._pending, Sums(), 0
        return pooled

    def to_dict(self) -> JsonObject:
        return {
            "pending": list(self._pending), "looks": self._looks, "began": self._began, "dispersion": self.dispersion
        }  # fmt: skip

    def restore(self, saved: JsonObject) -> None:
        self._pending, self._looks = Sums(*each(whole_at, saved, "pending")), whole_at(saved, "looks")
        self._began, self.dispersion = truth_at(saved, "began"), number_at(saved, "dispersion")


class Blocks:
    """Cuts looks into aligned blocks of five seconds, or of five looks where no times are given."""

    def __init__(self) -> None:
        self._block: int | None = None

    def turn(self, look: int, at: float | None) -> bool:
        """Whether a new block begins with this look, counted from 1, at `at` seconds."""
        block = math.floor((look - 1 if at is None else at) / _BLOCK)
        begins, self._block = block != self._block, block
        return begins

    def to_dict(self) -> JsonObject:
        return {"block": self._block}

    def restore(self, saved: JsonObject) -> None:
        self._block = optional(whole_at, saved, "block")


class CountStream:
    """A `CountJudge` that learns the dispersion of its events, look by look, from the stable version.

    For streams of looks at about equal distances; the evidence then depends on how the looks were cut. Half of the
    capital bets from the first look on; at look i a share of the rest begins, which falls as 1 / (i log² i). Looks are
    pooled until the canary has two requests. Verdicts show all requests, those that wait among them.

    clustered: users stick to their version and nothing tells them apart. Then no five seconds decide alone, and a look
    counts for 1/φ.
    """

    def __init__(self, judge: CountJudge, *, clustered: bool = False) -> None:
        self.judge = judge
        self.judge.hold_back(LATE)
        if clustered:
            judge.expect_clusters()
        self._looks, self._pool, self._blocks = 0, Pool(), Blocks()
        self._dispersion = Dispersion(judge.prior.dispersion if judge.prior else None)
        judge.dispersion = self._dispersion.factor

    def update(
        self,
        *,
        canary_bad: int,
        canary_total: int,
        stable_bad: int,
        stable_total: int,
        exposure: float | None = None,
        at: float | None = None,
    ) -> Verdict:
        """As the judge's; a look is weighed by what was known before it.

        exposure: the canary's over stable's in this look, W / (1 − W) where a router gives each request to the canary
        with probability W; it is then not pooled · at: seconds, to cut blocks by where errors come in clusters.
        """
        self.take_in(Sums(canary_bad, canary_total, stable_bad, stable_total), exposure, at)
        return self.judge.verdict()

    def take_in(self, look: Sums, exposure: float | None = None, at: float | None = None) -> None:
        """As `update`, without the verdict."""
        judge = self.judge
        judge.count(look)
        self._looks += 1
        if judge.clustered and self._blocks.turn(self._looks, at):
            judge.close_block()
        judge.begin(late_share(self._looks))
        if exposure is not None:
            judge.weigh(self._pool.flush(), self._pool.dispersion)
            judge.weigh(look, judge.dispersion, exposure)
        elif (pooled := self._pool.add(look, judge.dispersion)) is not None:
            judge.weigh(pooled, self._pool.dispersion)
        self._dispersion.update(look.stable_bad, look.stable_total)
        judge.dispersion = self._dispersion.factor

    def verdict(self) -> Verdict:
        return self.judge.verdict()

    def evidence(self) -> float:
        """Natural logarithm of the e-value for harm against stable, averaged with history's where there is one."""
        return self.judge.harm_evidence()

    def limit_evidence(self) -> float:
        """Natural logarithm of the e-value for a rate above the limit; 0 without a limit."""
        return self.judge.limit_evidence()

    def to_dict(self) -> JsonObject:
        return {
            "judge": self.judge.to_dict(), "dispersion": self._dispersion.to_dict(), "looks": self._looks,
            "pool": self._pool.to_dict(), "blocks": self._blocks.to_dict(),
        }  # fmt: skip

    def restore(self, saved: JsonObject) -> None:
        self.judge.restore(object_at(saved, "judge"))
        self._dispersion.restore(object_at(saved, "dispersion"))
        self._looks = whole_at(saved, "looks")
        self._pool.restore(object_at(saved, "pool"))
        self._blocks.restore(object_at(saved, "blocks"))


def _poisson_ratios(bad: float, expected: float) -> Array:
    """Logarithms of Poisson likelihood ratios for ρ times `expected` events, at every ρ of the grid."""
    ratios: Array = SPAN_LESS_ONE * -expected
    if bad:
        ratios += LOG_SPAN * bad
    return ratios


def _poisson_evidence(bad: float, expected: float) -> float:
    """Natural logarithm of the mixture of Poisson likelihood ratios for more than `expected` events."""
    values = _poisson_ratios(bad, expected)
    top = float(values.max())
    return top + math.log(float(np.exp(values - top).sum()) / len(SPAN))


def _above(bad: float, expected: float) -> float:
    """The same where only much evidence matters: no more than expected is none, and need not be computed."""
    return _poisson_evidence(bad, expected) if bad > expected else -math.inf


def _rate(bad: int, total: int) -> str:
    return f"{bad / total * 100:.3g} %" if total else "–"
