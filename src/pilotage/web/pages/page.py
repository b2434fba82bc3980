"""Draws pages from templates: every value is escaped, and every page has the same frame."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from pilotage.app.roles import highest
from pilotage.web.route import Asked


@cache
def environment() -> Environment:
    return Environment(
        loader=PackageLoader("pilotage.web", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def page(asked: Asked, template: str, status: int = 200, **values: object) -> Response:
    """values: for the template, besides `asked`, `root`, `me`, `my_role`, `csrf` and `here`, the path of this page."""
    me = asked.identity
    text = environment().get_template(template).render(
        asked=asked, root=asked.site.root, me=me.name if me else "", my_role=highest(me.grants) if me else "",
        csrf=asked.csrf, here=asked.request.url.path, **values,
    )  # fmt: skip
    return HTMLResponse(text, status)
