"""What load balancers, orchestrators and Prometheus ask of a server."""

from __future__ import annotations

from starlette.responses import PlainTextResponse, Response

from pilotage.app.permissions import Permission
from pilotage.app.server_health import ServerHealth, alive, ready
from pilotage.app.unread import READYZ
from pilotage.model.output.base import Output, Part
from pilotage.render.exposition import CONTENT_TYPE, exposition
from pilotage.web.answers import json_answer
from pilotage.web.route import Asked, Audience, Pace, Route


class HealthPart(Part, frozen=True, kw_only=True):
    """One thing that was checked."""

    name: str
    status: str
    """`ok`, `warn` or `fail`."""
    detail: str


class HealthAnswer(Output, frozen=True, kw_only=True):
    """Whether the server can do its work. The status is 200, or 503 if a check fails."""

    status: str
    """The worst of the checks."""
    checks: tuple[HealthPart, ...]


def _shown(found: ServerHealth) -> Response:
    checks = tuple(HealthPart(name=one.name, status=one.grade.value, detail=one.detail) for one in found.checks)
    return json_answer(HealthAnswer(status=found.grade.value, checks=checks), found.http_status)


def _alive(_: Asked) -> Response:
    return _shown(alive())


def _ready(asked: Asked) -> Response:
    return _shown(ready(asked.site.store, READYZ if asked.site.unread else ""))


def _metrics(asked: Asked) -> Response:
    return PlainTextResponse(exposition(asked.site.metrics.families()), media_type=CONTENT_TYPE)


ROUTES = (
    Route(
        method="GET", path="/healthz", permission=Audience.ANYONE, pace=Pace.WATCH, answer=_alive, alone=True,
        summary="Say that the server is alive.", gives=HealthAnswer,
    ),
    Route(
        method="GET", path="/readyz", permission=Audience.ANYONE, pace=Pace.WATCH, answer=_ready,
        summary="Say whether requests may come: store, migration, worker.", gives=HealthAnswer,
    ),
    Route(
        method="GET", path="/metrics", permission=Permission.READ, answer=_metrics, media="text/plain",
        summary="Show Pilotage's own metrics in Prometheus' text format, to viewers of every service.",
    ),
)  # fmt: skip
