"""A release whose pages are gone does not complete by default, whatever its strategy (R12–R16)."""

from __future__ import annotations

import pytest

from pilotage.model.rollout import HoldCause, Status

from .conftest import Make, users
from .test_strategies import QUICK

pytestmark = pytest.mark.real


@pytest.mark.long
def test_pages_that_are_gone_hold_a_canary_that_nobody_told_about_pages(shop: Make) -> None:
    # Users stick to a version, so a few seconds decide nothing.
    made = shop("medium", **{"canary.phase_duration": "15s", "hold.timeout": "60s"})
    made.run("deploy", made.release("v0"))
    with users(made):
        made.run("deploy", "--detach", made.release("v1", "gone"))
        held = made.wait(lambda r: r.state.status in (Status.HOLDING, Status.PAUSED) or r.state.status.final)
        assert held.state.status is not Status.COMPLETED
        assert "answered with 4xx" in held.state.reason
        assert held.state.hold is not None
        assert held.state.hold.cause is HoldCause.INCONCLUSIVE
        made.run("abort")


@pytest.mark.long
def test_after_a_switch_they_are_compared_with_the_past_and_a_person_decides(shop: Make) -> None:
    made = shop("medium", strategy="blue-green", **QUICK["blue-green"])
    made.run("deploy", made.release("v0"))
    with users(made):
        made.run("deploy", "--detach", made.release("v1", "gone"))
        held = made.wait(lambda r: r.state.status is Status.PAUSED or r.state.status.final)
        assert held.state.status is Status.PAUSED, held.state.reason
        assert "answered with 4xx" in held.state.reason
        made.run("abort")


@pytest.mark.long
def test_r16_dark_code_without_its_pages_is_probed_and_redeployed_before_anybody_has_the_flag(shop: Make) -> None:
    made = shop(strategy="feature-toggle", **{**QUICK["feature-toggle"], "feature_toggle.phase_duration": "15s"})
    probe = {"http": "/", "interval": "1s", "failure_threshold": 2}
    made.configure(flag={"file": "flags.json", "key": "new-checkout"}, probes=[probe])
    made.run("deploy", made.release("v0"))
    made.flag_off()
    with users(made):
        made.run("deploy", made.release("v1", "gone"), expect=4)
    assert "probe /" in made.latest().state.reason
    assert made.instances("v1") == [], "the code that harms with its flag off does not stay"
    assert len(made.instances("v0")) == 2
    assert made.json("status")["serving"] == "v0"


def test_after_a_rollback_the_functions_of_the_old_version_are_checked(shop: Make) -> None:
    made = shop(strategy="canary")
    made.configure(checks={"check-functions": [{"http": "/healthz"}]})
    made.run("deploy", made.release("v0"))
    assert "critical functions on the canary" in made.run("plan", "v1", "--section", "steps")
    with users(made):
        made.run("deploy", made.release("v1", "errors"), expect=4)
    assert "the critical functions of v0 work" in made.run("events")
