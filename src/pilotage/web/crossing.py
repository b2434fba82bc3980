"""What happens where no route's function is asked: other methods of a path, and paths that lead nowhere."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pilotage.web.asking import endpoint
from pilotage.web.pages.error import error_page
from pilotage.web.place import NotFound
from pilotage.web.problem import Problem, Refused, problem_answer, problem_of
from pilotage.web.route import Kind, Route
from pilotage.web.site import Site

_API = "/api/"


class MethodNotAllowed(Refused):
    """This path has other methods."""

    exit_status, http_status = 2, 405


class Crossing:
    """One path, as an ASGI application: each method has its route."""

    def __init__(self, site: Site, routes: Sequence[Route]) -> None:
        self._site = site
        self._endpoints = {one.method: endpoint(site, one) for one in routes}
        self._kind = routes[0].kind
        more = ["HEAD"] if "GET" in self._endpoints else []
        self._allow = ", ".join([*self._endpoints, *more, "OPTIONS"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        method = "GET" if request.method == "HEAD" else request.method
        if found := self._endpoints.get(method):
            answer = await found(request)
        elif method == "OPTIONS":
            answer = Response(status_code=204, headers={"Allow": self._allow})
        else:
            refusal = MethodNotAllowed(f"{request.method[:20]} is not possible here, but {self._allow}")
            page = self._kind is not Kind.API
            answer = await run_in_threadpool(_shown, self._site, request, problem_of(refusal), page)
            answer.headers["Allow"] = self._allow
        await answer(scope, receive, send)


class Nowhere:
    """The answer for paths that no route has."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def __call__(self, request: Request, _error: Exception) -> Response:
        problem = problem_of(NotFound("nothing is here; /api/v1/openapi.json lists what is"))
        page = not request.url.path.removeprefix(self._site.root).startswith(_API)
        return await run_in_threadpool(_shown, self._site, request, problem, page)


def _shown(site: Site, request: Request, problem: Problem, page: bool) -> Response:
    return error_page(site, request, problem) if page else problem_answer(problem)
