"""Evidence as signed archives, whether records are what they were, and how a rollout went."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.responses import Response

from pilotage.app.archives import incident_archive, readiness_archive
from pilotage.app.permissions import Permission
from pilotage.app.verification import verify_place
from pilotage.engine.records import trends
from pilotage.model.output.base import Output, Part
from pilotage.model.output.rollouts import TickOutput
from pilotage.model.timestamp import timestamp
from pilotage.model.traffic import percent
from pilotage.render.outputs import tick_output
from pilotage.web.answers import json_answer
from pilotage.web.api.environments import PLACE
from pilotage.web.api.wishes import VersionQuery, planned_of
from pilotage.web.route import Asked, Route

_ONE = "/api/v1/rollouts/{rollout}"
_ZIP = "application/zip"


class VerificationAnswer(Output, frozen=True, kw_only=True):
    """What was found of an environment's records; each finding in a sentence."""

    whole: bool
    """Nothing was changed, and all could be checked."""
    changed: tuple[str, ...]
    unsure: tuple[str, ...]
    """What could not be checked."""
    notes: tuple[str, ...]
    rollouts: int
    events: int
    signed: int
    """Signed heads that were checked."""


class CoursePart(Part, frozen=True, kw_only=True):
    """A metric at one moment: new version to stable version, with its interval; null is an open end."""

    metric: str
    ratio: float | None
    low: float | None
    high: float | None


class PointPart(Part, frozen=True, kw_only=True):
    """One moment of a rollout."""

    at: str
    weight_percent: float | None
    """Share of the new version as the router reported it."""
    metrics: tuple[CoursePart, ...]


class CourseAnswer(Output, frozen=True, kw_only=True):
    """How the metrics of a rollout developed, oldest first; the more points the younger it is."""

    points: Annotated[tuple[PointPart, ...], msgspec.Meta(max_length=trends.MOST)]


def _readiness(asked: Asked) -> Response:
    plan = planned_of(asked, asked.query_as(VersionQuery))
    content = readiness_archive(asked.project, asked.who.name, plan)
    return Response(content, media_type=_ZIP)


def _incident(asked: Asked) -> Response:
    rollout = asked.site.store.get(asked.params["rollout"])
    content = incident_archive(asked.site.for_(asked.who, rollout.service), rollout)
    return Response(content, media_type=_ZIP)


def _verified(asked: Asked) -> Response:
    where = asked.params
    found = verify_place(asked.project, where["service"], where["environment"], (), ())
    return json_answer(
        VerificationAnswer(
            whole=not found.changed and not found.unsure, changed=found.changed, unsure=found.unsure,
            notes=found.notes, rollouts=found.rollouts, events=found.events, signed=found.signed,
        )
    )  # fmt: skip


def _live(asked: Asked) -> Response:
    store, rollout = asked.site.store, asked.site.store.look_up(asked.params["rollout"])
    return json_answer(tick_output(rollout.status.value, store.live_views([rollout.id])[rollout.id]))


def _course(asked: Asked) -> Response:
    found = trends.course(asked.site.store.engine, asked.params["rollout"])
    points = tuple(
        PointPart(
            at=timestamp(point.at), weight_percent=None if point.routed is None else percent(point.routed),
            metrics=tuple(
                CoursePart(metric=name, ratio=one.ratio, low=one.low, high=one.high)
                for name, one in point.metrics.items()
            ),
        )
        for point in found
    )  # fmt: skip
    return json_answer(CourseAnswer(points=points))


ROUTES = (
    Route(
        method="GET", path=f"{_ONE}/live", permission=Permission.READ, answer=_live, gives=TickOutput,
        summary="Show what the last look at a rollout observed: traffic, metrics, checks, instances.",
    ),
    Route(
        method="GET", path=f"{_ONE}/metrics", permission=Permission.READ, answer=_course, gives=CourseAnswer,
        summary="Show how the metrics of a rollout developed.",
    ),
    Route(
        method="GET", path=f"{_ONE}/evidence", permission=Permission.READ, answer=_incident, media=_ZIP,
        summary="Give all evidence of a rollout that was rolled back or failed, as a signed archive.",
    ),
    Route(
        method="GET", path=f"{PLACE}/readiness/evidence", permission=Permission.READ, answer=_readiness,
        query=VersionQuery, media=_ZIP, summary="Give the evidence of a version's readiness, as a signed archive.",
    ),
    Route(
        method="GET", path=f"{PLACE}/verification", permission=Permission.READ, answer=_verified,
        gives=VerificationAnswer, summary="Verify the records of an environment: chains, rows, signatures.",
    ),
)  # fmt: skip
