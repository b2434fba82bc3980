"""A release by a flag of Split (R16): dark, a segment, percentages; killed, disturbed, edited by a human, undone.

The service evaluates the flag with Split's SDK.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.demo.toggles import group_of

from ..rest_server import Answered, Asked, serving
from ..split import ADMIN, ENVIRONMENT, FLAG, READER, SDK_KEY, TOKEN, WORKSPACE, SplitServer
from .conftest import Make, Shop, users
from .test_launchdarkly import QUICK

pytestmark = pytest.mark.real
SERVICE = Path(__file__).parents[1] / "services" / "split_shop.py"


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SplitServer]:
    monkeypatch.setenv("SPLIT_TOKEN", TOKEN)
    monkeypatch.setenv("SPLIT_SDK_KEY", SDK_KEY)
    made = SplitServer(tmp_path / "flags.json")
    with serving(made):
        yield made
    made.close()


@pytest.fixture
def project(shop: Make, provider: SplitServer) -> Shop:
    it = shop(strategy="feature-toggle", **{**QUICK, "feature_toggle.bake_duration": "5m"})
    fleet = it.section("fleet")
    flag = {
        "kind": "split", "workspace": WORKSPACE, "environment": ENVIRONMENT, "key": FLAG,
        "token": "secret://env/SPLIT_TOKEN", "sdk_key": "secret://env/SPLIT_SDK_KEY",
        "url": provider.url + ADMIN, "sdk_url": provider.url + "/api",
    }  # fmt: skip
    it.configure(fleet={**fleet, "command": [sys.executable, str(SERVICE), *fleet["command"][3:]]}, flag=flag)
    return it


def changes(asked: Asked) -> bool:
    return asked.method == "PATCH"


@pytest.mark.long
def test_r16_a_flag_of_split_goes_forward_through_faults_and_a_humans_edit_and_back_off(
    project: Shop, provider: SplitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = project
    for fault in (
        Answered(status=429, headers={"X-RateLimit-Reset-Seconds-Org": "1"}), Answered(status=409),
        Answered(status=503),
    ):  # fmt: skip
        provider.fail_next(fault, fits=changes)
    with users(it):
        it.run("deploy", it.release("v1"), "--detach")
        it.wait(lambda _: bool(provider.flags[FLAG]["rules"]))
        assert provider.evaluate("user-20", {"group": group_of("user-20")}), "internal users, who are one in twenty"
        it.kill_worker()
        it.wait(lambda _: provider.flags[FLAG]["defaultRule"] == provider.share(25))
        provider.edit(killed=True)
        held = it.wait(lambda rollout: rollout.state.hold is not None and "someone else" in rollout.state.hold.sentence)
        assert held.state.hold is not None
        assert "it is off, and this rollout left it on for internal and 25 % of users" in held.state.hold.sentence
        assert provider.flags[FLAG]["killed"], "what a human turned off stays off"
        provider.edit(killed=False)
        it.wait(lambda _: provider.evaluate("anybody", {}))
        it.run("abort")
        assert it.wait_end().status == "rolled-back"
        it.check_history(it.latest())
    assert provider.flags[FLAG]["killed"]
    assert it.run("flag", "show").startswith(f"{FLAG}: 0 % of users")
    assert it.json("status")["serving"] == "v1", "the code stays, dark"
    monkeypatch.setenv("SPLIT_TOKEN", READER)
    provider.edit(killed=False, defaultRule=provider.share(100))
    it.run("flag", "kill", expect=9)
    assert not provider.flags[FLAG]["killed"]
    assert not {TOKEN, SDK_KEY} & set((it.log() + it.run("explain")).split())
