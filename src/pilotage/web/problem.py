"""Errors as answers: RFC 9457 for the API, a page for browsers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import msgspec
from starlette.responses import Response

from pilotage.app.errors import exit_status
from pilotage.model.errors import PilotageError
from pilotage.model.printed_json import encoded


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
    present: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    """With 412: what the route that shows it answers now."""


class Refused(PilotageError):
    """A request that HTTP has a status of its own for."""

    code = "wrong-request"
    exit_status, http_status = 2, 400
    closes: ClassVar[bool] = False
    """Whether the connection is of no more use."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the answer."""
        return {"Connection": "close"} if self.closes else {}


_TITLES = {
    400: "Wrong request", 401: "Not signed in", 403: "Not allowed", 404: "Not found", 405: "Method not allowed",
    408: "Too slow", 409: "Conflicts with the present state", 412: "Changed meanwhile", 413: "Too large",
    415: "Wrong media type", 421: "Strange host", 422: "Key used for another request",
    429: "Too many requests", 500: "Failed", 503: "Not available",
}  # fmt: skip

_STATUSES = {2: 400, 9: 503}
"""HTTP status of an error that is none of Pilotage's own, by exit status."""


def problem_of(error: PilotageError) -> Problem:
    present = getattr(error, "present", None)
    return Problem(
        title=_TITLES.get(error.http_status, "Failed"), status=error.http_status, detail=str(error), code=error.code,
        exit_status=error.exit_status, present=msgspec.Raw(present) if present else msgspec.UNSET,
    )  # fmt: skip


def problem_of_any(error: Exception) -> Problem:
    """Of an error that nobody foresaw. Its text may name paths and hosts, so only the log has it."""
    status = _STATUSES.get(exit_status(error)[0], 500)
    if status == 503:
        return Problem(
            title=_TITLES[503], status=503, code="unavailable", exit_status=9,
            detail="the store or a file cannot be used now; the server's log has more. On the server's machine, "
            "`pilotage abort --offline` takes users off a version without the store",
        )  # fmt: skip
    return Problem(
        title=_TITLES[500], status=500, code="internal-error", exit_status=1,
        detail="this is a fault of Pilotage; the server's log has more",
    )  # fmt: skip


def problem_answer(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encoded(problem), problem.status, headers=headers, media_type="application/problem+json")
