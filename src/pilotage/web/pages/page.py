"""Draws pages from templates: every value is escaped, and every page has the same frame."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from pilotage.app.roles import Eyes
from pilotage.model.access import Identity
from pilotage.model.text import brief, clean
from pilotage.model.wording import called, counted
from pilotage.render.document import bars, top
from pilotage.render.html import state_cell
from pilotage.render.pills import STATUS
from pilotage.render.prose import one_way, prose
from pilotage.web.assets import digest
from pilotage.web.frame import frame_of
from pilotage.web.pages.page_clock import PageClock
from pilotage.web.pages.rollout_view import pill_of, state_word
from pilotage.web.pages.spoken import spoken
from pilotage.web.route import Asked
from pilotage.web.site import Site


@cache
def environment() -> Environment:
    made = Environment(
        loader=PackageLoader("pilotage.web", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters["duration"] = spoken
    made.filters["chart"] = lambda figure: Markup(bars(figure))
    made.filters["top"] = top
    made.filters["look"] = lambda status: STATUS[status].state
    made.filters["cap"] = lambda text: f"{text[:1].upper()}{text[1:]}"
    made.filters["state"] = state_cell
    made.filters["prose"] = prose
    made.filters["called"] = called
    made.filters["brief"] = brief
    made.globals |= {"pill_of": pill_of, "state_word": state_word, "counted": counted}
    return made


def clock_of(site: Site) -> PageClock:
    return PageClock(now=site.store.clock.now(), zone=site.zone)


def page(asked: Asked, template: str, status: int = 200, **values: object) -> Response:
    """values: for the template, besides `asked` and those of `drawn`."""
    text = drawn(
        asked.site, template, identity=asked.identity, eyes=asked.eyes, csrf=asked.csrf,
        path=asked.request.url.path, asked=asked, **values,
    )  # fmt: skip
    return HTMLResponse(text, status)


def drawn(
    site: Site, template: str, *, identity: Identity | None, eyes: Eyes, csrf: str, path: str, **values: object
) -> str:
    """The text of a page. Templates get `root`, `static`, `frame`, `me`, `my_role`, `csrf`, `here` (the path of the
    page) and `clock`; what steers a terminal or turns the reading direction is taken from the whole."""
    frame = frame_of(site, identity, eyes, path.removeprefix(site.root))
    text = environment().get_template(template).render(
        root=site.root, static=f"{site.root}/static/{digest()}", frame=frame, me=frame.me, my_role=frame.role,
        csrf=csrf, here=path, clock=clock_of(site), **values,
    )  # fmt: skip
    return one_way(clean(text))
