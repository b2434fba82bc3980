"""What rolls out now, what waits for me, what is frozen, what failed lately."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.web.pages.page import page
from pilotage.web.route import Asked, Audience, Kind, Route


def _home(asked: Asked) -> Response:
    found = [one for one in asked.site.store.active() if asked.sees(one.service, one.environment)]
    return page(asked, "home.html.j2", rollouts=found)


ROUTES = (
    Route(
        method="GET", path="/", permission=Audience.SIGNED_IN, answer=_home, kind=Kind.PAGE,
        summary="What rolls out now, and what waits for me.",
    ),
)  # fmt: skip
