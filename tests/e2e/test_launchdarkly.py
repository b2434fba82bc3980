"""A release by a LaunchDarkly flag (R16): dark, a segment, percentages; killed, disturbed, edited by a human, undone.

The service evaluates the flag with LaunchDarkly's SDK.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.demo.toggles import group_of

from ..launchdarkly import ENVIRONMENT, FLAG, PROJECT, READER, TOKEN, LaunchDarklyServer
from ..rest_server import Answered, Asked, serving
from .conftest import Make, Shop, users

pytestmark = pytest.mark.real
SERVICE = Path(__file__).parents[1] / "services" / "launchdarkly_shop.py"
QUICK = {
    "feature_toggle.drain_duration": "2s",
    "feature_toggle.segments": ["internal"],
    "feature_toggle.percentages": ["25%", "100%"],
    "feature_toggle.phase_duration": "1s",
    "feature_toggle.bake_duration": "1s",
    "hold.timeout": "60s",
}


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LaunchDarklyServer]:
    monkeypatch.setenv("LD_TOKEN", TOKEN)
    made = LaunchDarklyServer(tmp_path / "flags.json")
    made.add(FLAG)
    with serving(made):
        yield made
    made.close()


@pytest.fixture
def project(shop: Make, provider: LaunchDarklyServer) -> Shop:
    it = shop(strategy="feature-toggle", **QUICK)
    fleet = it.section("fleet")
    command = [sys.executable, str(SERVICE), *fleet["command"][3:]]
    flag = {
        "kind": "launchdarkly", "project": PROJECT, "environment": ENVIRONMENT, "key": FLAG,
        "token": "secret://env/LD_TOKEN", "url": provider.url,
    }  # fmt: skip
    it.configure(fleet={**fleet, "command": command}, flag=flag)
    return it


def writes(asked: Asked) -> bool:
    return asked.method == "PATCH" and "dryRun" not in asked.query


@pytest.mark.long
def test_r16_a_flag_of_launchdarkly_goes_forward_through_faults_and_a_humans_edit_and_back_off(
    project: Shop, provider: LaunchDarklyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = project
    for fault in (
        Answered(status=429, headers={"Retry-After": "1"}), Answered(status=409), Answered(status=503),
        Answered(status=200, delay=3.5),
    ):  # fmt: skip
        provider.fail_next(fault, fits=writes)
    with users(it):
        it.run("deploy", it.release("v1"), "--detach")
        it.wait(lambda _: provider.config()["on"])
        assert provider.evaluate("user-20", {"group": group_of("user-20")}), "internal users, who are one in twenty"
        it.kill_worker()
        it.wait(lambda _: share_at(provider) == 250)
        provider.edit({"kind": "turnFlagOff"})
        held = it.wait(lambda rollout: rollout.state.hold is not None and "someone else" in rollout.state.hold.sentence)
        assert held.state.hold is not None
        assert "it is off, and this rollout left it on for internal and 25 % of users" in held.state.hold.sentence
        assert not provider.config()["on"], "what a human turned off stays off"
        provider.edit({"kind": "turnFlagOn"})
        assert it.wait_end().status == "completed"
        assert provider.evaluate("anybody", {})
        assert provider.comments[-1].startswith("Pilotage: shop in production, rollout ")
        it.check_history(it.latest())
        provider.edit({"kind": "turnFlagOff"})
        it.run("deploy", it.release("v2", "flag"), expect=4)
    assert "error rate" in it.latest().state.reason
    assert not provider.config()["on"]
    assert it.run("flag", "show").startswith(f"{FLAG}: 0 % of users")
    assert it.json("status")["serving"] == "v2", "the code stays, dark"
    monkeypatch.setenv("LD_TOKEN", READER)
    said = it.run("doctor", expect=None)
    assert "the token secret://env/LD_TOKEN must be valid and have the actions updateOn" in said
    assert TOKEN not in it.log() + said + it.run("explain")


def share_at(provider: LaunchDarklyServer) -> int:
    """In per mille."""
    rollout = provider.config()["fallthrough"].get("rollout")
    return int(rollout["variations"][0]["weight"]) // 100 if rollout else 0
