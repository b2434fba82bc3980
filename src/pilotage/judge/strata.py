"""Compares how often bad events happen on two versions, route by route, so that another mix of routes is no harm.

A version whose users happen to ask more of a route that fails more often looks worse than the other (Simpson's
paradox). Within one route the ratio of exposures r_k is its own, and with one ratio of rates θ for all routes

    log LR(θ) = Σ_k e_ck log(θ/θ0) − (e_ck + e_sk) [log(1 + θ r_k) − log(1 + θ0 r_k)]

is the logarithm of a product of the likelihood ratios that `counts` uses: an e-process where no route is worse than θ0
(Mantel & Haenszel's idea, Journal of the National Cancer Institute 1959). Harm is usually that of one route; so half
of the evidence is the mean over the routes of what each says by itself.

Where a router gives each request to the canary with a known probability W, r is W / (1 − W) on every route, and no look
must be pooled. That holds while both versions are asked the same; a route whose share differs between them is compared
by its requests again, and history, which knows no routes, takes no part in such looks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pilotage.judge.counts import CountJudge
from pilotage.judge.dispersion import Dispersion
from pilotage.judge.likelihood import LATE, Capital, average, gains, late_share
from pilotage.judge.pooling import Blocks, Pool
from pilotage.judge.sums import History, Sums
from pilotage.model.json import JsonObject, entries, object_at, whole_at
from pilotage.model.observation import REST, Verdict, VerdictKind

_ALIKE, _CHANCE = 0.2, 2.0
"""A route's share is alike on both versions where the canary's requests on it are within a fifth, and so many standard
deviations of chance, of what stable's share makes expect."""


class StrataStream:
    """Streaming, as `CountStream`, which it equals if there is one route.

    strata: the routes; by default those of the first look. With several, `rest` is one more, and routes that appear
    later count there · prior, limit: of all routes together, as of `CountJudge` · clustered: as of `CountStream`.
    """

    def __init__(
        self,
        tolerated_ratio: float = 1.25,
        alpha: float = 0.001,
        prior: History | None = None,
        metric: str = "bad events",
        limit: float | None = None,
        strata: Sequence[str] = (),
        *,
        clustered: bool = False,
    ) -> None:
        self._judge = _Joint(tolerated_ratio, alpha, limit, prior, metric)
        if clustered:
            self._judge.expect_clusters()
        self._judge.hold_back(LATE)
        self._dispersion = Dispersion(prior.dispersion if prior else None)
        self._looks, self._pool, self._blocks = 0, Pool(), Blocks()
        if strata:
            self._judge.fix(strata)

    def update(
        self,
        counts: Mapping[str, Sums],
        at: float | None = None,
        trust: float = 1.0,
        exposure: float | None = None,
    ) -> Verdict:
        """Take in the counts of each route since the last update and say what is known now. at, exposure: as of
        `CountStream.update` · trust: the part of their evidence that counts, 0…1, known before them."""
        self.take_in(counts, at, trust, exposure)
        return self.verdict()

    def take_in(
        self, counts: Mapping[str, Sums], at: float | None = None, trust: float = 1.0, exposure: float | None = None
    ) -> None:
        """As `update`, without the verdict."""
        judge, dispersion = self._judge, self._dispersion.factor
        if not judge.strata:
            judge.fix(counts or (REST,))
        looks = judge.sorted_out(counts)
        total = Sums()
        for look in looks.values():
            total = total.plus(look)
        judge.count(total)
        self._looks += 1
        if judge.clustered and self._blocks.turn(self._looks, at):
            judge.close_block()
        judge.trust = trust
        judge.begin(late_share(self._looks))
        usual = judge.alike()
        judge.compare_strata(looks, dispersion, exposure)
        self._add_up(total, dispersion, exposure, usual=usual)
        self._dispersion.update(total.stable_bad, total.stable_total)
        judge.dispersion = self._dispersion.factor

    def _add_up(self, look: Sums, dispersion: float, exposure: float | None, *, usual: bool) -> None:
        """Take all routes together into what is compared with the limit and, where they are usual, with history."""
        judge, pool = self._judge, self._pool
        pooled = pool.flush() if exposure is not None else pool.add(look, dispersion)
        if pooled is not None:
            counted = pooled.canary_total / pooled.stable_total if pooled.stable_total else 0.0
            judge.add_up(pooled, judge.weight(counted, pool.dispersion), usual=usual)
        if exposure is not None:
            judge.add_up(look, judge.weight(exposure, dispersion), usual=usual)

    @property
    def sums(self) -> Sums:
        """Totals of all routes."""
        return self._judge.sums

    @property
    def dispersion(self) -> float:
        """φ ≥ 1 as the looks so far show it."""
        return self._judge.dispersion

    def of(self, route: str) -> Sums:
        """Totals of one route; of `rest` for a name that is not known."""
        strata = self._judge.strata
        found = strata.get(route) or strata.get(REST)
        return found.sums if found else Sums()

    def evidence(self) -> float:
        """Natural logarithm of the e-value for harm, history included."""
        return self._judge.harm_evidence()

    def limit_evidence(self) -> float:
        return self._judge.limit_evidence()

    def safe_evidence(self) -> float:
        """Natural logarithm of the e-value against θ ≥ θ0, one θ for all routes."""
        return self._judge.safe_evidence()

    def interval(self) -> tuple[float, float]:
        """Of the one θ that all routes have in common."""
        return self._judge.interval()

    def worst_route(self) -> tuple[str, float]:
        """The route with the most evidence, and that evidence."""
        return self._judge.worst_route()

    def verdict(self) -> Verdict:
        return self._judge.verdict()

    def to_dict(self) -> JsonObject:
        return {
            "judge": self._judge.to_dict(), "dispersion": self._dispersion.to_dict(), "looks": self._looks,
            "pool": self._pool.to_dict(), "blocks": self._blocks.to_dict(),
        }  # fmt: skip

    def restore(self, saved: JsonObject) -> None:
        self._blocks.restore(object_at(saved, "blocks"))
        self._judge.restore(object_at(saved, "judge"))
        self._dispersion.restore(object_at(saved, "dispersion"))
        self._looks = whole_at(saved, "looks")
        self._pool.restore(object_at(saved, "pool"))


