"""Errors as answers: RFC 9457 for the API, a page for browsers."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from pilotage.model.errors import PilotageError


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem of RFC 9457."""

    title: str
    """What kind of problem."""
    status: int
    detail: str
    """What happened, where, and what would be right."""
    code: str
    """The stable name of the error, as `pilotage docs` explains it."""
    exit_status: int
    """How the command line exits with this error."""
    type: str = "about:blank"


_TITLES = {
    400: "Wrong request", 401: "Not signed in", 403: "Not allowed", 404: "Not found", 405: "Method not allowed",
    409: "Conflicts with the present state", 412: "Changed meanwhile", 413: "Too large", 415: "Wrong media type",
    422: "Key used for another request", 428: "Precondition missing", 429: "Too many requests", 500: "Failed",
    503: "Not available",
}  # fmt: skip


def problem_of(error: PilotageError) -> Problem:
    return Problem(
        title=_TITLES.get(error.http_status, "Failed"), status=error.http_status, detail=str(error), code=error.code,
        exit_status=error.exit_status,
    )  # fmt: skip


def problem_answer(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(problem), problem.status, headers=headers, media_type="application/problem+json"
    )
