"""The dashboard of a rollout (R20): the plan's figures with the plan's limits, side by side."""

from __future__ import annotations

import json

import pytest

from pilotage import Answers, Plan, Service, make_plan
from pilotage.render.dashboard import to_dashboard
from pilotage.render.rules import NoSeries


def plan(measured: str = "envoy") -> Plan:
    answers = Answers("minor", "canary", "medium", "weekly", "medium", "customer-facing")
    sources = dict.fromkeys(("application_error_rate", "response_time_p95"), measured)
    return make_plan(answers, version='2.4.0"}', service=Service("shop", measured=sources))


def test_r20_each_panel_has_queries_and_the_limits_are_the_plans() -> None:
    made = plan()
    drawn = json.loads(to_dashboard(made, page=True))
    titles = [panel["title"] for panel in drawn["panels"]]
    assert titles == [
        "Requests a second", "Error rate", "Response time, 95th percentile", "Instances", "Health of the new version",
        "Rollout",
    ]  # fmt: skip
    errors = drawn["panels"][1]["fieldConfig"]["defaults"]
    assert errors["thresholds"]["steps"][-1]["value"] == made.number("rollback_triggers.error_rate") == 0.05
    limit = drawn["panels"][2]["targets"][-1]
    assert limit["expr"].startswith("1.5 * "), "as the plan's factor says"
    assert drawn["uid"] == f"pilotage-{made.hash[:12]}", "imported again, it takes its own place"
    places = [tuple(panel["gridPos"].values()) for panel in drawn["panels"]]
    assert len(set(places)) == len(places)
    assert '2.4.0\\"}' in drawn["annotations"]["list"][0]["expr"], "a version is a string in a query"


def test_without_pilotages_page_there_are_the_routers_figures_alone() -> None:
    drawn = json.loads(to_dashboard(plan()))
    assert [panel["title"] for panel in drawn["panels"]][-1] == "Response time, 95th percentile"
    assert drawn["annotations"]["list"] == []
    with pytest.raises(NoSeries):
        to_dashboard(plan("command"))
