"""Compares how often bad events happen on two versions, with a test that may be looked at for ever.

Given that a bad event happened, it is the canary's with probability θr / (1 + θr): θ the ratio of the two
rates, r the ratio of the two exposures in that interval. The likelihood of θ is kept on a grid; averaged over a
prior on one side of a null and divided by the likelihood at the null it is an e-process, and by Ville's
inequality P(it ever exceeds 1/α) ≤ α (Howard, Ramdas, McAuliffe, Sekhon, Annals of Statistics 2021; Lindon &
Malek, NeurIPS 2022; the prior-posterior ratio for the interval: Waudby-Smith & Ramdas, NeurIPS 2020).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pilotage.model.observation import Verdict, VerdictKind
from pilotage.model.quantity import format_share

_SPAN = np.geomspace(1.05, 200.0, 80)


@dataclass(frozen=True)
class Sums:
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


class CountJudge:
    """Judges one kind of countable harm: errors, slow requests, any bad event.

    tolerated_ratio: θ0 ≥ 1, the canary's rate over stable's that is not called harm ·
    alpha: probability of ever calling a harmless canary harmful, shared in halves by the comparison and the
    limit (Bonferroni) · limit: a rate in 0…1 that is harm whatever stable does, unless stable exceeds it too.
    """

    def __init__(
        self,
        tolerated_ratio: float = 1.25,
        alpha: float = 0.001,
        limit: float | None = None,
        metric: str = "bad events",
    ) -> None:
        if not (tolerated_ratio >= 1 and 0 < alpha < 1 and (limit is None or 0 < limit < 1)):
            raise ValueError("tolerated_ratio ≥ 1, 0 < alpha < 1 and 0 < limit < 1 are needed")
        self.metric, self.tolerated_ratio, self.alpha, self.limit = metric, tolerated_ratio, alpha, limit
        self.sums = Sums()
        above, below = tolerated_ratio * _SPAN, tolerated_ratio / _SPAN[::-1]
        self._theta = np.concatenate([below, [tolerated_ratio], above])
        self._log_theta = np.log(self._theta)
        self._likelihood = np.zeros_like(self._theta)
        self._null = len(below)

    def update(self, *, canary_bad: int, canary_total: int, stable_bad: int, stable_total: int) -> Verdict:
        """Take in the counts since the last update and say what is known now."""
        new = Sums(canary_bad, canary_total, stable_bad, stable_total)
        if min(canary_bad, stable_bad, canary_total - canary_bad, stable_total - stable_bad) < 0:
            raise ValueError(f"bad events must be between 0 and the total: {new}")
        self.sums = self.sums.plus(new)
        bad = canary_bad + stable_bad
        if bad and canary_total and stable_total:
            exposure = canary_total / stable_total
            self._likelihood += canary_bad * self._log_theta - bad * np.log1p(self._theta * exposure)
        return self.verdict()

    def verdict(self) -> Verdict:
        """What is known now, without new counts."""
        sums, bar = self.sums, math.log(2 / self.alpha)
        harm, breach = self.harm_evidence(), self.limit_evidence()
        low, high = self.interval()
        kind, critical = VerdictKind.INCONCLUSIVE, False
        if sums.canary_total == 0:
            kind = VerdictKind.INSUFFICIENT_DATA
        elif breach >= bar and not self._stable_as_bad():
            kind, critical = VerdictKind.FAIL, True
        elif harm >= bar:
            kind = VerdictKind.FAIL
        elif self.safe_evidence() >= math.log(1 / self.alpha) and breach < bar:
            kind = VerdictKind.PASS
        return Verdict(
            metric=self.metric,
            kind=kind,
            sentence=self._sentence(kind, critical, low),
            ratio=sums.canary_rate / sums.stable_rate if sums.canary_total and sums.stable_bad else None,
            interval=(low, high),
            evidence=max(harm, breach),
            samples=sums.canary_total,
            critical=critical,
            canary=_rate(sums.canary_bad, sums.canary_total),
            stable=_rate(sums.stable_bad, sums.stable_total),
        )

    def harm_evidence(self) -> float:
        """Natural logarithm of the e-value against θ ≤ θ0."""
        return self._against_null(self._likelihood[self._null + 1 :])

    def safe_evidence(self) -> float:
        """Natural logarithm of the e-value against θ ≥ θ0."""
        return self._against_null(self._likelihood[: self._null])

    def limit_evidence(self) -> float:
        """Natural logarithm of the e-value against "the canary's rate is at most the limit".

        Poisson likelihood ratios ρ^e · exp(−(ρ−1)·limit·n), averaged over ρ; for independent requests with a rate
        p ≤ limit each factor has a mean of at most exp((p − limit)(ρ − 1)) ≤ 1.
        """
        if self.limit is None or self.sums.canary_total == 0:
            return 0.0
        expected = self.limit * self.sums.canary_total
        return _log_mean_exp(self.sums.canary_bad * np.log(_SPAN) - (_SPAN - 1) * expected)

    def interval(self) -> tuple[float, float]:
        """Ratios of the grid that the counts do not refute at level 1 − α, at any time."""
        mixture = _log_mean_exp(self._likelihood)
        kept = self._theta[mixture - self._likelihood < math.log(1 / self.alpha)]
        low = 0.0 if kept[0] == self._theta[0] else float(kept[0])
        high = math.inf if kept[-1] == self._theta[-1] else float(kept[-1])
        return low, high

    def to_dict(self) -> dict[str, Any]:
        """The running sums as plain JSON, to go on after a restart."""
        return {"sums": vars(self.sums), "likelihood": self._likelihood.tolist()}

    def restore(self, saved: dict[str, Any]) -> None:
        self.sums = Sums(**saved["sums"])
        self._likelihood = np.asarray(saved["likelihood"], dtype=float)

    def _against_null(self, side: np.ndarray[Any, np.dtype[np.float64]]) -> float:
        return _log_mean_exp(side) - float(self._likelihood[self._null])

    def _stable_as_bad(self) -> bool:
        """A shared dependency hurts both: nobody's release is to blame (both degraded)."""
        return bool(
            self.limit is not None
            and self.sums.stable_total
            and self.sums.stable_rate > self.limit
            and self.sums.canary_rate <= self.tolerated_ratio * self.sums.stable_rate
        )

    def _sentence(self, kind: VerdictKind, critical: bool, low: float) -> str:
        sums = self.sums
        canary = f"canary {_rate(sums.canary_bad, sums.canary_total)} ({sums.canary_bad} of {sums.canary_total:,})"
        stable = f"stable {_rate(sums.stable_bad, sums.stable_total)} ({sums.stable_bad} of {sums.stable_total:,})"
        both, sure = f"{canary}, {stable}", f"sure at {100 * (1 - self.alpha):.4g} %"
        match kind:
            case VerdictKind.INSUFFICIENT_DATA:
                return "no requests to the canary yet"
            case VerdictKind.FAIL if critical:
                return f"{both}: above the limit of {format_share(self.limit or 0)}, {sure}"
            case VerdictKind.FAIL:
                return f"{both}: at least {max(low, self.tolerated_ratio):.3g} times worse, {sure}"
            case VerdictKind.PASS:
                return f"{both}: not more than {self.tolerated_ratio:g} times stable's, {sure}"
            case _ if self._stable_as_bad():
                return f"{both}: both are above the limit, so the release is not to blame"
            case _:
                return both


def _log_mean_exp(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    top = float(values.max())
    return top + math.log(float(np.exp(values - top).mean()))


def _rate(bad: int, total: int) -> str:
    return f"{bad / total * 100:.3g} %" if total else "–"