class _Stratum:
    """One route: what it says by itself, and its looks until they are enough."""

    def __init__(self, cap: float | None) -> None:
        self.sums, self.pool, self.capital = Sums(), Pool(), Capital(cap)

    def alike(self, canary: float, stable: float) -> bool:
        """Whether this route's share of so many requests of either version is about the same on both."""
        expected = canary * self.sums.stable_total / stable if stable else 0.0
        return abs(self.sums.canary_total - expected) <= _ALIKE * expected + _CHANCE * math.sqrt(expected)

    def to_dict(self) -> JsonObject:
        return {"sums": self.sums.to_dict(), "pool": self.pool.to_dict(), "capital": self.capital.to_dict()}

    def restore(self, saved: JsonObject) -> None:
        self.sums = Sums(**entries(whole_at, saved, "sums"))
        self.pool.restore(object_at(saved, "pool"))
        self.capital.restore(object_at(saved, "capital"))


class _Joint(CountJudge):
    """A judge of the totals whose comparison with stable is made route by route."""

    def __init__(
        self, tolerated_ratio: float, alpha: float, limit: float | None, prior: History | None, metric: str
    ) -> None:
        self.strata: dict[str, _Stratum] = {}
        self._asked = (0, 0)
        """Requests of canary and stable until now."""
        super().__init__(tolerated_ratio, alpha, limit, prior, metric)

    def fix(self, names: Sequence[str] | Mapping[str, Sums]) -> None:
        """From now on these are the routes, before the first look."""
        several = (*names, REST) if len(names) > 1 else tuple(names)
        self.strata = {name: self._stratum() for name in several}
        for stratum in self.strata.values():
            stratum.capital.hold_back(LATE)

    def _stratum(self) -> _Stratum:
        return _Stratum(self.block_cap if self.clustered else None)

    def close_block(self) -> None:
        super().close_block()
        for stratum in self.strata.values():
            stratum.capital.close_block()

    def sorted_out(self, counts: Mapping[str, Sums]) -> dict[str, Sums]:
        """The same counts by the routes that are known, unknown ones under `rest` or under the only one."""
        looks = dict.fromkeys(self.strata, Sums())
        rest = REST if REST in looks else next(iter(looks))
        for name, look in counts.items():
            known = name if name in looks else rest
            looks[known] = looks[known].plus(look)
        return looks

    def alike(self) -> bool:
        """Whether both versions had the same mix of requests until now, as far as is known."""
        return all(self._is_alike(stratum) for stratum in self.strata.values())

    def _is_alike(self, stratum: _Stratum) -> bool:
        return stratum.alike(self._asked[0], self._asked[1])

    def compare_strata(self, looks: Mapping[str, Sums], dispersion: float, exposure: float | None = None) -> None:
        bad = 0
        for name, look in looks.items():
            bad += self._compare_look(self.strata[name], look, dispersion, exposure)
        self.settle(bad)
        for name, look in looks.items():
            stratum = self.strata[name]
            stratum.sums = stratum.sums.plus(look)
            self._asked = self._asked[0] + look.canary_total, self._asked[1] + look.stable_total

    def _compare_look(self, stratum: _Stratum, look: Sums, dispersion: float, exposure: float | None) -> int:
        """Bet on the look, or on the pooled looks that end with it; how many of the canary's bad events they have."""
        pool = stratum.pool
        if exposure is not None and self._is_alike(stratum):
            pending = pool.flush()
            self._compare_counts(stratum, pending, pool.dispersion)
            self._compare_stratum(stratum, look, exposure, dispersion)
            return pending.canary_bad + look.canary_bad
        pooled = pool.add(look, dispersion)
        if pooled is None:
            return 0
        self._compare_counts(stratum, pooled, pool.dispersion)
        return pooled.canary_bad

    def _compare_counts(self, stratum: _Stratum, pooled: Sums, dispersion: float) -> None:
        """Bet on a look whose split is estimated from its requests."""
        if pooled.canary_total and pooled.stable_total:
            self._compare_stratum(stratum, pooled, pooled.canary_total / pooled.stable_total, dispersion)

    def _compare_stratum(self, stratum: _Stratum, look: Sums, exposure: float, dispersion: float) -> None:
        bad = look.canary_bad + look.stable_bad
        if not bad or not 0 < exposure < math.inf:
            return
        weight = self.weight(exposure, dispersion)
        self.compare(look.canary_bad, bad, exposure, weight)
        stratum.capital.bet(gains(self.tolerated_ratio, look.canary_bad, bad, exposure, weight), look.canary_bad)

    def _capitals(self) -> tuple[Capital, ...]:
        return (*super()._capitals(), *(stratum.capital for stratum in self.strata.values()))

    def compared(self) -> float:
        """Half of the capital is on one θ for all routes, half on each route by itself."""
        joint = super().compared()
        if len(self.strata) < 2:
            return joint
        return average((joint, average(stratum.capital.evidence() for stratum in self.strata.values())))

    def worst_route(self) -> tuple[str, float]:
        found = {name: stratum.capital.evidence() for name, stratum in self.strata.items()}
        worst = max(found, key=found.__getitem__, default="")
        return worst, found.get(worst, 0.0)

    def verdict(self) -> Verdict:
        verdict = super().verdict()
        route, evidence = self.worst_route()
        if verdict.kind is not VerdictKind.FAIL or len(self.strata) < 2 or evidence < super().compared():
            return verdict
        sums = self.strata[route].sums
        canary = f"{sums.canary_bad} of {sums.canary_total:,} on the canary"
        stable = f"{sums.stable_bad} of {sums.stable_total:,} on stable"
        return replace(verdict, sentence=f"{verdict.sentence}; most on {route}: {canary}, {stable}")

    def to_dict(self) -> JsonObject:
        return {**super().to_dict(), "strata": {name: stratum.to_dict() for name, stratum in self.strata.items()}}

    def restore(self, saved: JsonObject) -> None:
        super().restore(saved)
        strata = entries(object_at, saved, "strata")
        self.strata = {name: self._stratum() for name in strata}
        for name, stratum in self.strata.items():
            stratum.restore(strata[name])
        self._asked = (self.sums.canary_total, self.sums.stable_total)
