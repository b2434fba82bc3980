"""What `pilotage status` says in its first line: what is known, and no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pilotage.app import doctor
from pilotage.app.outages import Outage, Presence
from pilotage.app.status import EnvironmentStatus, Home
from pilotage.engine.placement.sighting import Sighting
from pilotage.model.record import RolloutSummary
from pilotage.model.rollout import Mode, Status
from pilotage.model.traffic import Split

AT = 1_795_000_000.0
CLOCK = f"{datetime.fromtimestamp(AT, UTC).astimezone():%Y-%m-%d %H:%M}"
ROLLOUT = RolloutSummary(
    id="r", service="shop", environment="production", sequence=2, version="2.0", old="1.0", status=Status.PROGRESSING,
    mode=Mode.FULL, actor="ada", created_at=0.0, started_at=0.0, finished_at=None, step="bake", weight=1000,
    reached=1000, reason="", dark=False, preserved=False, kind="minor", strategy="blue-green", plan_hash="",
    group_id=None, membership=None, head="", events=1, revision=1,
)  # fmt: skip
UP = Sighting(router_up=True, healthy=2, instances=2, at=AT)
DOWN = Sighting(router_up=False, healthy=0, instances=0, at=AT, down_since=AT)
WELL = EnvironmentStatus(
    service="shop", environment="production", serving=("1.0",), newest=None, routed=None, queued=(), worker=7,
    home=None, sighting=UP, looked=None, split=None, troubles=(),
)  # fmt: skip
HUNG = Outage(
    service="shop", environment="production", presence=Presence.UNKNOWN, since=AT, cure="Run `pilotage doctor`",
    why="its router or its instances do not answer the worker",
)  # fmt: skip
UNDER_WAY = replace(WELL, newest=ROLLOUT)


@pytest.mark.parametrize(
    ("found", "headline"),
    [
        (WELL, "1.0 serves"),
        (replace(WELL, serving=()), "its router sends traffic to nobody, but no rollout has completed"),
        (
            replace(WELL, serving=(), split=Split((("1.0", 1000),))),
            "its router sends traffic to 1.0 (100 %), but no rollout has completed",
        ),
        (
            replace(WELL, sighting=DOWN, worker=None),
            f"down since {CLOCK}; the last version was 1.0. Start it again with `pilotage deploy 1.0`",
        ),
        (
            replace(UNDER_WAY, sighting=DOWN, worker=None),
            f"down since {CLOCK}, while 2.0 is progressing; start it again with `pilotage watch`",
        ),
        (
            replace(WELL, sighting=replace(UP, healthy=0, down_since=AT)),
            f"down since {CLOCK}: no instance of 1.0 is running; the worker is starting it again",
        ),
        (replace(WELL, sighting=replace(UP, healthy=1)), "1.0 serves, 1 of 2 instances healthy"),
        (
            replace(WELL, sighting=None, home=Home(name="b", heard=90.0, heard_at=AT, words="runs on b", silent=True)),
            f"not seen since {CLOCK}; the last version was 1.0",
        ),
        (replace(WELL, worker=None), f"1.0 serves (no worker is running; last seen {CLOCK})"),
        (
            replace(WELL, outage=HUNG),
            f"1.0 served when last seen at {CLOCK}; its router or its instances do not answer the worker",
        ),
        (replace(UNDER_WAY, routed=50), "1.0 serves; 2.0 gets 5% of requests"),
        (replace(UNDER_WAY, routed=0), "1.0 serves"),
        (replace(UNDER_WAY, routed=None), "1.0 serves"),
        (
            replace(UNDER_WAY, routed=1000),
            "2.0 gets all requests, but its rollout has not completed; the earlier version is 1.0",
        ),
        (
            replace(UNDER_WAY, routed=1000, newest=replace(ROLLOUT, status=Status.ROLLED_BACK)),
            "1.0 serves",
        ),
    ],
)
def test_the_first_line_says_who_gets_the_requests(found: EnvironmentStatus, headline: str) -> None:
    assert found.headline == headline


def test_doctor_says_whom_the_router_sends_where_in_percent() -> None:
    assert doctor._sends(Split((("1.0", 950), ("2.0", 50)))).sentence == "sends 95% to 1.0, 5% to 2.0"
    assert doctor._sends(None).sentence == "sends nothing"
