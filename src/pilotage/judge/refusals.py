"""The share of requests that the new version answers with 4xx, compared with stable's.

A 4xx is often the client's own fault, so it is no error unless `errors:` says so. A version whose pages are all gone
answers nothing else. Such a difference holds a release: it never withdraws its users by itself.

Next to stable, a sequential test must call the share more than twice stable's; alone, the share is compared with
stable's past. In both cases it must also be larger by `MARGIN`: a new page that requires a login is no harm.
"""

from __future__ import annotations

import math

from pilotage.judge.count_stream import CountStream
from pilotage.judge.counts import CountJudge
from pilotage.judge.past import PastLevel
from pilotage.judge.rate_words import both_of, rate_of
from pilotage.judge.sums import Sums
from pilotage.model.json import JsonObject, entries, object_at, whole_at
from pilotage.model.observation import Observation, Verdict, VerdictKind
from pilotage.model.quantity import format_share

METRIC = "client errors"
RATIO = 2.0
"""How many times stable's share is tolerated."""
MARGIN = 0.1
"""Share of all requests by which the new version's share must be above stable's."""

_REMEDY = "list the statuses that users must not get under `errors:`, or the pages that must work under `probes:`"


class RefusalBook:
    """alpha: probability of ever calling a harmless release worse · sticky: users stick to a version, so what one
    client is refused comes in clusters · least: requests to either version without which the past says nothing."""

    def __init__(self, alpha: float, least: float, *, sticky: bool) -> None:
        self._alpha, self._least, self._sticky = alpha, least, sticky
        self._past, self._before = PastLevel(), 0
        self.forget()

    def forget(self) -> None:
        """The version has a second try. What is known of stable stays."""
        self._stream = CountStream(CountJudge(RATIO, self._alpha, metric=METRIC), clustered=self._sticky)
        self._beside, self._alone = Sums(), Sums()

    def record(self, new: Observation, stable: Observation | None, at: float) -> None:
        """at: of the reading, Unix seconds. A source that does not tell 4xx apart says nothing."""
        if new.refused is None:
            return
        if stable is not None and stable.requests:
            self._past.update(at, stable.refused or 0, stable.requests)
            self._before += stable.requests
        if stable is None or not stable.requests:
            self._alone = self._alone.plus(Sums(new.refused, new.requests))
            return
        look = Sums(new.refused, new.requests, stable.refused or 0, stable.requests)
        self._beside = self._beside.plus(look)
        if new.requests:
            self._stream.take_in(look, at=at)

    def verdicts(self) -> tuple[Verdict, ...]:
        """One verdict; none before the new version had a request."""
        verdict = self._alone_verdict() or self._beside_verdict()
        return () if verdict is None else (verdict,)

    def _beside_verdict(self) -> Verdict | None:
        sums = self._beside
        if not sums.canary_total:
            return None
        evidence, share, usual = self._stream.evidence(), sums.canary_rate, sums.stable_rate
        worse = evidence >= -math.log(self._alpha) and share > usual + MARGIN
        return self._verdict(sums, evidence if share > usual + MARGIN else 0.0, worse=worse)

    def _alone_verdict(self) -> Verdict | None:
        """Of a version that has nothing next to it any more, where it is worse than the past; None where it is not."""
        sums, usual = self._alone, self._past.level()
        if usual is None or min(sums.canary_total, self._before) < max(1, self._least):
            return None
        most = max(RATIO, self._past.margin(0.0) or 0.0) * usual
        if sums.canary_rate <= max(most, usual + MARGIN):
            return None
        words = f"{both_of(sums)} were answered with 4xx; in the past, stable had {format_share(round(usual, 4))}"
        return Verdict(
            METRIC, VerdictKind.INCONCLUSIVE, f"{words}; {_REMEDY}", samples=sums.canary_total, past=True,
            canary=rate_of(sums.canary_bad, sums.canary_total),
        )  # fmt: skip

    def _verdict(self, sums: Sums, evidence: float, *, worse: bool) -> Verdict:
        words = f"{both_of(sums)} were answered with 4xx"
        kind = VerdictKind.INCONCLUSIVE if worse else VerdictKind.PASS
        words += f", more than {RATIO:g} times the share of stable; {_REMEDY}" if worse else ""
        return Verdict(
            METRIC, kind, words, evidence=evidence, samples=sums.canary_total,
            canary=rate_of(sums.canary_bad, sums.canary_total), stable=rate_of(sums.stable_bad, sums.stable_total),
        )  # fmt: skip

    def to_dict(self) -> JsonObject:
        """Empty while a source told of no request."""
        if not self._before + self._beside.canary_total + self._alone.canary_total:
            return {}
        return {
            "stream": self._stream.to_dict(), "past": self._past.to_dict(),
            "before": self._before, "beside": self._beside.to_dict(), "alone": self._alone.to_dict(),
        }  # fmt: skip

    def restore(self, saved: JsonObject) -> None:
        """Raises WrongJson."""
        self._stream.restore(object_at(saved, "stream"))
        self._past.restore(object_at(saved, "past"))
        self._before = whole_at(saved, "before")
        self._beside = Sums(**entries(whole_at, saved, "beside"))
        self._alone = Sums(**entries(whole_at, saved, "alone"))
