"""A visit to each page of the server, made from its table of routes: for pictures of all pages, and for tests that look
at all of them. A new page is visited by itself; a parameter that is not known here fails."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from playwright.sync_api import Page
from starlette.routing import compile_path

from pilotage.app.identity import links
from pilotage.app.roles import BUILT_IN
from pilotage.model.access import AccessRole
from pilotage.web.route import Audience, Kind, Route
from pilotage.web.site import Site
from tests.web.filling import FREE
from tests.web.world import SERVICES, World, addresses, fill

DATA = (".json", ".jsonl", ".csv", ".ics")
AWAY = (
    "/login/with/{provider}", "/login/with/{provider}/callback", "/settings/account/connect/{provider}", "/login/code",
)  # fmt: skip
"""They lead elsewhere: to a provider, or to the login of who has not begun one."""
READER, ADMIN, NOBODY = "bob", "root", ""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """who: signed in; empty for nobody · press: name of a button whose answer is looked at."""

    name: str
    path: str
    who: str = READER
    press: str = ""


PRESSED = (
    Visit(name="calendar-feed", path="/calendar", press="Make an address"),
    Visit(name="report-of-a-user", path="/incidents", press="Confirm, and roll back"),
)
"""Pages that only answer a form."""


def rich(site: Site) -> tuple[Visit, ...]:
    """Through an invented world with releases in every state."""
    world = fill(site.project)
    named = addresses(site, world)
    visits = [Visit(name=name, path=path, who=_who(site, path)) for name, path in named.items()]
    seen = {_route_of(site, one.path) for one in visits}
    for route in pages(site.routes):
        if route.path not in seen:
            path = _filled(route, _values(world))
            visits.append(Visit(name=_name(route), path=path, who=_who(site, path)))
    return tuple(visits)


def empty(site: Site) -> tuple[Visit, ...]:
    """Through a server that has a configuration, its owner's account, and nothing else."""
    secret = links.first_link(site.store)
    assert secret is not None
    first = Visit(name="first-start", path=f"/link/{secret}", who=NOBODY)
    values = {"service": next(iter(SERVICES)), "environment": "production"}
    there = [one for one in pages(site.routes) if set(_parameters(one)) <= set(values)]
    return (
        first,
        *(
            Visit(
                name=f"empty-{_name(one)}", path=_filled(one, values),
                who=NOBODY if one.permission is Audience.ANYONE else ADMIN,
            )
            for one in there
        ),
    )  # fmt: skip


def pages(routes: Sequence[Route]) -> Iterator[Route]:
    """Those that a browser shows."""
    for route in routes:
        shown = route.kind is Kind.PAGE and route.method == "GET" and route.path not in AWAY
        if shown and not route.path.endswith(DATA):
            yield route


def _values(world: World) -> Mapping[str, str]:
    return {
        **FREE, "service": "payments", "environment": "production", "rollout": world.watching.id, "version": "5.2.2",
        "plan": world.watching.plan_hash, "other": world.paused.plan_hash, "way": world.way,
        "secret": world.invitation, "person": "ada",
    }  # fmt: skip


def _filled(route: Route, values: Mapping[str, str]) -> str:
    for name in _parameters(route):
        assert name in values, f"tests/web/tour.py does not know what {{{name}}} of {route.path} stands for"
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: values[found[1]], route.path)


def _parameters(route: Route) -> list[str]:
    return re.findall(r"\{(\w+)", route.path)


def _name(route: Route) -> str:
    return re.sub(r"[^\w]+", "-", route.path).strip("-") or "now"


def _route_of(site: Site, path: str) -> str:
    """Path of the route that answers."""
    return _answering(site, path).path


def _answering(site: Site, path: str) -> Route:
    bare = path.partition("?")[0]
    return next(one for one in site.routes if one.method == "GET" and compile_path(one.path)[0].match(bare))


def _who(site: Site, path: str) -> str:
    """Somebody who may open it, with as few rights as that takes."""
    permission = _answering(site, path).permission
    if isinstance(permission, Audience):
        return NOBODY if permission is Audience.ANYONE else READER
    return READER if permission in BUILT_IN[AccessRole.APPROVER] else ADMIN


def press(page: Page, button: str) -> None:
    """Open what hides the button, fill what it needs, and press it."""
    page.evaluate("for (const one of document.querySelectorAll('details.fold')) one.open = true")
    there = page.get_by_role("button", name=button).first
    form = there.locator("xpath=ancestor::form")
    for field in form.locator("input[required]").all():
        field.fill("as agreed with support")
    there.click()
