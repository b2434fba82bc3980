"""Alerts of a real Prometheus and Alertmanager, and a rollout that minds them (R13, R20)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.adapters.free_port import free_port
from pilotage.adapters.http import get
from pilotage.model.rollout import HoldCause, Status

from ..monitors import Monitors, monitors, wait_for
from .conftest import Make, users

pytestmark = pytest.mark.real
SERVICE = {"service": "shop", "environment": "production", "severity": "critical"}
RULES = {"HighErrorRate", "PerformanceDegradation", "NoData", "CanaryHealthCheckFailed"}
"""Of a plan at low, where a success rate below 99 % is a rollback already."""


@pytest.fixture
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitors]:
    folder: Path = tmp_path_factory.mktemp("monitors")
    with monitors(folder) as found:
        yield found


def test_a_critical_alert_holds_a_silenced_one_does_not_and_one_about_the_version_rolls_back(
    shop: Make, watched: Monitors
) -> None:
    """R13's "no critical alert"; and R20's rules in Prometheus from the start of a rollout to its end, through the
    death of the worker."""
    made, page = shop(hold__timeout="60s", canary__phase_duration="4s"), f"127.0.0.1:{free_port()}"
    made.configure(
        monitoring={
            "prometheus": watched.prometheus,
            "rules_folder": str(watched.rules),
            "alertmanager": watched.alertmanager,
            "metrics": page,
        }
    )
    watched.scrape(page)
    made.run("deploy", made.release("1.0.0"))
    wait_for(lambda: watched.loaded() == set(), watched.loaded)

    watched.post({"alertname": "DiskFull", **SERVICE})
    with users(made):
        made.run("deploy", made.release("1.1.0"), "--detach")
        held = made.wait(lambda r: r.state.hold is not None and r.state.hold.cause is HoldCause.ALERT)
        assert held.state.hold is not None
        assert "DiskFull" in held.state.hold.sentence
        assert held.state.reached == 0
        wait_for(lambda: watched.loaded() == RULES, watched.loaded)
        told = get(f"http://{page}/metrics").decode()
        assert (
            'pilotage_rollout_status{service="shop",environment="production",version="1.1.0",status="holding"} 1'
            in told
        )
        made.kill_worker()
        watched.amtool("silence", "add", "alertname=DiskFull", "--comment=known", "--author=ada")
        assert made.wait_end().state.status is Status.COMPLETED
        wait_for(lambda: watched.loaded() == set(), watched.loaded)
        assert list(watched.rules.iterdir()) == []

        made.run("deploy", made.release("1.2.0"), "--detach")
        made.wait(lambda r: r.version == "1.2.0" and r.state.reached == 250)
        watched.post({"alertname": "Complaints", "version": "1.2.0", **SERVICE})
        undone = made.wait_end()
        assert undone.state.status is Status.ROLLED_BACK
        assert "Complaints" in undone.state.reason


def test_a_low_success_rate_of_both_versions_pauses_and_says_the_number(shop: Make) -> None:
    """R20's deployment_pause: 1.5 % of errors are no harm beside a stable version that has them too, and below the
    limit that rolls back at medium."""
    made = shop(
        "medium", canary__weights=["50%", "100%"], canary__phase_duration="60s", alerts__min_requests=100,
        alerts__window="30s",
    )  # fmt: skip
    made.run("deploy", made.release("v0", "flaky"))
    with users(made):
        made.run("deploy", made.release("v1", "flaky"), "--detach")
        paused = made.wait(lambda r: r.state.status is Status.PAUSED)
    assert paused.state.hold is not None
    assert paused.state.hold.cause is HoldCause.LOW_SUCCESS_RATE
    assert re.search(
        r"success_rate: 9[78]\.\d\d% of \d+ requests in 30s succeeded, the limit is 99%", paused.state.reason
    )
    assert made.split() == {"version_v0": 500, "version_v1": 500}, "nobody is taken back"


@pytest.mark.long
def test_with_one_of_four_canaries_not_ready_no_user_is_on_any_until_it_is(shop: Make) -> None:
    """R20's stop_canary_rollout."""
    made = shop("medium", count=4, canary__weights=["90%", "100%"], canary__phase_duration="4s")
    made.run("deploy", made.release("v0"))
    with users(made):
        made.run("deploy", made.release("v1"), "--detach")
        made.wait(lambda r: r.state.reached == 900 and r.state.watched > 0.3)
        hanging = made.instances("v1")[0]
        hanging.suspend()
        withdrawn = made.wait(lambda r: r.state.status is Status.WITHDRAWN)
        assert "3 of 4 canary instances are ready, below 90%" in withdrawn.state.reason
        wait_for(lambda: made.split() == {"version_v0": 1000}, made.split)
        hanging.resume()
        ended = made.wait_end()
    assert ended.state.status is Status.COMPLETED, ended.state.reason
    assert ended.state.tries == 1
