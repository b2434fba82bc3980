"""Carries out one request: who asks, may they, is it well formed; then the route's function, then its answer."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import cast
from urllib.parse import parse_qsl, quote

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pilotage.app import auditing
from pilotage.app.permissions import Thing
from pilotage.app.roles import admits
from pilotage.model.access import Identity
from pilotage.model.errors import Forbidden, Invalid, PilotageError
from pilotage.web import forgery
from pilotage.web.credentials import NotSignedIn, by_cookie, identity_of
from pilotage.web.pages.error import error_page
from pilotage.web.place import place_of
from pilotage.web.problem import Problem, problem_answer, problem_of
from pilotage.web.route import Asked, Audience, Kind, Route
from pilotage.web.site import Site

LARGEST = 1_000_000
"""Bytes of a body."""

_log = logging.getLogger(__name__)


class TooLarge(PilotageError):
    """The body has more bytes than any request needs."""

    exit_status, http_status = 2, 413


class WrongMediaType(PilotageError):
    """The body is not of the type that this route takes."""

    exit_status, http_status = 2, 415


def endpoint(site: Site, route: Route) -> Callable[[Request], Awaitable[Response]]:
    """What Starlette calls for the route."""

    async def answer(request: Request) -> Response:
        try:
            body = await _read(request) if route.changes else b""
            asked = await run_in_threadpool(_check, site, route, request, body)
            auditing.in_request(asked.identity, route.name if route.changes else "")
            if inspect.iscoroutinefunction(route.answer):
                return await cast("Callable[[Asked], Awaitable[Response]]", route.answer)(asked)
            return await run_in_threadpool(cast("Callable[[Asked], Response]", route.answer), asked)
        except PilotageError as error:
            return await run_in_threadpool(_refusal, site, route, request, error)
        except Exception:
            _log.exception("%s failed", route.name)
            broken = Problem(
                title="Failed", status=500, detail="this is a fault of Pilotage; the server's log has more",
                code="internal-error", exit_status=1,
            )  # fmt: skip
            return _shown(site, route, request, broken)

    return answer


async def _read(request: Request) -> bytes:
    """The body, read only as far as it may be. Raises TooLarge."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > LARGEST:
            raise TooLarge(f"the body has more than {LARGEST:,} bytes")
    return bytes(found)


def _check(site: Site, route: Route, request: Request, body: bytes) -> Asked:
    """Raises NotSignedIn, Forbidden, NotFound, Invalid."""
    identity = identity_of(site, request)
    if identity is None and route.permission is not Audience.ANYONE:
        raise NotSignedIn("sign in first")
    if route.changes and by_cookie(request) and not _of_a_program(route, request):
        forgery.require_same_origin(site, request)
    params = {name: str(value) for name, value in request.path_params.items()}
    project = site.for_(identity, params.get("service"))
    if identity is not None and not isinstance(route.permission, Audience):
        _permit(site, route, identity, params)
    form = _form(body) if route.kind is Kind.FORM else {}
    if route.kind is Kind.FORM and identity is not None and by_cookie(request):
        forgery.require_token(site, request, form)
    return Asked(
        site=site, request=request, route=route, project=project, identity=identity, params=params, form=form,
        body=_decoded(route, request, body), query=_queried(route, request), csrf=forgery.token_for(site, request),
    )  # fmt: skip


def _of_a_program(route: Route, request: Request) -> bool:
    """Sent with nothing that a browser adds by itself, to a route that asks nobody to sign in: such as a webhook."""
    return route.permission is Audience.ANYONE and route.kind is Kind.API and not request.cookies


def _permit(site: Site, route: Route, identity: Identity, params: Mapping[str, str]) -> None:
    assert not isinstance(route.permission, Audience)
    place = place_of(site.for_(identity), params)
    thing = Thing(service=place.service, environment=place.environment)
    if refusal := admits(identity, route.permission, thing, site.store.persons.custom_roles()):
        auditing.refuse(site.for_(identity), identity.name, route.permission, thing, refusal.sentence)
        raise Forbidden(refusal.sentence)


def _decoded(route: Route, request: Request, body: bytes) -> object:
    if route.takes is None or route.kind is not Kind.API:
        return None
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise WrongMediaType(f"this route takes application/json, not {media or 'a body without a type'}")
    try:
        return msgspec.json.decode(body, type=route.takes)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(str(error)) from None


def _queried(route: Route, request: Request) -> object:
    if route.query is None:
        return None
    try:
        return msgspec.convert(dict(request.query_params), type=route.query, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from None


def _form(body: bytes) -> Mapping[str, str]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000))
    except (UnicodeDecodeError, ValueError) as error:
        raise Invalid(f"this is no form: {error}") from None


def _refusal(site: Site, route: Route, request: Request, error: PilotageError) -> Response:
    if isinstance(error, NotSignedIn) and route.kind is not Kind.API:
        back = quote(request.url.path + f"?{request.url.query}" * bool(request.url.query))
        return RedirectResponse(f"{site.root}/login?next={back}", 303)
    return _shown(site, route, request, problem_of(error))


def _shown(site: Site, route: Route, request: Request, problem: Problem) -> Response:
    if route.kind is not Kind.API:
        return error_page(site, request, problem)
    return problem_answer(problem, {"WWW-Authenticate": "Bearer"} if problem.status == 401 else None)
