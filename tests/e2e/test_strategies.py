"""Every strategy end to end, on a real Envoy, with real processes, hooks, flags and users (R12–R16)."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pytest
import urllib3

from pilotage.demo.traffic import VERSION_HEADER, measure
from pilotage.model.record import Rollout
from pilotage.model.rollout import Status

from .conftest import Make, Shop, users

pytestmark = pytest.mark.real

QUICK: dict[str, dict[str, Any]] = {
    "blue-green": {
        "blue_green.bake_duration": "1s",
        "blue_green.keep_duration": "1s",
        "blue_green.drain_duration": "300ms",
    },
    "rolling": {
        "rolling.wait_time_between_batches": "1s",
        "rolling.drain_duration": "300ms",
        "rolling.bake_duration": "1s",
        "rolling.batch_size": "50%",
        "rolling.max_unavailable": "50%",
    },
    "big-bang": {"big_bang.drain_duration": "300ms", "big_bang.bake_duration": "1s"},
    "feature-toggle": {
        "feature_toggle.drain_duration": "300ms",
        "feature_toggle.phase_duration": "1s",
        "feature_toggle.bake_duration": "1s",
        "feature_toggle.percentages": ["50%", "100%"],
    },
}


def hook(shop: Shop, name: str, program: str) -> dict[str, Any]:
    """A check that runs a small Python program; it can say what it was given."""
    path = shop.directory / f"{name}.py"
    path.write_text(program)
    return {"command": [sys.executable, str(path), "{version}", "{instances}"]}


def ask_until(shop: Shop, version: str, headers: dict[str, str]) -> Rollout:
    """Ask with these headers until `version` answers; the rollout as it was just before."""
    until = time.monotonic() + 20
    while True:
        before = shop.latest()
        answer = urllib3.request("GET", shop.url, headers=headers, retries=False)
        if answer.headers.get(VERSION_HEADER) == version:
            return before
        assert time.monotonic() < until
        time.sleep(0.02)


def told(shop: Shop) -> list[str]:
    store = shop.store()
    found = [event.type for event in store.events(shop.latest().id)]
    store.close()
    return found


@pytest.mark.long
def test_r13_a_canary_is_compared_with_fresh_instances_of_stable(shop: Make) -> None:
    weights, long = ["25%", "100%"], "6s"  # long enough to look at the split of a phase, however slow the machine
    it = shop(**{
        "canary.baseline": True, "canary.weights": weights, "canary.cohort": "x-tenant=acme",
        "canary.phase_duration": long,
    })  # fmt: skip
    it.run("deploy", it.release("v0"))
    with users(it) as traffic:
        it.run("deploy", it.release("v1"), "--detach")
        ask_until(it, "v1", {"x-tenant": "acme"})
        it.wait(lambda r: r.live.requests.get("v0~baseline", 0) > 20)
        assert sorted(it.split().values()) == [250, 250, 500]
        end = it.wait_end()
    assert end.state.status is Status.COMPLETED
    assert not any(answer.failed for answer in traffic.answers())
    it.check_history(end)
    until = time.monotonic() + 10
    while it.instances("v0"):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert len(it.instances("v1")) == 2


def test_r13_a_service_without_users_is_judged_by_requests_of_our_own(shop: Make) -> None:
    it = shop(**{"canary.weights": ["50%", "100%"]})
    it.configure(synthetic={"path": "/product/1", "requests_per_second": 60})
    it.run("deploy", it.release("v0"))
    it.run("deploy", it.release("v1", "errors"), expect=4)
    assert "error rate" in it.latest().state.reason
    asked = it.latest().live.requests
    assert asked["v1"] >= 1
    assert asked["v0"] >= 1


def test_r12_blue_green_checks_the_preview_switches_at_once_and_keeps_the_old(shop: Make) -> None:
    it = shop(strategy="blue-green", **QUICK["blue-green"], **{"blue_green.preview_header": "x-preview"})
    it.configure(
        checks={
            "check-smoke": [hook(it, "smoke", "import sys; print('smoked', sys.argv[1], len(sys.argv[2].split(',')))")],
            "check-caches": [{"http": "/", "requests": 5}],
            "check-functions": [{"http": "/", "contains": "product"}],
        }
    )
    it.run("deploy", it.release("v0"))
    with users(it) as traffic:
        since = time.time()
        it.run("deploy", it.release("v1"), "--detach")
        previewed = ask_until(it, "v1", {"x-preview": "preview"})
        assert previewed.state.status is not Status.COMPLETED
        assert previewed.live.routed in (0, None)
        rollout = it.wait_end()
        assert rollout.state.status is Status.COMPLETED, rollout.state.reason
        seen = measure(traffic.answers(), "v1", since)
    assert (seen.failed, seen.lost) == (0, 0)
    assert it.split() == {"version_v1": 1000}
    assert it.instances("v0") == []
    details = {check.name: check.detail for check in rollout.live.checks}
    assert details["check-smoke"].startswith("smoked v1 2")
    assert "10 responses as expected" in details["check-caches"]
    it.check_history(rollout)


def test_r12_a_failed_check_keeps_users_out_and_the_failed_environment_for_study(shop: Make) -> None:
    it = shop(strategy="blue-green", **QUICK["blue-green"])
    it.configure(
        checks={"check-smoke": [hook(it, "smoke", "import sys; print('no checkout'); sys.exit(sys.argv[1] == 'v1')")]}
    )
    it.run("deploy", it.release("v0"))
    with users(it) as traffic:
        since = time.time()
        it.run("deploy", it.release("v1"), expect=4)
        assert measure(traffic.answers(), "v1", since).new_version == 0
    assert "v1: 2 of 2 healthy" in it.run("status")
    rollout = it.latest()
    assert "no checkout" in rollout.state.reason
    assert rollout.state.preserved
    assert len(it.instances("v1")) == 2
    assert it.json("status")["kept_environment"] == "v1"
    it.run("cleanup")
    until = time.monotonic() + 15
    while it.instances("v1"):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert it.split() == {"version_v0": 1000}


def test_r12_after_the_switch_errors_bring_the_old_environment_back(shop: Make) -> None:
    it = shop(strategy="blue-green", **{**QUICK["blue-green"], "blue_green.bake_duration": "30s"})
    it.run("deploy", it.release("v0"))
    with users(it) as traffic:
        time.sleep(3)
        since = time.time()
        it.run("deploy", it.release("v1", "errors"), expect=4)
        seen = measure(traffic.answers(), "v1", since)
    assert it.split() == {"version_v0": 1000}
    assert seen.lost == 0
    assert 0 < seen.failed < 300


def test_r14_rolling_replaces_in_batches_and_users_notice_nothing(shop: Make) -> None:
    it = shop(strategy="rolling", count=4, **QUICK["rolling"])
    it.run("deploy", it.release("v0"))
    with users(it) as traffic:
        since = time.time()
        it.run("deploy", it.release("v1"))
        seen = measure(traffic.answers(), "v1", since)
    assert (seen.failed, seen.lost) == (0, 0)
    assert len(it.instances("v1")) == 4
    assert it.instances("v0") == []
    assert told(it).count("batch-healthy") == 2


@pytest.mark.long
def test_r14_the_first_bad_batch_stops_and_walks_back(shop: Make) -> None:
    it = shop(strategy="rolling", count=4, **{**QUICK["rolling"], "rolling.wait_time_between_batches": "20s"})
    it.run("deploy", it.release("v0"))
    with users(it) as traffic:
        since = time.time()
        it.run("deploy", it.release("v1", "errors"), expect=4)
        assert measure(traffic.answers(), "v1", since).lost == 0
    assert len(it.instances("v0")) == 4
    assert it.instances("v1") == []
    assert told(it).count("batch-healthy") == 1
    assert it.split() == {"version_v0": 1000}


BACKUP = "import pathlib; pathlib.Path('backup').write_text('data'); print('4 bytes, restored elsewhere in 0.1 s')"
RESTORE = "import pathlib; print('restored', pathlib.Path('backup').read_text())"


def a_big_bang(shop: Make, **numbers: Any) -> Shop:
    it = shop(strategy="big-bang", **{**QUICK["big-bang"], **numbers})
    it.configure(
        checks={"check-backup": [hook(it, "backup", BACKUP)], "restore": [hook(it, "restore", RESTORE)]},
    )
    return it


def test_r15_big_bang_closes_replaces_verifies_opens(shop: Make) -> None:
    it = a_big_bang(shop)
    it.run("deploy", it.release("v0"))
    with users(it):
        it.run("deploy", it.release("v1"), "--detach")
        it.wait(lambda r: r.live.closed)
        page = urllib3.request("GET", it.url, retries=False)
        assert page.status == 503
        assert b"maintenance" in page.data
        assert page.headers["retry-after"]
        assert urllib3.request("GET", f"{it.url}/healthz", retries=False).status == 503
        asked = {"x-pilotage-health": "1"}
        assert urllib3.request("GET", f"{it.url}/healthz", headers=asked, retries=False).status == 200
        rollout = it.wait_end()
    assert rollout.state.status is Status.COMPLETED, rollout.state.reason
    assert it.split() == {"version_v1": 1000}
    assert it.instances("v0") == []
    assert "restored elsewhere" in json.dumps(rollout.live.to_dict())


def test_r15_a_bad_big_bang_is_restored_behind_the_page(shop: Make) -> None:
    it = a_big_bang(shop, **{"big_bang.bake_duration": "30s"})
    it.run("deploy", it.release("v0"))
    with users(it):
        it.run("deploy", it.release("v1", "errors"), expect=4)
    assert it.split() == {"version_v0": 1000}
    assert it.instances("v1") == []
    assert "restored data" in json.dumps(it.latest().live.to_dict())
    assert told(it).count("rollback-step-completed") == 5


@pytest.mark.long
def test_r16_the_code_goes_out_dark_and_the_flag_reaches_everyone(shop: Make) -> None:
    it = shop(strategy="feature-toggle", **QUICK["feature-toggle"])
    it.configure(flag={"file": "flags.json", "key": "new-checkout"})
    it.run("deploy", it.release("v0"))
    it.flag_off()
    with users(it) as traffic:
        since = time.time()
        it.run("deploy", it.release("v1"))
        seen = measure(traffic.answers(), "v1", since)
    assert (seen.failed, seen.lost) == (0, 0)
    assert "check-skipped" not in told(it)
    flag = json.loads((it.directory / "flags.json").read_text())["flags"]["new-checkout"]
    assert flag["targeting"]["if"][2] == "on"


def test_r16_harm_of_the_flag_turns_it_off_and_the_code_stays_dark(shop: Make) -> None:
    it = shop(strategy="feature-toggle", **{**QUICK["feature-toggle"], "feature_toggle.phase_duration": "15s"})
    it.configure(flag={"file": "flags.json", "key": "new-checkout"})
    it.run("deploy", it.release("v0"))
    it.flag_off()
    with users(it):
        it.run("deploy", it.release("v1", "flag"), expect=4)
    assert "error rate" in it.latest().state.reason
    assert it.run("flag", "show").startswith("new-checkout: 0 % of users")
    assert len(it.instances("v1")) == 2
    assert it.json("status")["serving"] == "v1"


@pytest.mark.long
def test_r16_segments_come_before_everyone_and_a_killed_controller_loses_none(shop: Make) -> None:
    """Internal users, then the free tier, then everyone, with the controller killed at a segment. The next release is
    undone at a segment, with its controller killed: its flag goes off, and its code stays."""
    stages = {"feature_toggle.stages": ["internal", {"segment": "free-tier"}, "100%"]}
    quick = {path: value for path, value in QUICK["feature-toggle"].items() if path != "feature_toggle.percentages"}
    it = shop(strategy="feature-toggle", **quick, **stages)
    rule = {"attribute": "tier", "values": ["free"]}
    it.configure(flag={"file": "flags.json", "key": "new-checkout", "segments": {"free-tier": rule}})
    it.run("deploy", it.release("v0"))
    it.flag_off()
    with users(it):
        it.run("deploy", it.release("v1"), "--detach")
        it.wait(lambda r: r.plan.steps[r.state.step].id == "flag-free-tier" or on_for(r) == ("internal", "free-tier"))
        it.kill_worker()
        done = it.wait_end()
        assert done.state.status is Status.COMPLETED
        it.check_history(done)
        assert [step for step in steps_of(it, done) if step.startswith("flag-")] == [
            "flag-internal", "flag-free-tier", "flag-100%",
        ]  # fmt: skip
        it.flag_off()
        slow = {"feature_toggle.stages": [{"segment": "free-tier"}, "100%"], "feature_toggle.phase_duration": "120s"}
        it.configure(overrides={**it.section("overrides"), **slow})
        it.run("deploy", it.release("v2"), "--detach")
        it.wait(lambda r: on_for(r) == ("free-tier",))
        assert it.run("flag", "show") == "new-checkout: 0 % of users, and the segments free-tier\n"
        it.kill_worker()
        it.run("abort", "--reason", "enough", expect=None)
        undone = it.wait_end()
    assert undone.state.status is Status.ROLLED_BACK
    it.check_history(undone)
    assert it.run("flag", "show") == "new-checkout: 0 % of users\n"
    assert len(it.instances("v2")) == 2


def on_for(rollout: Rollout) -> tuple[str, ...]:
    """The segments that the last look saw to have the flag."""
    return rollout.live.flag.groups if rollout.live.flag else ()


def steps_of(shop: Shop, rollout: Rollout) -> list[str]:
    store = shop.store()
    events = store.events(rollout.id)
    store.close()
    return [str(e.data["step"]) for e in events if e.type == "step-started"]
