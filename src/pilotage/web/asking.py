"""Carries out one request: who asks, may they, is it well formed; then the route's function, then its answer."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import cast
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pilotage.app import auditing
from pilotage.app.permissions import Thing
from pilotage.app.roles import admits
from pilotage.engine.records.version import Version
from pilotage.model.access import Identity
from pilotage.model.errors import Forbidden, Invalid, PilotageError, Unavailable
from pilotage.web import forgery
from pilotage.web.at_hand import UnderWay, at_hand, same_as
from pilotage.web.client import client_of
from pilotage.web.credentials import NotSignedIn, by_cookie, cookie_name, identity_of
from pilotage.web.finishing import finished
from pilotage.web.hosts import refuse_strange_host
from pilotage.web.in_turn import in_turn
from pilotage.web.once import applies, carry_out_once
from pilotage.web.pages.error import error_page
from pilotage.web.place import place_of
from pilotage.web.preconditions import with_etag
from pilotage.web.problem import Problem, Refused, problem_answer, problem_of, problem_of_any
from pilotage.web.reading import body_of, form_of, json_body, query_of, refuse_odd_address
from pilotage.web.route import NOTHING, Asked, Audience, Kind, Pace, Route, Sharing
from pilotage.web.shared import shared_answer
from pilotage.web.site import Site

_log = logging.getLogger(__name__)


def endpoint(site: Site, route: Route) -> Callable[[Request], Awaitable[Response]]:
    """What Starlette calls for the route."""

    waits, under_way = inspect.iscoroutinefunction(route.answer), UnderWay()

    async def answer(request: Request) -> Response:
        if route.shared is Sharing.NOBODY:
            return await usual(request)
        try:
            same = same_as(site, request)
            if (known := await at_hand(site, route, request, under_way, same)) is not None:
                return known
        except PilotageError as error:
            return await run_in_threadpool(_refusal, site, route, request, error)
        with under_way.leading(same):
            return await usual(request)

    async def usual(request: Request) -> Response:
        try:
            if route.alone:
                return _whole(site, route, request, b"")  # also while every thread waits for the store
            body = await body_of(request) if route.changes else b""
            if not waits and route.pace in (Pace.URGENT, Pace.BACK):
                asked = await site.threads.run(route, request, partial(_check, site, route, request, body))
                return await site.threads.run_for(route, asked.identity, request, partial(_done, asked))
            if not waits:
                return await site.threads.run(route, request, partial(_whole, site, route, request, body))
            asked = await site.threads.run(route, request, partial(_check, site, route, request, body))
            auditing.in_request(asked.identity, route.name if route.changes else "")
            answer = cast("Callable[[Asked], Awaitable[Response]]", route.answer)
            return finished(asked, await answer(asked))
        except PilotageError as error:
            return await run_in_threadpool(_refusal, site, route, request, error)
        except Exception as error:
            _log.exception("%s failed", route.name)
            return _shown(site, route, request, problem_of_any(error))

    return answer


def _whole(site: Site, route: Route, request: Request, body: bytes) -> Response:
    """All that needs no waiting, in one thread."""
    return _done(_check(site, route, request, body))


def _done(asked: Asked) -> Response:
    auditing.in_request(asked.identity, asked.route.name if asked.route.changes else "")
    return finished(asked, _in_thread(asked))


def _in_thread(asked: Asked) -> Response:
    if applies(asked):
        return carry_out_once(asked)
    with in_turn(asked):
        return with_etag(asked, shared_answer(asked))


def _check(site: Site, route: Route, request: Request, body: bytes) -> Asked:
    """Raises NotSignedIn, Forbidden, NotFound, Invalid."""
    refuse_odd_address(request)
    if route.alone:
        return Asked(site=site, request=request, route=route, project=site.project, identity=None, params={})
    if route.kind in (Kind.PAGE, Kind.FORM):
        refuse_strange_host(site, request)
    version = site.versions.now() if _has_credentials(site, request) else (0, 0)
    if route.kind is Kind.PUBLIC:
        request.state.limits = site.limits.take_public(client_of(request))
    identity = None if route.kind is Kind.PUBLIC else _identified(site, request, version)
    if identity is None and route.permission is not Audience.ANYONE:
        raise NotSignedIn("sign in first")
    if route.changes and by_cookie(request) and not _of_a_program(route, request) and route.kind is not Kind.PUBLIC:
        forgery.require_same_origin(site, request)
    params = {name: str(value) for name, value in request.path_params.items()}
    project = site.for_(identity, params.get("service"))
    thing = NOTHING
    if identity is not None and not isinstance(route.permission, Audience):
        thing = _permit(site, route, identity, params, version)
    form = form_of(body) if route.kind is Kind.FORM else {}
    if route.kind is Kind.FORM and identity is not None and by_cookie(request):
        forgery.require_token(site, request, form)
    return Asked(
        site=site, request=request, route=route, project=project, identity=identity, params=params, form=form,
        raw=body, body=_decoded(route, request, body), query=_queried(route, request),
        csrf=forgery.token_for(site, request), version=version, thing=thing,
    )  # fmt: skip


def _has_credentials(site: Site, request: Request) -> bool:
    return "authorization" in request.headers or cookie_name(site) in request.cookies


def _identified(site: Site, request: Request, version: Version) -> Identity | None:
    """Raises NotSignedIn, TooMany."""
    address = client_of(request)
    try:
        identity = identity_of(site, request, version)
    except NotSignedIn:
        site.limits.take(address, known=False)
        raise
    who = f"{identity.kind}:{identity.name}" if identity else address
    request.state.actor = identity.name if identity else ""
    request.state.limits = site.limits.take(who, known=identity is not None)
    return identity


def _of_a_program(route: Route, request: Request) -> bool:
    """Sent with nothing that a browser adds by itself, to a route that asks nobody to sign in: such as a webhook."""
    return route.permission is Audience.ANYONE and route.kind is Kind.API and not request.cookies


def _permit(site: Site, route: Route, identity: Identity, params: Mapping[str, str], version: Version) -> Thing:
    assert not isinstance(route.permission, Audience)
    place = place_of(site.for_(identity), params)
    thing = Thing(service=place.service, environment=place.environment)
    if refusal := admits(identity, route.permission, thing, site.custom_roles(version)):
        auditing.refuse(site.for_(identity), identity.name, route.permission, thing, refusal.sentence)
        raise Forbidden(refusal.sentence)
    return thing


def _decoded(route: Route, request: Request, body: bytes) -> object:
    if route.takes is None or route.kind is not Kind.API:
        return None
    return json_body(request.headers.get("content-type", ""), body, route.takes, route.takes.as_they_come)


def _queried(route: Route, request: Request) -> object:
    return None if route.query is None else query_of(request.query_params.multi_items(), route.query)


def _refusal(site: Site, route: Route, request: Request, error: PilotageError) -> Response:
    if isinstance(error, NotSignedIn) and route.kind not in (Kind.API, Kind.PUBLIC):
        back = quote(request.url.path + f"?{request.url.query}" * bool(request.url.query))
        return RedirectResponse(f"{site.root}/login?next={back}", 303)
    if route.kind is Kind.PUBLIC and site.unread and isinstance(error, Invalid):
        error = Unavailable("this is not available now")  # the file is nobody's business here
    headers = error.headers if isinstance(error, Refused) else {}
    return _shown(site, route, request, problem_of(error), headers)


def _shown(
    site: Site, route: Route, request: Request, problem: Problem, headers: Mapping[str, str] | None = None
) -> Response:  # fmt: skip
    reads = route.kind is Kind.PUBLIC and "text/html" in request.headers.get("accept", "")
    if reads or route.kind not in (Kind.API, Kind.PUBLIC):
        answer = error_page(site, request, problem)
    else:
        answer = problem_answer(problem, {"WWW-Authenticate": "Bearer"} if problem.status == 401 else None)
    answer.headers.update(headers or {})
    return answer
