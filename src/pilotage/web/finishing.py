"""The last things that an answer gets: how many requests are left, and compression where it is worth it."""

from __future__ import annotations

import gzip

from starlette.responses import Response

from pilotage.web.answers import Prepared
from pilotage.web.packing import packed
from pilotage.web.route import Asked, Kind

_SMALL = 1500
"""Bytes that a packet has anyway."""
_LEVEL = 4
"""Twice as fast as 6 for a few percent more bytes."""


def finished(asked: Asked, answer: Response) -> Response:
    answer.headers.update(getattr(asked.request.state, "limits", {}))
    body = getattr(answer, "body", b"")
    if not _may_be_packed(asked) or len(body) < _SMALL or "content-encoding" in answer.headers:
        return answer
    answer.headers.add_vary_header("Accept-Encoding")
    if "gzip" not in asked.request.headers.get("accept-encoding", "").lower():
        return answer
    answer.body = _packed(asked, answer, bytes(body))
    answer.headers["content-encoding"] = "gzip"
    answer.headers["content-length"] = str(len(answer.body))
    if "etag" in answer.headers:
        answer.headers["etag"] = answer.headers["etag"][:-1] + '-gz"'
    return answer


def _packed(asked: Asked, answer: Response, body: bytes) -> bytes:
    if isinstance(answer, Prepared):
        return answer.packed()
    if asked.route.kind is Kind.PAGE:
        return packed(body, asked.csrf)
    return gzip.compress(body, compresslevel=_LEVEL, mtime=0)


def _may_be_packed(asked: Asked) -> bool:
    """What answers a form may show a secret once."""
    return not asked.route.secret and asked.route.kind in (Kind.API, Kind.PAGE)
