"""R35: whether users are served is said as far as it is known. Unknown is never healthy; each trouble has a cure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pilotage.app.outages import Facts, Presence, Spelled, outage_of
from pilotage.engine.placement.sighting import FRESH, Sighting
from pilotage.engine.records.home import Home, Place
from pilotage.model.status import Status
from tests.unit.app.test_status import AT, ROLLOUT

NOW = AT + 5
UP = Sighting(router_up=True, healthy=2, instances=2, running=2, at=AT)
DOWN = Sighting(router_up=False, healthy=0, instances=2, running=0, at=AT, down_since=AT)
ENDED = replace(ROLLOUT, status=Status.COMPLETED, version="1.0")
WELL = Facts(
    service="shop", environment="production", version="1.0", newest=ENDED, looked=None, sighting=UP, home=None,
    worker=True, setback="",
)  # fmt: skip
UNDER_WAY = replace(WELL, newest=ROLLOUT, looked=AT)
STALE = replace(UP, healthy=None, instances=None, at=AT - FRESH)
JUST = replace(ENDED, started_at=AT - 600, finished_at=AT - 1)
AWAY = Home(Place("b", "host-b in /srv"), 90.0, False)


@pytest.mark.parametrize(
    "facts",
    [
        WELL,
        UNDER_WAY,
        replace(WELL, version="", newest=None, sighting=DOWN),
        replace(WELL, sighting=None, home=replace(AWAY, heard=1.0)),
        replace(WELL, sighting=replace(STALE, at=None), newest=JUST),
        replace(WELL, sighting=replace(UP, at=AT - 900, healthy=None), newest=JUST),
        replace(UNDER_WAY, version="", newest=replace(ROLLOUT, reached=0, old=None), sighting=DOWN),
    ],
    ids=[
        "serves",
        "rolls out",
        "nothing was deployed",
        "another machine looks",
        "the first one ended just now",
        "one ended just now",
        "a first rollout starts",
    ],
)
def test_r35_where_users_are_served_nothing_leads(facts: Facts) -> None:
    assert outage_of(facts, NOW) is None


@pytest.mark.parametrize(
    ("facts", "why", "cure"),
    [
        (replace(WELL, sighting=DOWN), "its router is not running", "The worker is starting it again"),
        (replace(WELL, sighting=DOWN, worker=False), "its router is not running", "`pilotage deploy 1.0`"),
        (
            replace(WELL, sighting=DOWN, setback="older"),
            "its router is not running",
            "older than what was done there, so Pilotage leaves it alone. Look what runs, then run "
            "`pilotage store accept`",
        ),
        (replace(UNDER_WAY, sighting=DOWN, worker=False), "its router is not running", "`pilotage watch`"),
        (
            replace(WELL, sighting=replace(UP, healthy=0, running=0)),
            "no instance of 1.0 is running",
            "The worker is starting it again",
        ),
        (
            replace(WELL, sighting=replace(UP, healthy=0)),
            "none of its 2 instances of 1.0 is healthy",
            "`pilotage doctor`",
        ),
    ],
)
def test_r35_where_nothing_answers_users_that_leads_with_its_cause_and_cure(facts: Facts, why: str, cure: str) -> None:
    found = outage_of(facts, NOW)
    assert found is not None
    assert (found.presence, found.lead) == (Presence.OFFLINE, "shop in production is offline")
    assert found.why == why
    assert cure in found.cure


@pytest.mark.parametrize(
    ("facts", "since", "why", "cure"),
    [
        (replace(WELL, sighting=STALE, worker=False), AT - FRESH, "no worker is running", "pilotage-worker"),
        (replace(WELL, sighting=replace(STALE, at=None)), None, "do not answer the worker", "`pilotage doctor`"),
        (
            replace(WELL, sighting=STALE, newest=replace(ENDED, started_at=None, finished_at=AT)),
            AT - FRESH,
            "do not answer the worker",
            "`pilotage doctor`",
        ),
        (replace(WELL, sighting=STALE, setback="older"), AT - FRESH, "is unknown", "`pilotage store accept`"),
        (replace(UNDER_WAY, looked=AT - 60, worker=False), AT - 60, "no worker is running", "`pilotage watch`"),
        (
            replace(WELL, sighting=None, home=AWAY),
            NOW - 90,
            "its worker on host-b in /srv gives no sign",
            "`pilotage adopt production`",
        ),
    ],
)
def test_r35_where_nobody_looked_lately_that_leads(facts: Facts, since: float | None, why: str, cure: str) -> None:
    found = outage_of(facts, NOW)
    assert found is not None
    assert (found.presence, found.since) == (Presence.UNKNOWN, since)
    assert found.lead == "Nobody has looked at shop in production"
    assert why in found.why
    assert cure in found.cure


def test_a_command_names_its_place_only_where_there_are_several() -> None:
    facts = replace(WELL, sighting=DOWN, worker=False, spelled=Spelled(service="shop", environment="production"))
    found = outage_of(facts, NOW)
    assert found is not None
    assert "`pilotage -s shop deploy 1.0 -e production`" in found.cure


def test_the_environment_to_move_is_named_without_an_option() -> None:
    facts = replace(WELL, sighting=None, home=AWAY, spelled=Spelled(service="shop", environment="production"))
    found = outage_of(facts, NOW)
    assert found is not None
    assert "`pilotage -s shop adopt production`" in found.cure
