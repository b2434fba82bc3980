"""The page of an error."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from pilotage.web.pages.page import environment
from pilotage.web.problem import Problem
from pilotage.web.site import Site


def error_page(site: Site, request: Request, problem: Problem) -> Response:
    text = (
        environment()
        .get_template("error.html.j2")
        .render(root=site.root, me="", my_role="", csrf="", here=request.url.path, problem=problem)
    )
    return HTMLResponse(text, problem.status)
