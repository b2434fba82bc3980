"""The last things that an answer gets: how many requests are left, and compression where it is worth it."""

from __future__ import annotations

import gzip

from starlette.requests import Request
from starlette.responses import Response

from pilotage.web.route import Kind, Route

_SMALL = 1500
"""Bytes that a packet has anyway."""


def finished(route: Route, request: Request, answer: Response) -> Response:
    answer.headers.update(getattr(request.state, "limits", {}))
    body = getattr(answer, "body", b"")
    # Pages have the session's token for forms next to what others may have chosen: compressed, its length would tell.
    if route.kind is not Kind.API or route.secret or len(body) < _SMALL or "content-encoding" in answer.headers:
        return answer
    answer.headers.add_vary_header("Accept-Encoding")
    if "gzip" not in request.headers.get("accept-encoding", "").lower():
        return answer
    answer.body = gzip.compress(bytes(body), compresslevel=5, mtime=0)
    answer.headers["content-encoding"] = "gzip"
    answer.headers["content-length"] = str(len(answer.body))
    if "etag" in answer.headers:
        answer.headers["etag"] = answer.headers["etag"][:-1] + '-gz"'
    return answer
