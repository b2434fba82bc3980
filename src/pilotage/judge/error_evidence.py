"""Whether the new version has more errors than stable next to it, by the statistic that fits how requests are assigned.

If every request is assigned separately, errors are counted by route. If users stick to a version, users with errors are
counted; in looks in which nothing identifies users, errors are counted cautiously instead. Each look feeds exactly one
of the statistics, so each is valid by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from pilotage.judge.count_stream import CountStream
from pilotage.judge.counts import CountJudge
from pilotage.judge.look import Look, Unit, by_route, exposure
from pilotage.judge.rate_words import names_route
from pilotage.judge.strata import StrataStream
from pilotage.judge.sums import History, Sums
from pilotage.judge.users import UserStream
from pilotage.model.json import JsonObject, object_at
from pilotage.model.observation import Failure

ERRORS = "error rate"

_FALLBACK = 0.1
"""Share of the capital for looks in which nothing identifies users, although usually something does."""


class ErrorEvidence:
    """Streaming: `update` each look that has a control, then `evidence`.

    ratio: of error rates that is tolerated · alpha: of this test · history: of the service's errors · routes: names
    that were fixed before the first look.
    """

    def __init__(
        self, unit: Unit, ratio: float, alpha: float, *, history: History | None, routes: Sequence[str]
    ) -> None:
        self._unit, self._routes = unit, tuple(routes)
        self._strata = StrataStream(ratio, alpha, prior=history, metric=ERRORS)
        self._users = UserStream(ratio, alpha, routes=self._routes)
        self._clustered = CountStream(CountJudge(ratio, alpha, prior=history, metric=ERRORS), clustered=True)

    def update(self, look: Look, ours: Sequence[Failure], theirs: Sequence[Failure]) -> None:
        """ours, theirs: failures of the new version and of stable in the log."""
        if self._unit is Unit.REQUEST:
            counts = by_route(look.canary, look.stable, self._routes)
            self._strata.take_in(counts, at=look.at, exposure=exposure(look))
        elif self._unit is Unit.USER and look.failures is not None and look.odds is not None:
            self._users.update(at=look.at, odds=look.odds, canary=_hurt(ours), stable=_hurt(theirs))
        else:
            total = Sums(look.canary.errors, look.canary.requests, look.stable.errors, look.stable.requests)
            self._clustered.take_in(total, at=look.at)

    def evidence(self) -> float:
        """Natural logarithm of the e-value for harm."""
        match self._unit:
            case Unit.REQUEST:
                return self._strata.evidence()
            case Unit.USER:
                users = self._users.evidence() + math.log(1 - _FALLBACK)
                rest = self._clustered.evidence() + math.log(_FALLBACK)
                top = max(users, rest)
                return top + math.log(math.exp(users - top) + math.exp(rest - top))
            case Unit.CLUSTER:
                return self._clustered.evidence()

    def interval(self) -> tuple[float, float]:
        """Of the ratio of what is counted."""
        match self._unit:
            case Unit.REQUEST:
                return self._strata.interval()
            case Unit.USER:
                return self._users.interval()
            case Unit.CLUSTER:
                return self._clustered.judge.interval()

    def ratio(self, sums: Sums) -> float | None:
        """As seen, of what the interval is about; None while stable shows no error. sums: since the beginning."""
        if self._unit is Unit.USER:
            return self._users.ratio()
        return sums.canary_rate / sums.stable_rate if sums.canary_total and sums.stable_bad else None

    def worst_route(self) -> str:
        """Empty where naming it says nothing."""
        route, _ = self._users.worst_route() if self._unit is Unit.USER else self._strata.worst_route()
        return route if names_route(self._routes, route) else ""

    def of_users(self) -> float:
        """Evidence of the users with errors alone."""
        return self._users.evidence()

    @property
    def hurt(self) -> tuple[int, int]:
        """Users with errors on the new version and on stable."""
        return self._users.hurt

    def to_dict(self) -> JsonObject:
        return {
            "strata": self._strata.to_dict(),
            "users": self._users.to_dict(),
            "clustered": self._clustered.to_dict(),
        }

    def restore(self, saved: JsonObject) -> None:
        self._strata.restore(object_at(saved, "strata"))
        self._users.restore(object_at(saved, "users"))
        self._clustered.restore(object_at(saved, "clustered"))


def _hurt(failures: Iterable[Failure]) -> list[tuple[int, str]]:
    return [(failure.user, failure.route) for failure in failures]
