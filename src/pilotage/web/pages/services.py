"""Services × environments, one service, and one environment with its history, queue, freezes and flag."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from pilotage.app import freezes, setbacks
from pilotage.app.grid import Grid, Show, filtered, grid_of, with_outages
from pilotage.app.grid_output import grid_output
from pilotage.app.permissions import Permission
from pilotage.app.place_view import history_of, place_view
from pilotage.model.output.grid import GridOutput
from pilotage.model.output.rollouts import HistoryOutput
from pilotage.render.outputs import rollout_outputs
from pilotage.web.answers import json_answer
from pilotage.web.pages.freezing import freeze_request
from pilotage.web.pages.page import page
from pilotage.web.place import NotFound
from pilotage.web.route import Asked, Audience, Kind, Query, Route, Sharing


class GridQuery(Query, frozen=True, kw_only=True):
    """q: part of a service's name or of a version · show: which services."""

    q: str = ""
    show: Show = Show.ALL


class PageQuery(Query, frozen=True, kw_only=True):
    """page: of the history, from 1."""

    page: int = 1


_SHOWN = {
    Show.ALL: "All services", Show.ROLLING: "Rolling out or queued", Show.DRIFT: "Versions differ",
    Show.UNDONE: "Last rollout undone", Show.FROZEN: "Frozen", Show.NEVER: "Never deployed somewhere",
    Show.OFFLINE: "Offline or not looked at",
}  # fmt: skip


# ── the grid ───────────────────────────────────────────────────────────────────────────────────────────────


def _asked_grid(asked: Asked) -> tuple[Grid, Grid]:
    """All that the reader sees, and what they asked for."""
    query = asked.query_as(GridQuery)
    whole = with_outages(grid_of(asked.project, asked.sees), asked.site.outages(asked.version))
    return whole, filtered(whole, query.q, query.show)


def _grid(asked: Asked) -> Response:
    whole, found = _asked_grid(asked)
    cells = whole.cells
    return page(
        asked, "services.html.j2", grid=found, total=len(whole.rows), query=asked.query_as(GridQuery), choices=_SHOWN,
        rolling=sum(cell.arriving is not None for cell in cells),
        drifting=sum(any(cell.drift for cell in row.values()) for row in whole.rows.values()),
        undone=sum(cell.undone is not None for cell in cells), frozen=sum(bool(cell.frozen) for cell in cells),
        places_count=len(cells), outages=[cell.outage for cell in cells if cell.outage is not None],
    )  # fmt: skip


def _grid_json(asked: Asked) -> Response:
    return json_answer(grid_output(_asked_grid(asked)[1], asked.project.clock.now()))


# ── one service, one environment ───────────────────────────────────────────────────────────────────────────


def _visible(asked: Asked) -> None:
    """A service of which nothing may be seen is as good as none. Raises NotFound."""
    if not any(asked.sees(asked.params["service"], name) for name in _environments(asked)):
        raise NotFound(f"there is no service {asked.params['service']!r}")


def _environments(asked: Asked) -> tuple[str, ...]:
    return tuple(asked.project.names.environments.get(asked.params["service"], ()))


def _service(asked: Asked) -> Response:
    _visible(asked)
    service = asked.params["service"]
    found = with_outages(grid_of(asked.project, asked.sees, service), asked.site.outages(asked.version))
    row = found.rows.get(service, {})
    history = history_of(asked.project, service, page=asked.query_as(PageQuery).page)
    shown = [one for one in history.rollouts if asked.sees(one.service, one.environment)]
    return page(
        asked, "service.html.j2", service=service, row=row, history=history, rollouts=shown,
        outages=[cell.outage for cell in row.values() if cell.outage is not None],
    )  # fmt: skip


