"""Forecasts of risk, read from the plans of rollouts, and what became of their releases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec
from sqlalchemy import Engine, and_, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.engine.records.tables import plans, rollouts
from pilotage.engine.records.tables_outcomes import outcomes
from pilotage.model.forecast import DAY, Fate, Outcome
from pilotage.model.risk import Horizon, RiskLevel

SHORTEST = Horizon.DAYS_30
_LONGEST = Horizon.DAYS_90
"""Plans of earlier versions forecast two years, which no report waits for."""
_ONCE_MORE = 60 * DAY
"""Seconds in which what held is looked at once more."""
_AT_ONCE = 100


class KeptStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How the release compared with earlier ones of its project."""

    releases: int
    riskier_than: int


class KeptRisk(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan says of the risk of its release, as far as it is scored."""

    revisions: str
    changes: int
    probability_percent: float
    level: RiskLevel
    model: str
    horizon_days: int
    standing: KeptStanding | None = None
    doubt: str = ""


class _Kept(msgspec.Struct, frozen=True):
    risk: KeptRisk | None = None


@dataclass(frozen=True, kw_only=True)
class Settled:
    """at: Unix seconds, when it was looked at."""

    outcome: Outcome
    at: float


def risks(engine: Engine, hashes: Collection[str]) -> Mapping[str, KeptRisk]:
    """By the hashes of plans, as far as these have a forecast."""
    wanted, found = list(dict.fromkeys(hashes)), dict[str, KeptRisk]()
    for begin in range(0, len(wanted), _AT_ONCE):
        some = wanted[begin : begin + _AT_ONCE]
        found |= {one: risk for one, risk in _read(engine, tuple(some)) if risk is not None}
    return found


@lru_cache(maxsize=64)
def _read(engine: Engine, hashes: tuple[str, ...]) -> tuple[tuple[str, KeptRisk | None], ...]:
    """Kept, because a plan never changes, and is large next to what is read of it."""
    query = select(plans.c.hash, plans.c.body).where(plans.c.hash.in_(hashes))
    with engine.connect() as connection:
        return tuple((row.hash, risk_in(row.body)) for row in connection.execute(query))


def risk_in(body: str) -> KeptRisk | None:
    """None where the plan has no forecast, or one of other commits, or one that this version does not score."""
    try:
        risk = msgspec.json.decode(body, type=_Kept).risk
    except msgspec.MsgspecError:
        return None
    return risk if risk is not None and not risk.doubt and risk.horizon_days <= _LONGEST else None


def any_due(engine: Engine, now: float) -> bool:
    """Whether a rollout may be a release whose time is over and of which nothing is kept, or not for good."""
    once_more = and_(outcomes.c.fate == Fate.HELD.value, outcomes.c.at > now - _ONCE_MORE)
    query = (
        select(rollouts.c.id)
        .outerjoin(outcomes, outcomes.c.rollout == rollouts.c.id)
        .where(rollouts.c.started_at <= now - SHORTEST * DAY)
        .where(or_(outcomes.c.fate.is_(None), outcomes.c.fate == Fate.UNKNOWN.value, once_more))
        .limit(1)
    )
    with engine.connect() as connection:
        return connection.scalar(query) is not None


def settled(engine: Engine, rollouts: Sequence[str]) -> Mapping[str, Settled]:
    """By the rollouts of the releases that `Forecast` names."""
    found: dict[str, Settled] = {}
    for begin in range(0, len(rollouts), _AT_ONCE):
        query = select(outcomes).where(outcomes.c.rollout.in_(rollouts[begin : begin + _AT_ONCE]))
        with engine.connect() as connection:
            for row in connection.execute(query):
                outcome = Outcome(fate=Fate(row.fate), why=row.why)
                found[row.rollout] = Settled(outcome=outcome, at=row.at)
    return found


def settle(engine: Engine, rollout: str, outcome: Outcome, now: float) -> None:
    """Keep what became of a release. A repair that is known stays; what was unknown or held is written again."""
    values = {"fate": outcome.fate.value, "why": outcome.why, "at": now}
    again = update(outcomes).where(outcomes.c.rollout == rollout, outcomes.c.fate != Fate.REPAIRED.value)
    try:
        with engine.begin() as connection:
            if not connection.execute(again.values(**values)).rowcount:
                connection.execute(insert(outcomes).values(rollout=rollout, **values))
    except IntegrityError:
        return  # it was known already
