"""Releases: all versions, and one with its way, rollouts, approvals, evidence and timeline."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app.notes import NotesRequest, notes_for, report_of
from pilotage.app.permissions import Permission
from pilotage.app.release_page import ReleasePage, ReleaseView, release_view, releases
from pilotage.app.way.tracing import trace
from pilotage.model.errors import PilotageError
from pilotage.model.output.rollouts import HistoryOutput
from pilotage.model.output.trace import TraceOutput
from pilotage.render.outputs import rollout_outputs
from pilotage.web.answers import json_answer
from pilotage.web.pages.page import page
from pilotage.web.place import NotFound
from pilotage.web.route import Asked, Audience, Kind, Query, Route, Sharing

AUDIENCES = ("developer", "user", "executive")


class ReleasesQuery(Query, frozen=True, kw_only=True):
    """q: part of a service's name or of a version · before: Unix seconds, for older ones."""

    q: str = ""
    before: float | None = None


class NotesQuery(Query, frozen=True, kw_only=True):
    """audience: developer, user or executive."""

    audience: str = "developer"


def _found(asked: Asked) -> ReleasePage:
    query = asked.query_as(ReleasesQuery)
    return releases(asked.project, asked.sees, query.q, query.before)


def _list(asked: Asked) -> Response:
    found = _found(asked)
    return page(asked, "releases.html.j2", found=found.lines, older=found.older, query=asked.query_as(ReleasesQuery))


def _list_json(asked: Asked) -> Response:
    found = [one for line in _found(asked).lines for one in line.places]
    seen = asked.site.store.live_views([one.id for one in found])
    return json_answer(HistoryOutput(rollouts=rollout_outputs(found, seen)))


def _view(asked: Asked) -> ReleaseView:
    service, version = asked.params["service"], asked.params["version"]
    view = release_view(asked.project, service, version, asked.sees)
    if not view.known:
        raise NotFound(f"nothing is on record about {service} {version}")
    return view


def _release(asked: Asked) -> Response:
    view = _view(asked)
    return page(
        asked, "release.html.j2", view=view, whole=asked.may(Permission.READ, view.service),
        approvals=[one for one in view.events if one.event.type_today == "approved"],
    )  # fmt: skip


def _release_json(asked: Asked) -> Response:
    view = _view(asked)
    seen = asked.site.store.live_views([one.id for one in view.rollouts])
    return json_answer(HistoryOutput(rollouts=rollout_outputs(view.rollouts, seen)))


def _trace(asked: Asked) -> Response:
    service, version = asked.params["service"], asked.params["version"]
    document = trace(asked.project, version).document
    return page(asked, "release_document.html.j2", document=document, service=service, version=version, why="",
                twin=f"/releases/{service}/{version}/trace.json", audiences=(), audience="")  # fmt: skip


def _trace_json(asked: Asked) -> Response:
    output = trace(asked.project, asked.params["version"]).output
    return json_answer(output)


def _notes(asked: Asked) -> Response:
    """Made from the repository of the server's checkout: where that has none, the page says why there are no notes."""
    service, version, audience = asked.params["service"], asked.params["version"], asked.query_as(NotesQuery).audience
    document, why = None, ""
    try:
        wanted = audience if audience in AUDIENCES else AUDIENCES[0]
        found = notes_for(asked.project, NotesRequest(version=version, audience=wanted, needs_version=False))
        document = report_of(found).document
    except PilotageError as error:
        why = str(error)
    return page(asked, "release_document.html.j2", document=document, service=service, version=version, why=why,
                twin="", audiences=AUDIENCES, audience=audience)  # fmt: skip


_ONE = "/releases/{service}/{version}"

ROUTES = (
    Route(
        method="GET", path="/releases", permission=Audience.SIGNED_IN, answer=_list, kind=Kind.PAGE,
        shared=Sharing.IDENTITY,
        query=ReleasesQuery, summary="Versions, newest first, with how far each is.",
    ),
    Route(
        method="GET", path="/releases.json", permission=Audience.SIGNED_IN, answer=_list_json, kind=Kind.PAGE,
        shared=Sharing.IDENTITY,
        query=ReleasesQuery, summary="The last rollout of each version, as JSON.", gives=HistoryOutput,
    ),
    Route(
        method="GET", path=f"{_ONE}/trace", permission=Permission.READ, answer=_trace, kind=Kind.PAGE,
        summary="A version from its commit to its users.",
    ),
    Route(
        method="GET", path=f"{_ONE}/trace.json", permission=Permission.READ, answer=_trace_json, kind=Kind.PAGE,
        summary="A version from its commit to its users, as JSON.", gives=TraceOutput,
    ),
    Route(
        method="GET", path=f"{_ONE}/notes", permission=Permission.READ, answer=_notes, kind=Kind.PAGE,
        query=NotesQuery, summary="Release notes of a version.",
    ),
    Route(
        method="GET", path=f"{_ONE}.json", permission=Audience.SIGNED_IN, answer=_release_json, kind=Kind.PAGE,
        summary="Rollouts of a version as JSON.", gives=HistoryOutput,
    ),
    Route(
        method="GET", path=_ONE, permission=Audience.SIGNED_IN, answer=_release, kind=Kind.PAGE,
        summary="A version: its way, rollouts, approvals, evidence and timeline.",
    ),
)  # fmt: skip
