"""Compares how often bad events happen on two versions, with a test that may be looked at for ever.

Given that a bad event happened, it is the canary's with probability θr / (1 + θr): θ the ratio of the two
rates, r the ratio of the two exposures in that interval. The likelihood of θ is kept on a grid; averaged over a
prior on one side of a null and divided by the likelihood at the null it is an e-process, and by Ville's
inequality P(it ever exceeds 1/α) ≤ α (Howard, Ramdas, McAuliffe, Sekhon, Annals of Statistics 2021; Lindon &
Malek, NeurIPS 2022; the prior-posterior ratio for the interval: Waudby-Smith & Ramdas, NeurIPS 2020).

Events that come in bursts say less than independent ones: each look's logarithm of the likelihood is divided by
the dispersion known before that look (quasi-likelihood: Wedderburn, Biometrika 1974). `CountStream` learns it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from pilotage.judge.dispersion import Dispersion
from pilotage.judge.likelihood import LOG_SPAN, SPAN, SPAN_LESS_ONE, Capital, Likelihood
from pilotage.model.observation import Verdict, VerdictKind
from pilotage.model.quantity import format_share

_STABLE_DIFFERS = math.log(20)
"""Evidence at which stable itself refutes what history says of it."""

_CEILING_Z = 3.719
"""Standard normal quantile of 0.9999: history's rate is below the ceiling with this certainty."""

