"""What the palette offers: the pages, releases and services that one may see."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import Response

from pilotage.app.permissions import Permission
from pilotage.engine.records.overview import ended_lately
from pilotage.model.errors import PilotageError
from pilotage.model.output.base import Output, Part
from pilotage.model.status import Status
from pilotage.web.answers import json_answer
from pilotage.web.frame import frame_of
from pilotage.web.route import Asked, Audience, Kind, Route

_MOST = 60


class PaletteEntry(Part, frozen=True, kw_only=True):
    """path: without the server's root."""

    title: str
    detail: str
    path: str


class PaletteAnswer(Output, frozen=True, kw_only=True):
    """Where the palette leads."""

    entries: tuple[PaletteEntry, ...]


def _palette(asked: Asked) -> Response:
    return json_answer(PaletteAnswer(entries=(*_rollouts(asked), *_pages(asked), *_places(asked), *_ended(asked))))


def _pages(asked: Asked) -> Iterator[PaletteEntry]:
    frame = frame_of(asked.site, asked.identity, asked.eyes, "")
    for entry in frame.entries:
        yield PaletteEntry(title=entry.word, detail="page", path=entry.path)
    if asked.eyes.somewhere(Permission.PLAN):
        yield PaletteEntry(title="Plan a release", detail="page", path="/plan")


def _rollouts(asked: Asked) -> Iterator[PaletteEntry]:
    store = asked.site.store
    for one in (*store.active(), *store.queued())[:_MOST]:
        if asked.sees(one.service, one.environment):
            yield PaletteEntry(
                title=f"{one.service} {one.version}", detail=f"{one.environment}, {one.status.value}",
                path=f"/rollouts/{one.id}",
            )  # fmt: skip


def _places(asked: Asked) -> Iterator[PaletteEntry]:
    if not any(route.path == "/services/{service}/{environment}" for route in asked.site.routes):
        return
    try:
        known = asked.project.names.environments
    except PilotageError:
        return
    for service, environments in known.items():
        for environment in environments:
            if asked.sees(service, environment):
                path = f"/services/{service}/{environment}"
                yield PaletteEntry(title=f"{service} in {environment}", detail="service", path=path)


def _ended(asked: Asked) -> Iterator[PaletteEntry]:
    ended = (Status.COMPLETED, Status.ROLLED_BACK, Status.FAILED)
    for one in ended_lately(asked.site.store.engine, ended, _MOST):
        if asked.sees(one.service, one.environment):
            yield PaletteEntry(
                title=f"{one.service} {one.version}", detail=f"{one.environment}, {one.status.value}",
                path=f"/rollouts/{one.id}",
            )  # fmt: skip


ROUTES = (
    Route(
        method="GET", path="/palette.json", permission=Audience.SIGNED_IN, answer=_palette, kind=Kind.PAGE,
        summary="Where the palette leads.",
    ),
)  # fmt: skip
