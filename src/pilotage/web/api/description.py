"""The description of the API, for clients and for people."""

from __future__ import annotations

from functools import cache

import msgspec
from starlette.responses import Response

from pilotage.web.answers import Text, TextAnswer
from pilotage.web.openapi import described
from pilotage.web.route import Asked, Audience, Route


@cache
def api_text(routes: tuple[Route, ...], root: str) -> Text:
    return Text(body=msgspec.json.format(msgspec.json.encode(described(routes, root)), indent=1))


def _openapi(asked: Asked) -> Response:
    text = api_text(asked.site.routes, asked.site.root)
    return TextAnswer(text, "application/json", {"Cache-Control": "max-age=300"})


ROUTES = (
    Route(
        method="GET", path="/api/v1/openapi.json", permission=Audience.ANYONE, answer=_openapi,
        summary="Describe the API (OpenAPI 3.1).",
    ),
)  # fmt: skip
