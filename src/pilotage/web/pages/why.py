"""The page that says why somebody may do something, or what is missing and who could give it."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app.access.why import permission_called, why
from pilotage.app.auditing import action_of
from pilotage.app.permissions import Permission
from pilotage.model.errors import PilotageError
from pilotage.web.api.access import WhyQuery
from pilotage.web.pages.page import page
from pilotage.web.route import Asked, Audience, Kind, Route


def _page(asked: Asked) -> Response:
    query = asked.query_as(WhyQuery)
    found, error, status = None, "", 200
    if "action" in asked.request.query_params:
        try:
            found = why(
                asked.project, asked.who.name, query.actor or asked.who.name, permission_called(query.action),
                query.service, query.environment,
            )  # fmt: skip
        except PilotageError as wrong:
            error, status = str(wrong), wrong.http_status
    names = {
        service: there for service, each in asked.project.names.environments.items()
        if (there := [one for one in each if asked.sees(service, one)])
    }  # fmt: skip
    return page(
        asked, "why.html.j2", status, query=query, found=found, error=error,
        actions={action_of(one): one.value for one in Permission}, services=list(names),
        environments=sorted({one for each in names.values() for one in each}),
    )  # fmt: skip


ROUTES = (
    Route(
        method="GET", path="/why", permission=Audience.SIGNED_IN, answer=_page, kind=Kind.PAGE, query=WhyQuery,
        summary="Why somebody may do something.",
    ),
)  # fmt: skip
