"""What a server also answers to people and programs without an account: hooks, Slack, forms of users, the status page.

Each proves its sender in its own way, and is open only where the configuration has it.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Mapping

from starlette.responses import Response

from pilotage.app import hooks
from pilotage.app.public import PublicAnswer, PublicRequest, status_file
from pilotage.model.output.base import Output
from pilotage.web.answers import json_answer
from pilotage.web.client import address_of
from pilotage.web.place import NotFound
from pilotage.web.route import Asked, Audience, Kind, Pace, Route

_OWN_STYLE = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'self'"
"""Pages that are files of their own carry their style in themselves."""


class TakenAnswer(Output, frozen=True, kw_only=True):
    """What became of a message."""

    sentence: str
    rollout: str | None
    """The rollout that it started; null if none."""
    way: str | None
    """The way that it started; null if none."""


def _hook(asked: Asked) -> Response:
    taken = hooks.take(asked.project, asked.params["hook"], _headers(asked), asked.raw)
    answer = TakenAnswer(sentence=taken.sentence, rollout=taken.rollout or None, way=taken.way or None)
    return json_answer(answer, 202)


def _slack(asked: Asked) -> Response:
    return _shown(asked.site.doors.slack(asked.project, _request(asked)))


def _intake(asked: Asked) -> Response:
    return _shown(asked.site.doors.intake(asked.project, _request(asked)))


def _status(asked: Asked) -> Response:
    path = asked.params.get("file") or "index.html"
    found = status_file(asked.project, path)
    if found is None:
        raise NotFound("there is no such page")
    media = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return Response(found, media_type=media, headers={"Content-Security-Policy": _OWN_STYLE})


def _request(asked: Asked) -> PublicRequest:
    request = asked.request
    return PublicRequest(
        method=request.method, path=f"/{asked.params.get('rest', '')}", query=dict(request.query_params),
        headers=_headers(asked), body=asked.raw, address=address_of(request),
    )  # fmt: skip


def _headers(asked: Asked) -> Mapping[str, str]:
    return {name.lower(): value for name, value in asked.request.headers.items()}


def _shown(answer: PublicAnswer) -> Response:
    headers = {"Content-Security-Policy": _OWN_STYLE, **({"Location": answer.location} if answer.location else {})}
    return Response(answer.content, answer.status, headers=headers, media_type=answer.media)


def _public(
    method: str, path: str, answer: Callable[[Asked], Response], summary: str, pace: Pace = Pace.USUAL
) -> Route:  # fmt: skip
    return Route(
        method=method, path=path, permission=Audience.ANYONE, answer=answer, kind=Kind.PUBLIC, summary=summary,
        pace=pace,
    )  # fmt: skip


ROUTES = (
    Route(
        method="POST", path="/api/v1/hooks/{hook}", permission=Audience.ANYONE, answer=_hook, kind=Kind.PUBLIC,
        status=202, gives=TakenAnswer, summary="Take a message of CI or a registry that starts a release.",
    ),
    _public("POST", "/slack", _slack, "Take what people press and type in Slack.", Pace.URGENT),
    _public("GET", "/public/status/{file:path}", _status, "Show the public status page."),
    _public("GET", "/public/forms/{rest:path}", _intake, "Show a form for users."),
    _public("POST", "/public/forms/{rest:path}", _intake, "Take a form of a user, or a signed report."),
)  # fmt: skip
