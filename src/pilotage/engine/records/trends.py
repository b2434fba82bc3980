"""How each metric of a rollout has developed, for the chart of its page.

The worker keeps a point now and then from the last look, the more rarely the longer the rollout takes. Nothing decides
by these points, so they are written next to the looks and not with them, and a lost one is only a gap.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, and_, insert, or_, select, update

from pilotage.engine.records.rows import ACTIVE, parsed
from pilotage.engine.records.tables import live_views, rollouts
from pilotage.engine.records.tables_trends import trends
from pilotage.model.json import Json
from pilotage.model.live import LiveView, read_live

MOST = 160
"""Points of a rollout; of more, every second of the older half goes."""

_SOONEST, _PART = 5.0, 100
"""Seconds between two points at least, and a point for each so many parts of its age."""

_AT_ONCE = 200
"""Rollouts of one run; the others' turn is next."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """Of one metric at one moment: the ratio with its interval; None is an open end."""

    ratio: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Point:
    """at: Unix seconds · routed: per mille of users on the new version, None where nobody could read it."""

    at: float
    routed: int | None
    metrics: Mapping[str, Course]


def sample(engine: Engine, now: float) -> int:
    """Keep a point of each rollout under way that is due; returns how many."""
    age = now - trends.c.at
    query = (
        select(rollouts.c.id, trends.c.began, trends.c.at, trends.c.body, live_views.c.body.label("live"))
        .outerjoin(trends, trends.c.rollout == rollouts.c.id)
        .join(live_views, live_views.c.rollout == rollouts.c.id)
        .where(rollouts.c.status.in_(ACTIVE))
        .where(or_(trends.c.at.is_(None), and_(age >= _SOONEST, age * _PART >= now - trends.c.began)))
        .order_by(trends.c.at)
        .limit(_AT_ONCE)
    )
    with engine.begin() as connection:
        rows = connection.execute(query).all()
        return sum(_kept(connection, row.id, row.at, row.body, read_live(parsed(row.live))) for row in rows)


def _kept(connection: Connection, rollout: str, last: float | None, body: str | None, live: LiveView) -> bool:
    compared = {v.metric: [v.ratio, *v.interval] for v in live.verdicts if v.interval and not v.unit}
    if not compared or (last is not None and live.at <= last):
        return False
    point: Json = [round(live.at, 1), live.routed, compared]
    if body is None:
        values = {"rollout": rollout, "began": live.at, "at": live.at, "body": _text([point])}
        connection.execute(insert(trends).values(**values))
    else:
        points = [*_points(body), point]
        if len(points) > MOST:
            middle = len(points) // 2
            points = [*points[:middle:2], *points[middle:]]
        connection.execute(
            update(trends).where(trends.c.rollout == rollout).values(at=live.at, body=_text(points))
        )  # fmt: skip
    return True


def course(engine: Engine, rollout: str) -> tuple[Point, ...]:
    """Oldest first."""
    with engine.connect() as connection:
        body = connection.scalar(select(trends.c.body).where(trends.c.rollout == rollout))
    return tuple(map(_point, _points(body))) if body else ()


def _points(body: str) -> Sequence[Json]:
    found: Json = json.loads(body)
    return found if isinstance(found, list) else []


def _text(points: Sequence[Json]) -> str:
    return json.dumps(points, allow_nan=False, separators=(",", ":"))


def _point(stored: Json) -> Point:
    assert isinstance(stored, list)
    at, routed, metrics = stored
    assert isinstance(metrics, dict)
    assert isinstance(at, int | float)
    return Point(
        at=at, routed=routed if isinstance(routed, int) else None,
        metrics={name: _course(value) for name, value in metrics.items()},
    )  # fmt: skip


def _course(stored: Json) -> Course:
    assert isinstance(stored, list)
    ratio, low, high = (one if isinstance(one, int | float) else None for one in stored)
    return Course(ratio=ratio, low=low, high=high)