_HARM, _BREACH = 0, 1


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
        self._likelihood = Likelihood(tolerated_ratio)
        self._capital = Capital(limited=limit is not None)
        self.dispersion = prior.dispersion if prior else 1.0
        """φ ≥ 1 of the looks to come; whoever sets it must know it before them."""
        self.trust = 1.0
        """Part of the next looks' evidence that counts, 0…1, known before them: a power of an e-value is one."""
        # Events and exposures as they count after dispersion: floats, at most the plain sums.
        self._weighed = [0.0, 0.0, 0.0, 0.0]
        self._known: tuple[float, tuple[float, float]] | None = None
        self._given = prior
        self._learnt: History | None = None
        self._bar, self._safe_bar = math.log((1 if limit is None else 2) / alpha), math.log(1 / alpha)

    def update(self, *, canary_bad: int, canary_total: int, stable_bad: int, stable_total: int) -> Verdict:
        """Take in the counts since the last update and say what is known now."""
        if not (0 <= canary_bad <= canary_total and 0 <= stable_bad <= stable_total):
            new = Sums(canary_bad, canary_total, stable_bad, stable_total)
            raise ValueError(f"bad events must be between 0 and the total: {new}")
        sums = self.sums
        self.sums = Sums(
            sums.canary_bad + canary_bad, sums.canary_total + canary_total,
            sums.stable_bad + stable_bad, sums.stable_total + stable_total,
        )  # fmt: skip
        exposure = canary_total / stable_total if stable_total else 0.0
        weight = self._weight(exposure)
        bad = canary_bad + stable_bad
        compared = bool(bad and canary_total and stable_total)
        if compared:
            self._likelihood.add(canary_bad, bad, exposure, weight, self._capital.gains)
            self._known = None
        if self.limit is not None and canary_total:
            self._capital.bet_on_breach(canary_bad, self.limit * canary_total, weight)
            compared = True
        if compared:
            self._capital.settle(canary_bad)
        weighed = self._weighed
        weighed[0] += weight * canary_bad
        weighed[1] += weight * canary_total
        weighed[2] += weight * stable_bad
        weighed[3] += weight * stable_total
        return self.verdict()

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
        self._capital.hold_back(capital)

    def begin(self, capital: float) -> None:
        """Let bettors begin now with `capital` of what was held back: they know nothing of the looks before.

        A mixture of e-processes that begin at times fixed in advance is one. Harm that begins late would otherwise have
        to make up for all the good looks before it.
        """
        self._capital.begin(capital)

    def _weight(self, exposure: float) -> float:
        """What a look counts for. If both rates flicker alike, the variance of the logarithm of their ratio grows by
        1 + 2 (φ − 1) r / (1 + r), where φ is stable's dispersion and r the ratio of exposures."""
        if self.dispersion <= 1:
            return self.trust
        return self.trust / (1 + 2 * (self.dispersion - 1) * exposure / (1 + exposure))

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
        return self._capital.evidence(_HARM)

    def _with_history(self, compared: float) -> float:
        """The average of the comparison's e-value and history's; the comparison alone once stable refutes history."""
        if self.prior is None:
            return compared
        canary_bad, canary_total, stable_bad, stable_total = self._weighed
        ceiling = self.prior.ceiling
        if _poisson_evidence(stable_bad, ceiling * stable_total) >= _STABLE_DIFFERS:
            return compared - math.log(2)
        beyond = _poisson_evidence(canary_bad, min(1.0, self.tolerated_ratio * ceiling) * canary_total)
        return float(np.logaddexp(compared, beyond)) - math.log(2)

    def limit_evidence(self) -> float:
        """Natural logarithm of the e-value against "the canary's rate is at most the limit".

        Poisson likelihood ratios ρ^e · exp(−(ρ−1)·limit·n), averaged over ρ; for independent requests with a rate
        p ≤ limit each factor has a mean of at most exp((p − limit)(ρ − 1)) ≤ 1.
        """
        if self.limit is None or self.sums.canary_total == 0:
            return 0.0
        return self._capital.evidence(_BREACH)

    def to_dict(self) -> dict[str, Any]:
        """The running sums as plain JSON, to go on after a restart."""
        return {
            "sums": self.sums.to_dict(),
            "likelihood": self._likelihood.values.tolist(),
            "capital": self._capital.to_dict(),
            "weighed": self._weighed,
            "dispersion": self.dispersion,
            "learnt": asdict(self._learnt) if self._learnt else None,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        self.sums = Sums(**saved["sums"])
        self._likelihood.restore(saved["likelihood"])
        self._capital.restore(saved["capital"])
        self._weighed = list(saved["weighed"])
        self.dispersion = saved["dispersion"]
        self._known = None
        if saved["learnt"]:
            self._learn(History(**saved["learnt"]))

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


_LATE = 0.5
_SUM = 1.07
"""Σ 1 / (n log² n) over n ≥ 3 is 1.0692."""


class CountStream:
    """A `CountJudge` that learns the dispersion of its events, look by look, from the stable version.

    For streams of looks at about equal distances; the evidence then depends on how the looks were cut. Half of the
    capital bets from the first look on; at look i a share of the rest begins, which falls as 1 / (i log² i).
    """

    def __init__(self, judge: CountJudge) -> None:
        self.judge = judge
        self.judge.hold_back(_LATE)
        self._looks = 0
        self._dispersion = Dispersion(judge.prior.dispersion if judge.prior else None)
        judge.dispersion = self._dispersion.factor

    def update(self, *, canary_bad: int, canary_total: int, stable_bad: int, stable_total: int) -> Verdict:
        """As the judge's; a look is weighed by what was known before it."""
        self._looks += 1
        place = self._looks + 2
        self.judge.begin(_LATE / _SUM / (place * math.log(place) ** 2))
        verdict = self.judge.update(
            canary_bad=canary_bad, canary_total=canary_total, stable_bad=stable_bad, stable_total=stable_total
        )
        self._dispersion.update(stable_bad, stable_total)
        self.judge.dispersion = self._dispersion.factor
        return verdict

    def verdict(self) -> Verdict:
        return self.judge.verdict()

    def to_dict(self) -> dict[str, Any]:
        return {"judge": self.judge.to_dict(), "dispersion": self._dispersion.to_dict(), "looks": self._looks}

    def restore(self, saved: dict[str, Any]) -> None:
        self.judge.restore(saved["judge"])
        self._dispersion.restore(saved["dispersion"])
        self._looks = saved["looks"]


def _poisson_evidence(bad: float, expected: float) -> float:
    """Natural logarithm of the mixture of Poisson likelihood ratios for more than `expected` events.

    Where no more than expected happened every ratio is below one, and so is the mixture: then 0 is enough.
    """
    if bad <= expected:
        return 0.0
    values = bad * LOG_SPAN - SPAN_LESS_ONE * expected
    top = float(values.max())
    return top + math.log(float(np.exp(values - top).sum()) / len(SPAN))


def _rate(bad: int, total: int) -> str:
    return f"{bad / total * 100:.3g} %" if total else "–"
