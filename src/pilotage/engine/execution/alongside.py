"""Who gets requests at the same time as the new version, and with which odds: what may be compared in one look."""

from __future__ import annotations

from pilotage.judge.look import Beside
from pilotage.model.rollout import Observed, RolloutState
from pilotage.model.traffic import WHOLE, Split
from pilotage.rollout.turn import FORWARD


class Alongside:
    """sticky: users stay on the version that they were assigned."""

    def __init__(self, new: str, old: str | None, *, sticky: bool) -> None:
        self._new, self._old, self._sticky = new, old, sticky
        self._before: Split | None = None
        self._diverted = 0
        """Per mille of users that stable serves for a version of which nothing is healthy."""

    def follow(self, state: RolloutState) -> None:
        """A new version that hangs is spared for a while, or is not."""
        if state.diverted or state.status not in FORWARD:
            self._diverted = state.diverted.share if state.diverted else 0

    def of_flag(self, seen: Observed) -> Beside:
        """Flag-off, while some users have it."""
        self._before = seen.split
        return Beside("off" if flag_is_partly_off(seen) else None)

    def of_code(self, seen: Observed, fresh: str | None) -> Beside:
        """Stable, or the fresh instances of it that the new version is compared with."""
        before, split = self._before, seen.split
        self._before = split
        if split is None or split.closed or self._old is None:
            return Beside(None)
        compared = fresh if fresh and split.weight(fresh) else self._old
        odds = _odds(split, self._new, compared)
        if not split.weight(self._new):
            return Beside(compared) if split.mirror else self._while_diverted(compared)
        self._diverted = 0
        if odds is None:
            return Beside(None)
        if split.cohort or (before and before.cohort):
            # Nobody is assigned by chance, and what share of the requests tenants make is only expected.
            return Beside(compared)
        # Errors between two weights are judged by the larger odds, at which the new version would have more of them.
        earlier = _odds(before, self._new, compared) if before else None
        return Beside(compared, max(odds, earlier or 0.0), self._share(split, before, beside=compared == fresh))

    def stable_serves(self, seen: Observed) -> bool:
        """Whether stable gets requests now."""
        return seen.split is not None and self._old is not None and seen.split.weight(self._new) < WHOLE

    def _while_diverted(self, compared: str) -> Beside:
        """What a canary that hangs answers late is judged as if it still got its share. It gets less, so chance makes
        it look harmful no more often than it may."""
        odds = self._diverted / (WHOLE - self._diverted) if 0 < self._diverted < WHOLE else None
        return Beside(None) if odds is None else Beside(compared, odds)

    def _share(self, split: Split, before: Split | None, *, beside: bool) -> float | None:
        """The part of the requests compared since the last look that should have gone to the new version.

        None where users stick to a version, testers choose one, or the split changed in between: then the share of
        the requests is another.
        """
        now = split.weight(self._new)
        changed = before is None or before.weight(self._new) != now
        if self._sticky or split.header_routes or split.mirror or changed or not 0 < now < WHOLE:
            return None
        return 0.5 if beside else now / WHOLE


def flag_is_partly_off(seen: Observed) -> bool:
    """Whether some users do not have the flag."""
    return seen.flag is not None and seen.flag.share < WHOLE


def _odds(split: Split, new: str, compared: str) -> float | None:
    """W / (1 − W) of an assignment to `new` rather than `compared`; None where `compared` gets nothing."""
    return split.weight(new) / split.weight(compared) if split.weight(compared) else None
