"""What became of a release: whether something of it needed a repair within the time of its forecast (R17, R24).

A release needed a repair if Pilotage rolled it back because of harm, users went back to the version before, a hotfix
replaced it, an incident or a confirmed report names it, or a later commit reverts it, names it as repaired, or alters
its lines to repair something. The time begins when a rollout of it completed, or did harm: whatever an earlier rollout
was stopped for, users had nothing of it afterwards. It held if the time is over and git was read to its end without any
of these. Everything else is unknown, and unknown is never counted as held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pilotage.model.forecast import Fate, Forecast, Outcome
from pilotage.model.status import Status

NEVER_SERVED = "no rollout of it completed in that time, and none was rolled back because of harm"


@dataclass(frozen=True, kw_only=True)
class Course:
    """A rollout as far as outcomes need it. began, ended: Unix seconds; ended: None while it is under way · returns:
    it goes to a version that had served before · hotfix: it was planned as one · harmed: its events tell of harm."""

    version: str
    old: str
    began: float
    ended: float | None
    status: Status
    reason: str = ""
    returns: bool = False
    hotfix: bool = False
    harmed: bool = False

    @property
    def decides(self) -> bool:
        """Whether it tells what became of its version: users got it for good, or it did harm."""
        return self.status is Status.COMPLETED or (self.harmed and self.status in (Status.ROLLED_BACK, Status.FAILED))

    @property
    def since(self) -> float:
        """Unix seconds, when the time of a forecast begins: not before every user has the version."""
        return self.ended if self.decides and self.ended is not None else self.began


@dataclass(frozen=True, kw_only=True)
class Signal:
    """Something of a release needed a repair. at: Unix seconds, when that showed."""

    at: float
    why: str


def outcome_of(forecast: Forecast, signals: Iterable[Signal], now: float, missing: str = "") -> Outcome:
    """missing: why the absence of signals proves nothing; empty where it does."""
    mine = [one for one in signals if one.at <= forecast.until]
    if mine:
        return Outcome(fate=Fate.REPAIRED, why=min(mine, key=lambda one: one.at).why)
    if now < forecast.until:
        return Outcome(fate=Fate.OPEN)
    return Outcome(fate=Fate.UNKNOWN, why=missing) if missing else Outcome(fate=Fate.HELD)


def is_ripe(forecast: Forecast, now: float) -> bool:
    return now >= forecast.until


def signals_of(version: str, courses: Sequence[Course]) -> Iterator[Signal]:
    """What the rollouts of an environment tell of a version. courses: oldest first."""
    for before, one in pairwise((None, *courses)):
        assert one is not None
        undone = one.status in (Status.ROLLED_BACK, Status.FAILED)
        if one.version == version and undone and one.harmed:
            words = "rolled back" if one.status is Status.ROLLED_BACK else "failed"
            yield Signal(at=one.ended or one.began, why=f"{words}: {one.reason}" if one.reason else words)
        if one.old != version or one.version == version or undone:
            continue
        if one.returns:
            yield Signal(at=one.began, why=f"users went back to {one.version}")
        elif one.hotfix and before is not None and before.version == version:
            # After a rollback the hotfix repairs what was rolled back, and not the version that serves.
            yield Signal(at=one.began, why=f"the hotfix {one.version} replaced it")


def has_served(forecast: Forecast, courses: Iterable[Course]) -> bool:
    """Whether every user got it within the time of its forecast."""
    mine = (one for one in courses if one.version == forecast.version and one.status is Status.COMPLETED)
    return any(one.since <= forecast.until for one in mine)