def _place(asked: Asked) -> Response:
    service, environment = asked.params["service"], asked.params["environment"]
    view = place_view(asked.project, service, environment, asked.sees, asked.query_as(PageQuery).page)
    return page(
        asked, "place.html.j2", view=view, cell=view.cell, service=service, environment=environment,
        may_freeze=asked.may(Permission.FREEZE, service, environment),
        may_accept=asked.may(Permission.ADOPT, service, environment),
    )  # fmt: skip


def _history_json(asked: Asked) -> Response:
    service, environment = asked.params["service"], asked.params["environment"]
    found = history_of(asked.project, service, environment, asked.query_as(PageQuery).page).rollouts
    seen = asked.site.store.live_views([one.id for one in found])
    return json_answer(HistoryOutput(rollouts=rollout_outputs(found, seen)))


# ── freezes ────────────────────────────────────────────────────────────────────────────────────────────────


def back_to(asked: Asked, path: str) -> Response:
    """After a form: to the page that shows what became of it, or to the page of this server that the form names."""
    wanted = asked.form.get("back", "")
    safe = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted and wanted.isprintable()
    return RedirectResponse(asked.site.root + (wanted if safe else path), 303)


def _freeze(asked: Asked) -> Response:
    service, environment = asked.params["service"], asked.params["environment"]
    freezes.declare(asked.project, asked.who.name, freeze_request(asked.form, environment))
    return back_to(asked, f"/services/{service}/{environment}")


def _accept(asked: Asked) -> Response:
    service, environment = asked.params["service"], asked.params["environment"]
    project = asked.project.for_service(service)
    found = setbacks.left_alone(project, environment)
    setbacks.accept(project, asked.who.name, found, asked.form.get("reason", ""))
    return back_to(asked, f"/services/{service}/{environment}")


def _lift(asked: Asked) -> Response:
    service, environment = asked.params["service"], asked.params["environment"]
    freezes.lift(asked.project, asked.who.name, environment, asked.form.get("name", ""))
    return back_to(asked, f"/services/{service}/{environment}")


_PLACE = "/services/{service}/{environment}"

ROUTES = (
    Route(
        method="GET", path="/services", permission=Audience.SIGNED_IN, answer=_grid, kind=Kind.PAGE, query=GridQuery,
        shared=Sharing.ROLES,
        summary="Which version each environment of each service has.",
    ),
    Route(
        method="GET", path="/services.json", permission=Audience.SIGNED_IN, answer=_grid_json, kind=Kind.PAGE,
        shared=Sharing.ROLES,
        query=GridQuery, summary="Which version each environment of each service has, as JSON.", gives=GridOutput,
    ),
    Route(
        method="GET", path="/services/{service}", permission=Audience.SIGNED_IN, answer=_service, kind=Kind.PAGE,
        shared=Sharing.ROLES,
        query=PageQuery, summary="A service, its environments and its rollouts.",
    ),
    Route(
        method="GET", path=f"{_PLACE}/history.json", permission=Permission.READ, answer=_history_json,
        shared=Sharing.ROLES,
        kind=Kind.PAGE, query=PageQuery, summary="Rollouts of an environment as JSON, newest first.",
        gives=HistoryOutput,
    ),
    Route(
        method="GET", path=_PLACE, permission=Permission.READ, answer=_place, kind=Kind.PAGE, query=PageQuery,
        shared=Sharing.IDENTITY,
        summary="An environment: what serves, what waits, what holds it.",
    ),
    Route(
        method="POST", path=f"{_PLACE}/freezes", permission=Permission.FREEZE, answer=_freeze, kind=Kind.FORM,
        summary="Declare a freeze.",
    ),
    Route(
        method="POST", path=f"{_PLACE}/freezes/lift", permission=Permission.FREEZE, answer=_lift, kind=Kind.FORM,
        summary="Lift a declared freeze.",
    ),
    Route(
        method="POST", path=f"{_PLACE}/accept-records", permission=Permission.ADOPT, answer=_accept, kind=Kind.FORM,
        summary="Go on from records that are older than what was done.",
    ),
)  # fmt: skip
