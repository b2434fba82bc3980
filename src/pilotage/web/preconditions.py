"""ETags: what a client has seen. A read says "nothing new" (304); a change is made only of what was seen (412).

An ETag is `"VERSION.DIGEST"`, or `"DIGEST"` alone. A version counts what people see as a change, such as a rollout's
step; the digest is that of the answer, which may also tell the newest measurements. `If-Match` compares versions.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from starlette.responses import Response

from pilotage.app.permissions import Thing
from pilotage.web.answers import Prepared, digest_of
from pilotage.web.place import place_of
from pilotage.web.problem import Refused
from pilotage.web.route import Asked, Audience, Kind, Query, Route


class ChangedMeanwhile(Refused):
    """What this request would change is no longer what was seen. The answer has what it is now."""

    code = "precondition-failed"
    exit_status, http_status = 7, 412

    def __init__(self, what: str, present: bytes) -> None:
        super().__init__(what)
        self.present = present


def with_etag(asked: Asked, answer: Response) -> Response:
    """The answer of a GET of the API with its ETag, or 304 where the client has it already."""
    if asked.route.kind is not Kind.API or asked.route.changes or answer.status_code != 200:
        return answer
    if not (body := getattr(answer, "body", b"")):
        return answer
    tag = _tagged(answer, bytes(body))
    answer.headers.setdefault("cache-control", "private, no-cache")
    wanted = asked.request.headers.get("if-none-match")
    if wanted is not None and (wanted.strip() == "*" or tag in _tags(wanted)):
        return Response(None, 304, headers={"ETag": tag, "Cache-Control": answer.headers["cache-control"]})
    return answer


def _tagged(answer: Response, body: bytes) -> str:
    known = answer.digest if isinstance(answer, Prepared) else ""
    digest = known or digest_of(body)
    version = answer.headers.get("etag", "").strip('"')
    answer.headers["etag"] = tag = f'"{version}.{digest}"' if version else f'"{digest}"'
    return tag


def require_unchanged(asked: Asked) -> None:
    """Raises ChangedMeanwhile where `If-Match` names another state than the present one, NotFound where there is none
    any more."""
    wanted = asked.request.headers.get("if-match")
    if wanted is None or not asked.route.about:
        return
    present = _present(asked)
    if wanted.strip() == "*":
        return
    version = _version(present.headers["etag"])
    if version not in {_version(tag) for tag in _tags(wanted)}:
        raise _changed(asked, present)


def require_version(asked: Asked, version: str) -> None:
    """For a function that goes on to compare what it has read within its transaction. Raises ChangedMeanwhile."""
    wanted = asked.request.headers.get("if-match", "*").strip()
    if wanted != "*" and version not in {_version(tag) for tag in _tags(wanted)}:
        raise _changed(asked, _present(asked))


def _changed(asked: Asked, present: Response) -> ChangedMeanwhile:
    """Who may change a thing and not read it is not shown it either."""
    permission, place = _shows(asked).permission, place_of(asked.project, asked.params)
    thing = Thing(service=place.service, environment=place.environment)
    seen = isinstance(permission, Audience) or asked.eyes.may(permission, thing)
    return ChangedMeanwhile("this has changed since you saw it; nothing was done", bytes(present.body) if seen else b"")


def version_of(*parts: object) -> str:
    """A version of what people see as a change."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:12]


def _present(asked: Asked) -> Response:
    route = _shows(asked)
    query = _query_like(route.query, asked.body) if route.query is not None else None
    shown = replace(asked, route=route, query=query, body=None)
    answer = route.answer(shown)
    assert isinstance(answer, Response)
    _tagged(answer, bytes(answer.body))
    return answer


def _query_like(kind: type[Query], body: object) -> Query:
    """Of what the body is about: such as the same version."""
    return kind(**{name: getattr(body, name) for name in kind.__struct_fields__ if hasattr(body, name)})


def _shows(asked: Asked) -> Route:
    return next(one for one in asked.site.routes if one.method == "GET" and one.path == asked.route.about)


def _tags(header: str) -> set[str]:
    """A proxy that compresses answers makes ETags weak."""
    return {one.strip().removeprefix("W/").replace('-gz"', '"') for one in header.split(",")}


def _version(tag: str) -> str:
    return tag.strip('"').partition(".")[0]
