"""Two services in one release on two real Envoys: both have it, or neither."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pilotage.adapters.free_port import free_port
from pilotage.demo.traffic import Traffic
from pilotage.model.record import Rollout, RolloutSummary
from pilotage.model.rollout import Status

from .conftest import THREE_WEIGHTS, Make, Shop

pytestmark = pytest.mark.real


def two_services(it: Shop, *, lockstep: bool = False) -> str:
    """The shop twice: `api`, and `web` after it or in lockstep with it; returns the address of web."""
    path = it.directory / "pilotage.yaml"
    whole = json.loads(path.read_text())
    api = whole.pop("environments")
    web = copy.deepcopy(api)
    port = free_port()
    web["production"]["router"]["listen"] = f"127.0.0.1:{port}"
    command = web["production"]["fleet"]["command"]
    command[command.index("{version}")] = "web-{version}"
    order: dict[str, object] = {} if lockstep else {"depends_on": ["api"]}
    whole["services"] = {"web": {**order, "environments": web}, "api": {"environments": api}}
    whole["lockstep"] = lockstep
    path.write_text(json.dumps(whole, indent=2))
    return f"http://127.0.0.1:{port}"


@contextmanager
def users_of(*urls: str) -> Iterator[None]:
    crowds = [Traffic(url, 40, users=100, seed=1, threads=4) for url in urls]
    for crowd in crowds:
        crowd.__enter__()
    try:
        yield
    finally:
        for crowd in crowds:
            crowd.__exit__(None, None, None)


def told(it: Shop, release: str) -> dict[str, list[RolloutSummary]]:
    store = it.store()
    found: dict[str, list[RolloutSummary]] = {"api": [], "web": []}
    for member in store.members(release):
        assert store.broken_link(member.id) is None
        found[member.service].append(member)
    store.close()
    return found


def release(it: Shop, version: str, web: str = "none") -> None:
    it.release(version)
    it.release(f"web-{version}", web)


def test_both_have_it_in_order_or_neither(shop: Make) -> None:
    it = shop()
    web = two_services(it)
    release(it, "v0")
    it.run("deploy", "v0")
    with users_of(it.url, web):
        release(it, "v1")
        lines = it.run("deploy", "v1").splitlines()
        services = [line.split()[0] for line in lines if " completed " in line]
        assert services == ["api", "web"]
        first_of_web = next(n for n, line in enumerate(lines) if line.startswith("web") and "rollout-started" in line)
        assert any(line.startswith("api") and " completed " in line for line in lines[:first_of_web])
        assert it.run("deploy", "v1") == ""

        release(it, "v2", web="errors")
        it.run("deploy", "v2", expect=4)
    store = it.store()
    assert store.serving("api", "production")[0] == "v1"
    assert store.serving("web", "production")[0] == "v1"
    last = store.latest("api", "production")
    store.close()
    assert last is not None
    assert last.group_id is not None
    members = told(it, last.group_id)
    assert [(m.version, m.status) for m in members["api"]] == [("v2", Status.COMPLETED), ("v1", Status.COMPLETED)]
    assert [(m.version, m.status) for m in members["web"]] == [("v2", Status.ROLLED_BACK)]
    assert it.run("-s", "web", "status").startswith("web in production: v1 serves")


@pytest.mark.long
def test_in_lockstep_none_is_more_than_one_weight_ahead_and_one_that_fails_takes_the_other_back(shop: Make) -> None:
    it = shop(**THREE_WEIGHTS)
    web = two_services(it, lockstep=True)
    _slow_down_web(it, "10m")  # It stays at each weight until it is promoted, and api has to wait for it.
    release(it, "v0")
    it.run("deploy", "v0")
    with users_of(it.url, web):
        release(it, "v1")
        it.run("deploy", "v1", "--detach")
        it.wait(lambda r: _watches(r, 250), service="web")
        it.wait(lambda r: "web is still at 25 %" in r.state.reason, service="api")
        it.run("-s", "web", "promote")
        it.wait(lambda r: _watches(r, 500), service="web")
        it.run("-s", "web", "promote")
        for service in ("api", "web"):
            it.wait(lambda r: r.state.status.final, service=service)
        store = it.store()
        both = {name: store.latest(name, "production") for name in ("api", "web")}
        reached = sorted(
            (event.at, name, rollout.plan.steps[index].weight)
            for name, rollout in both.items()
            if rollout
            for event in store.events(rollout.id)
            if event.type == "step-started"
            for index in [next(n for n, step in enumerate(rollout.plan.steps) if step.id == event.data["step"])]
        )
        store.close()
        _never_more_than_one_apart(reached)
        assert any("web is still at" in line for line in it.run("-s", "api", "events").splitlines())

        _slow_down_web(it, "1s")
        release(it, "v2", web="errors")
        it.run("deploy", "v2", expect=4)
    store = it.store()
    assert [store.serving(name, "production")[0] for name in ("api", "web")] == ["v1", "v1"]
    store.close()


def _slow_down_web(it: Shop, phase: str) -> None:
    path = it.directory / "pilotage.yaml"
    whole = json.loads(path.read_text())
    whole["services"]["web"]["environments"]["production"]["overrides"]["canary.phase_duration"] = phase
    path.write_text(json.dumps(whole))


def _watches(rollout: Rollout, weight: int) -> bool:
    """weight: of the new version, per mille."""
    return rollout.plan.steps[rollout.state.step].weight == weight and rollout.state.watched > 0


def _never_more_than_one_apart(reached: list[tuple[float, str, int]]) -> None:
    ladder = sorted({0, *(weight for _, _, weight in reached)})
    at = {"api": 0, "web": 0}
    for _, name, weight in reached:
        at[name] = max(at[name], ladder.index(weight))
        assert abs(at["api"] - at["web"]) <= 1, reached
    assert set(at.values()) == {len(ladder) - 1}
