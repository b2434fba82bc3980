"""R34: every page of the server, found from its table of routes: it answers, with releases in every state and with none
at all; and a browser finds nothing serious wrong with it, light and dark, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from pilotage.model.events import EVENTS
from pilotage.model.hold import HoldCause
from pilotage.model.observation import VerdictKind
from pilotage.model.status import Status
from pilotage.web.route import Audience, Kind, Route
from pilotage.web.site import Site
from tests.web import tour
from tests.web.looking import looked_at
from tests.web.site import Served, served
from tests.web.test_browser import PHONE, WIDE, browser, opened
from tests.web.words import internals_in
from tests.web.world import config

__all__ = ["browser"]

pytestmark = pytest.mark.xdist_group("tour")

TOURS = {"rich": tour.rich, "empty": tour.empty}
NO_WORDS = frozenset(
    value
    for value in (
        *(one.type for one in EVENTS),
        *(each.value for kind in (Status, HoldCause, VerdictKind) for each in kind),
    )
    if "-" in value
)
"""Types of events and values of enums that are more than a word."""
SAYS_NO = ("missing", "rollouts-rollout-", "link-", "login", "flags-service")
"""How names of visits begin to what may not be there, such as a question to a rollout that does something else."""


@pytest.fixture(params=TOURS)
def guided(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Served, Sequence[tour.Visit]]]:
    """A server, and all visits to it."""
    visits: Callable[[Site], Sequence[tour.Visit]] = TOURS[request.param]
    with served(tmp_path, config()) as found:
        made = visits(found.site)
        if request.param == "empty":
            found.person(tour.ADMIN, "admin")
        yield found, made


def test_r34_every_page_answers_in_words_with_and_without_releases(guided: tuple[Served, Sequence[tour.Visit]]) -> None:
    server, visits = guided
    clients = {who: server.signed_in(who) if who else server.anybody() for who in {one.who for one in visits}}
    wrong: dict[str, object] = {}
    for visit in visits:
        got = clients[visit.who].get(visit.path)
        expected = (200, 303, 404, 409, 410) if visit.name.removeprefix("empty-").startswith(SAYS_NO) else (200,)
        if got.status not in expected or ("<main" not in got.text and got.status != 303):
            wrong[visit.name] = (got.status, visit.path)
        wrong |= {f"{visit.name}: {one}": visit.path for one in internals_in(got.text, NO_WORDS)}
    assert wrong == {}


def test_r34_a_new_page_is_visited_or_fails(tmp_path: Path) -> None:
    with served(tmp_path, config()) as server:
        known = server.site.routes
        answer = known[0].answer
        strange = Route(
            method="GET", path="/things/{thing}", permission=Audience.SIGNED_IN, answer=answer, kind=Kind.PAGE,
            summary="",
        )  # fmt: skip
        server.site.routes = (*known, strange)
        with pytest.raises(AssertionError, match=r"does not know what \{thing\} of /things/\{thing\} stands for"):
            tour.rich(server.site)


@pytest.mark.long
@pytest.mark.real
@pytest.mark.timeout(3600)
def test_r34_axe_finds_nothing_serious_on_any_page(
    guided: tuple[Served, Sequence[tour.Visit]], browser: Browser
) -> None:
    server, visits = guided
    wrong = {}
    for scheme in ("light", "dark"):
        for size in (WIDE, PHONE):
            people = {
                who: opened(browser, server.signed_in(who) if who else None, viewport=size, color_scheme=scheme)
                for who in {one.who for one in visits}
            }
            for visit in visits:
                if found := looked_at(people[visit.who], server.url + visit.path, visit.press):
                    wrong[f"{visit.name}, {scheme}, {size['width']}"] = found
            for one in people.values():
                one.close()
    assert wrong == {}
