"""A judge of counts that learns, look by look, how bursty its events are."""

from __future__ import annotations

from pilotage.judge.counts import CountJudge
from pilotage.judge.dispersion import Dispersion
from pilotage.judge.likelihood import (
    LATE,
    late_share,
)
from pilotage.judge.pooling import Blocks, Pool
from pilotage.judge.sums import Sums
from pilotage.model.json import (
    JsonObject,
    object_at,
    whole_at,
)
from pilotage.model.observation import Verdict


class CountStream:
    """A `CountJudge` that learns the dispersion of its events, look by look, from the stable version.

    For looks at about equal distances; the evidence depends on how they divide time. Half of the capital bets from the
    first look on; at look i a share of the rest starts, which falls as 1 / (i log² i). Looks are pooled until the
    canary has two requests. Verdicts show all requests, including pooled ones.

    clustered: users stick to their version and nothing identifies them. Then no five seconds decide alone, and a look
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
        """As the judge's `update`; a look is weighed by what was known before it.

        exposure: the canary's over stable's in this look, W / (1 − W) if a router gives each request to the canary with
        probability W; it is then not pooled · at: seconds, which divide time into blocks if errors come in clusters.
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
