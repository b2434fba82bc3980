"""What `pilotage status` says in its first line: what is known, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pilotage.app import doctor
from pilotage.app.status import EnvironmentStatus
from pilotage.model.record import RolloutSummary
from pilotage.model.rollout import Mode, Status
from pilotage.model.traffic import Split

ROLLOUT = RolloutSummary(
    id="r", service="shop", environment="production", sequence=2, version="2.0", old="1.0", status=Status.PROGRESSING,
    mode=Mode.FULL, actor="ada", created_at=0.0, started_at=0.0, finished_at=None, step="bake", weight=1000,
    reached=1000, reason="", dark=False, preserved=False, kind="minor", strategy="blue-green", plan_hash="",
    group_id=None, membership=None, head="", events=1, revision=1,
)  # fmt: skip
WELL = EnvironmentStatus(
    service="shop", environment="production", serving=("1.0",), newest=None, routed=None, queued=(), worker=7,
    home=None, router_up=True, split=None, troubles=(),
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
            replace(WELL, router_up=False, worker=None),
            "down; the last version was 1.0. Start it again with `pilotage deploy 1.0`",
        ),
        (
            replace(UNDER_WAY, router_up=False, worker=None),
            "down, while 2.0 is progressing; start it again with `pilotage watch`",
        ),
        (replace(WELL, worker=None), "1.0 serves (no worker is running)"),
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
