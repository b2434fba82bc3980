"""Readiness of a version for an environment: each gate with its evidence, and sign-off or waiver of one item in
place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from urllib.parse import quote, urlencode

from starlette.responses import RedirectResponse, Response

from pilotage.app.permissions import Permission
from pilotage.app.readiness_page import ItemRequest, PlanMoved, readiness_view, sign_item, waive_item
from pilotage.model.errors import PilotageError
from pilotage.model.output.readiness import ReadinessOutput
from pilotage.render.readiness_output import readiness_output
from pilotage.web.answers import json_answer
from pilotage.web.pages.choosing import choose_version
from pilotage.web.pages.page import page
from pilotage.web.route import Asked, Kind, Query, Route


class ReadinessQuery(Query, frozen=True, kw_only=True):
    """version: empty to choose one · date: on which all users have it; empty for a plan without a date."""

    version: str = ""
    date: str = ""


def _page(asked: Asked) -> Response:
    query = asked.query_as(ReadinessQuery)
    version = query.version.strip()
    return _shown(asked, version, query.date) if version else choose_version(asked, "Readiness", "readiness")


def _shown(asked: Asked, version: str, day: str, status: int = 200, said: str = "") -> Response:
    service, environment = asked.params["service"], asked.params["environment"]

    def may_here(permission: Permission) -> bool:
        return asked.may(permission, service, environment)

    try:
        view = readiness_view(asked.project, asked.who.name, environment, (version, day), may_here)
    except (PilotageError, ValueError) as error:
        return choose_version(asked, "Readiness", "readiness", str(error), 400)
    counts = Counter(one.gate.standing.value for one in view.gates)
    return page(
        asked, "readiness.html.j2", status, view=view, counts=counts, service=service, environment=environment,
        version=version, said=said, day=day,
    )  # fmt: skip


def _json(asked: Asked) -> Response:
    service, environment = asked.params["service"], asked.params["environment"]
    query = asked.query_as(ReadinessQuery)
    view = readiness_view(
        asked.project, asked.who.name, environment, (query.version, query.date),
        lambda one: asked.may(one, service, environment),
    )  # fmt: skip
    return json_answer(readiness_output(view.found))


def _item(deed: Callable[[Asked, ItemRequest], str]) -> Callable[[Asked], Response]:
    def answer(asked: Asked) -> Response:
        form = asked.form
        request = ItemRequest(
            environment=asked.params["environment"], version=form.get("version", ""), plan=form.get("plan", ""),
            item=form.get("item", ""), role=form.get("role", ""), reason=form.get("reason", "").strip()[:500],
            until=form.get("until", ""), day=form.get("date", ""),
        )  # fmt: skip
        try:
            refused = deed(asked, request)
        except PlanMoved as moved:
            return _shown(asked, request.version, request.day, 412, str(moved))
        if refused:
            return _shown(asked, request.version, request.day, 409, refused)
        here = f"{asked.site.root}/services/{asked.params['service']}/{request.environment}/readiness"
        query = urlencode({"version": request.version, "date": request.day})
        return RedirectResponse(f"{here}?{query}#{quote(request.item)}", 303)

    return answer


def _sign(asked: Asked, request: ItemRequest) -> str:
    done = sign_item(asked.project, asked.who.name, request)
    return "; ".join(f"{item.title} was not signed off: {why}" for item, why in done.refused)


def _waive(asked: Asked, request: ItemRequest) -> str:
    waive_item(asked.project, asked.who.name, request)
    return ""


_PLACE = "/services/{service}/{environment}"

ROUTES = (
    Route(
        method="GET", path=f"{_PLACE}/readiness", permission=Permission.READ, answer=_page, kind=Kind.PAGE,
        query=ReadinessQuery, summary="Whether a version is ready: every gate with its evidence.",
    ),
    Route(
        method="GET", path=f"{_PLACE}/readiness.json", permission=Permission.READ, answer=_json, kind=Kind.PAGE,
        query=ReadinessQuery, summary="Whether a version is ready, as JSON.", gives=ReadinessOutput,
    ),
    Route(
        method="POST", path=f"{_PLACE}/readiness/sign-off", permission=Permission.SIGN_OFF, answer=_item(_sign),
        kind=Kind.FORM, summary="Sign off one item of the plan that the person saw.",
    ),
    Route(
        method="POST", path=f"{_PLACE}/readiness/waive", permission=Permission.WAIVE, answer=_item(_waive),
        kind=Kind.FORM, summary="Waive one item of the plan that the person saw.",
    ),
)  # fmt: skip
