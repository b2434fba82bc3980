"""Ways: which there are, one with its stages, and what people ask of it. Each command names the stage that the person
saw, so that a page left open does nothing once the way has moved on."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from pilotage.app.release_page import sees_way
from pilotage.app.way.choices import choices_of
from pilotage.app.way.control import StageMoved, WayRequest, record_at_stage
from pilotage.app.way.output import way_output
from pilotage.app.way.viewing import all_ways, grid, view_of
from pilotage.engine.records import ways
from pilotage.engine.records.ways import StoredWay
from pilotage.model.output.ways import WayOutput
from pilotage.model.way_command import WayCommandKind
from pilotage.web.answers import json_answer
from pilotage.web.pages.page import page
from pilotage.web.place import NotFound
from pilotage.web.route import Asked, Audience, Kind, Pace, Query, Route

_REASON = 500


class WayQuery(Query, frozen=True, kw_only=True):
    """asked: number of the command that was just given."""

    asked: int | None = None


def _stored(asked: Asked) -> StoredWay:
    try:
        found = ways.get(asked.site.store.engine, asked.params["way"])
    except KeyError:
        found = None
    if found is None or not sees_way(found, asked.sees):
        raise NotFound(f"there is no way {asked.params['way']}")
    return found


def _list(asked: Asked) -> Response:
    service = asked.params["service"]
    views = [view for view in all_ways(asked.project) if sees_way(view.stored, asked.sees)]
    places = [place for place in grid(asked.project) if asked.sees(service, place.environment)]
    if not places:
        raise NotFound(f"there is no service {service!r}")
    configured = asked.project.loaded.configuration.way is not None
    return page(asked, "ways.html.j2", service=service, views=views, places=places, configured=configured)


def _page(asked: Asked, status: int = 200, moved: str = "") -> Response:
    stored = _stored(asked)
    project = asked.site.for_(asked.who, stored.way.service)
    engine, query = asked.site.store.engine, asked.query if isinstance(asked.query, WayQuery) else WayQuery()
    given = query.asked if query.asked is not None and query.asked in _mine(asked, stored) else None
    return page(
        asked, "way.html.j2", status, view=view_of(project, stored), stored=stored, moved=moved,
        choices=choices_of(project, asked.who.name, stored, asked.may),
        events=tuple(reversed(ways.events(engine, stored.way.id)))[:100], pending=ways.pending(engine, stored.way.id),
        given=given, outcome=ways.outcome(engine, given) if given is not None else None,
    )  # fmt: skip


def _mine(asked: Asked, stored: StoredWay) -> tuple[int, ...]:
    return ways.commands_of(asked.site.store.engine, stored.way.id)


def _json(asked: Asked) -> Response:
    stored = _stored(asked)
    project = asked.site.for_(asked.who, stored.way.service)
    return json_answer(way_output(view_of(project, stored)), headers={"ETag": f'"{stored.revision}"'})


def _command(kind: WayCommandKind) -> Route:
    def answer(asked: Asked) -> Response:
        stored = _stored(asked)
        project = asked.site.for_(asked.who, stored.way.service)
        request = WayRequest(
            kind=kind, version=stored.way.version, stage=asked.form.get("stage", ""),
            reason=asked.form.get("reason", "").strip()[:_REASON],
        )  # fmt: skip
        try:
            found = record_at_stage(project, asked.who.name, request, stored.way.id)
        except StageMoved as moved:
            return _page(asked, 412, str(moved))
        if found.number is None:
            return _page(asked, 412, found.sentence)
        return RedirectResponse(f"{asked.site.root}/ways/{stored.way.id}?asked={found.number}", 303)

    return Route(
        method="POST", path=f"/ways/{{way}}/{kind.value}", permission=Audience.SIGNED_IN, answer=answer, kind=Kind.FORM,
        summary=f"{kind.value.capitalize()} a way, at the stage that the form names.",
        pace=Pace.URGENT if kind is WayCommandKind.ABORT else Pace.USUAL,
    )  # fmt: skip


ROUTES = (
    Route(
        method="GET", path="/ways/of/{service}", permission=Audience.SIGNED_IN, answer=_list, kind=Kind.PAGE,
        summary="Ways of a service, and which version each environment has.",
    ),
    Route(
        method="GET", path="/ways/{way}.json", permission=Audience.SIGNED_IN, answer=_json, kind=Kind.PAGE,
        summary="A way with its stages, as JSON.", gives=WayOutput,
    ),
    Route(
        method="GET", path="/ways/{way}", permission=Audience.SIGNED_IN, answer=_page, kind=Kind.PAGE, query=WayQuery,
        summary="A way with its stages, what it waits for, and its events.",
    ),
    *(_command(kind) for kind in WayCommandKind),
)  # fmt: skip
