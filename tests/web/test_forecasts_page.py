"""R17, R24, R34: forecasts of risk with their outcomes as a page, as JSON and in the API."""

from __future__ import annotations

from dataclasses import replace

from pilotage import Service
from pilotage.engine.records import outcomes
from pilotage.model.answers import DeploymentStrategy
from pilotage.model.forecast import DAY, Fate, Outcome
from pilotage.model.live import LiveView
from pilotage.model.record import Rollout
from pilotage.model.risk import Assessment, RiskLevel
from pilotage.model.rollout import Decision, Event, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.plans import a_plan
from tests.web.site import Served

PLACE = "/api/v1/services/shop/environments/production"
HOSTILE = "<script>alert('x')</script>"


def released(server: Served, version: str, days_ago: float, level: RiskLevel, percent: float) -> Rollout:
    """A release with a forecast that completed."""
    risk = Assessment(
        "a..b", 3, percent, level, (), (), (), DeploymentStrategy.CANARY, (), "", "a model", horizon_days=30
    )  # fmt: skip
    plan = replace(a_plan(version=version, service=Service(name="shop")), risk=risk)
    at = server.store.clock.now() - days_ago * DAY
    made = server.store.create(plan, begin(plan, "2.3.0", Mode.FULL), Snapshot(), "dora", at)
    state = replace(made.state, status=Status.COMPLETED, at=at + 600)
    decision = Decision(state, (), (Event("completed", "done"),))
    found: Rollout = server.store.record(made, decision, None, LiveView(at=at))
    return found


def test_r24_the_page_shows_forecasts_with_their_outcomes(server: Served) -> None:
    first = released(server, "2.4.0", 60, RiskLevel.HIGH, 82.0)
    released(server, "2.5.0", 50, RiskLevel.LOW, 4.0)
    released(server, "2.6.0", 2, RiskLevel.LOW, 5.0)
    repaired = Outcome(fate=Fate.REPAIRED, why=f"1234567890 repairs it: {HOSTILE}")
    outcomes.settle(server.store.engine, first.id, repaired, server.store.clock.now())
    server.person("ada", "viewer@shop")
    ada = server.signed_in("ada")
    text = ada.get("/reports/shop/production").text
    assert "Forecasts of risk" in text
    assert f'href="/rollouts/{first.id}">2.4.0</a>' in text
    assert "needed a repair" in text
    assert "the worker has not looked at git yet" in text
    assert HOSTILE not in text
    found = ada.get("/reports/shop/production/forecasts.json").json["forecasts"]
    assert (found["releases"], found["ripe"], found["unknown"], found["open"]) == (3, 1, 1, 1)
    assert [one["outcome"] for one in found["forecasts"]] == ["repaired", "unknown", "open"]
    assert found["suffices"] is False
    assert server.with_token("ada", "viewer@shop").get(f"{PLACE}/forecasts").json["forecasts"] == found


def test_r24_forecasts_are_shown_where_the_reader_may_see(server: Served) -> None:
    released(server, "2.4.0", 60, RiskLevel.HIGH, 82.0)
    server.person("eve", "viewer@search")
    eve = server.signed_in("eve")
    assert eve.get("/reports/shop/production/forecasts.json").status == 403
    assert eve.get("/reports/shop/production").status == 403
    assert server.with_token("eve", "viewer@search").get(f"{PLACE}/forecasts").status == 403
