"""A release from the command line, as a user types it: every command, its exit status, and what it leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from pilotage.demo.traffic import Traffic
from pilotage.model.rollout import Mode, Status

from .conftest import THREE_WEIGHTS, Make, Shop, users

pytestmark = pytest.mark.real


@pytest.fixture
def shop(shop: Make) -> Make:
    """Makes a shop where the first of each command is a process, as a user types it."""

    def make(**overrides: Any) -> Shop:
        made = shop(**overrides)
        made.types_processes = True
        return made

    return make


def type_in(shop: Shop, *arguments: str) -> subprocess.Popen[str]:
    """Start a command and leave it running."""
    return subprocess.Popen(
        [sys.executable, "-m", "pilotage.cli.main", *arguments],
        cwd=shop.directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As in a terminal: a runner in the background hands down an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_a_life_of_releases(shop: Make) -> None:
    it = shop(
        canary__phase_duration="10m", **THREE_WEIGHTS
    )  # no step ends before the next command is typed, however slow the machine
    it.run("doctor")
    first = it.run("deploy", it.release("v0"))
    assert first.splitlines()[-1].endswith("v0 serves all requests")
    assert it.run("deploy", "v0") == ""
    with users(it):
        # paused, resumed, aborted: exit 4 says rolled back
        following = type_in(it, "deploy", it.release("v1"))
        it.wait(lambda r: r.version == "v1" and r.state.step >= 2)
        assert it.run("pause", "-m", "lunch").strip() == "pause v1: done"
        assert it.json("status")["rollout"]["status"] == "paused"
        assert "lunch" in it.run("explain", "--html", "why.html")
        page = (it.directory / "why.html").read_text()
        assert "lunch" in page
        assert "<svg" in page
        it.run("deploy", it.release("v9"), expect=7)
        looks = it.run("watch", "--json", "--ticks", "--timeout", "2s", expect=6).splitlines()
        assert {json.loads(line)["type"] for line in looks} >= {"tick", "paused"}
        it.run("resume")
        it.run("abort", "-m", "changed my mind")
        out, err = following.communicate(timeout=60)
        assert following.returncode == 4, err
        assert "rolled-back" in out.splitlines()[-1]
        it.run("abort")
        it.run("promote", expect=7)

        # promoted by hand, a step at a time and then in full
        it.run("deploy", "v1", "--detach")
        it.wait(lambda r: r.state.step >= 2)
        assert it.run("promote").strip() == "promote v1: done"
        assert it.run("promote", "--full").strip() == "promote v1: done"
        assert it.wait_end().state.status is Status.COMPLETED

        # the old version deployed while another rolls out is a return to it
        it.run("deploy", it.release("v2"), "--detach")
        it.wait(lambda r: r.state.step >= 2)
        it.run("deploy", "v1", expect=7)
        it.run("deploy", "v1", "--yes")

        # back to the last good version, without its analyses
        it.run("rollback")
        assert it.latest().state.mode is Mode.FAST_RETURN
        assert it.json("status")["serving"] == "v0"
        assert it.split() == {"version_v0": 1000}
        it.run("rollback", "--to", "v7", expect=7)

    told = it.json("history")["rollouts"]
    assert [(r["version"], r["status"]) for r in told] == [
        ("v0", "completed"),
        ("v2", "rolled-back"),
        ("v1", "completed"),
        ("v1", "rolled-back"),
        ("v0", "completed"),
    ]
    lines = [json.loads(line) for line in it.run("events", told[3]["id"], "--verify", "--json").splitlines()]
    assert [e["type"] for e in lines].count("paused") == 1
    assert lines[-1]["type"] == "rolled-back"
    assert "changed my mind" in lines[-1]["sentence"]


def test_ctrl_c_detaches_and_the_rollout_goes_on(shop: Make) -> None:
    it = shop(canary__phase_duration="10m")  # it does not end before it is looked at again, however slow the machine
    it.run("deploy", it.release("v0"))
    with users(it):
        following = type_in(it, "deploy", it.release("v1"))
        it.wait(lambda r: r.version == "v1" and r.state.step >= 2)
        os.kill(following.pid, signal.SIGINT)
        _, err = following.communicate(timeout=20)
        assert following.returncode == 6, err
        assert "detached; the rollout continues" in err
        it.run("watch", "--timeout", "100ms", expect=6)
        looked_at = it.latest().live.at
        it.wait(lambda r: r.live.at > looked_at)
        it.run("promote", "--full")
        it.run("watch")
    assert it.latest().state.status is Status.COMPLETED


def test_a_release_without_traffic_is_held_and_undone_not_passed(shop: Make) -> None:
    it = shop(hold__timeout="1s")
    it.run("deploy", it.release("v0"))
    it.run("deploy", it.release("v1"), expect=4)
    assert "0 of the 10 requests to the new version" in it.run("explain")


@pytest.mark.long
def test_a_release_that_does_not_start_never_gets_traffic(shop: Make) -> None:
    it = shop()
    it.run("deploy", it.release("v0"))
    it.run("deploy", "never-built", expect=4)
    said = it.run("explain")
    assert "FileNotFoundError" in said or "No such file" in said
    assert not any("weight" in e for e in it.run("events").splitlines() if "step-started" in e)


def test_a_command_that_cannot_be_started_is_said_in_words(shop: Make) -> None:
    it = shop(canary__health_check_timeout="1s", hold__timeout="1s")
    path = it.directory / "pilotage.yaml"
    path.write_text(path.read_text().replace(json.dumps(sys.executable), '"no-such-program"'))
    assert "FAIL  fleet: no-such-program is not on PATH" in it.run("doctor", expect=9)
    it.run("deploy", it.release("v0"), expect=3)
    assert it.json("history")["rollouts"] == []


@pytest.mark.long
def test_an_approval_is_waited_for_and_given(shop: Make) -> None:
    it = shop(canary__require_approval=True, canary__weights=["100%"])
    it.run("deploy", it.release("v0"))
    with users(it):
        it.run("deploy", it.release("v1"), "--detach")
        it.wait(lambda r: r.state.status is Status.HOLDING)
        assert it.split() == {"version_v0": 1000}
        assert "waiting for approval to send 100%" in it.run("explain")
        assert "another person must approve it" in it.run("approve", expect=7)
        it.run("approve", "-m", "looks fine", actor="grace")
        assert it.wait_end().state.status is Status.COMPLETED
        it.run("deploy", it.release("v2"), "--detach")
        it.wait(lambda r: r.state.status is Status.HOLDING)
        it.run("reject", "-m", "not today")
        assert it.wait_end().state.status is Status.ROLLED_BACK


def test_c17_a_release_at_low_risk_tolerance_waits_at_0_percent_for_another_person(shop: Make) -> None:
    it = shop(canary__weights=["100%"], approval__required=True, approval__remind_after="1s")
    it.run("deploy", it.release("v0"))
    with users(it):
        it.run("deploy", it.release("v1"), "--detach")
        it.wait(lambda r: r.state.status is Status.HOLDING)
        assert it.split() == {"version_v0": 1000}
        assert "waiting for approval to go to production" in it.run("status")
        it.wait(lambda r: r.state.hold is not None and r.state.hold.held > 1.5)
        assert "another person must approve it" in it.run("approve", expect=7)
        it.run("approve", "-m", "the board agreed", actor="grace")
        assert it.wait_end().state.status is Status.COMPLETED
    assert "waiting for approval to go to production for 1s" in it.run("events")
    assert "approved by grace: the board agreed (1 of 1)" in it.run("events")


def test_what_was_released_is_kept_up_afterwards(shop: Make) -> None:
    it = shop()
    it.run("deploy", it.release("v0"))
    with users(it) as traffic:
        _answers_well(traffic)
        it.envoy().kill()
        victim = it.instances("v0")[0]
        victim.kill()
        until = time.monotonic() + 20
        while len(it.instances("v0")) < 2 or victim in it.instances("v0"):
            assert time.monotonic() < until, it.log()
            time.sleep(0.1)
        _answers_well(traffic)
    assert it.split() == {"version_v0": 1000}


def _answers_well(traffic: Traffic, deadline: float = 20.0) -> None:
    """Wait until fifty requests in a row are answered."""
    seen, until = len(traffic.answers()), time.monotonic() + deadline
    while True:
        new = traffic.answers()[seen:]
        if len(new) >= 50 and not any(answer.failed for answer in new[-50:]):
            return
        assert time.monotonic() < until, new[-1:]
        time.sleep(0.1)
