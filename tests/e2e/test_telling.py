"""A bad release, undone, told to everyone: exactly once on each channel, while workers are killed."""

from __future__ import annotations

import json
import time

import pytest

from pilotage.engine.records import outbox
from pilotage.model.rollout import Status

from ..receivers import PagerDutyApi, channels, everybody
from .conftest import Make, Shop, users

pytestmark = pytest.mark.real


@pytest.mark.long
def test_r21_a_release_that_is_undone_is_told_once_on_every_channel(
    shop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = shop()
    with everybody() as found:
        notify, secrets = channels(found)
        for name, value in secrets.items():
            monkeypatch.setenv(name, value)
        path = it.directory / "pilotage.yaml"
        whole = json.loads(path.read_text())
        path.write_text(json.dumps({**whole, "notify": notify}))
        assert it.run("notify", "test").count("✓") == len(notify)
        it.run("deploy", it.release("v1"))
        it.release("v2", "errors")
        with users(it):
            it.run("deploy", "v2", "--detach")
            for _ in range(3):
                time.sleep(1.0)
                it.kill_worker()
            rollout = it.wait_end()
            assert rollout.state.status is Status.ROLLED_BACK
            _until_all_is_sent(it)
        store = it.store()
        events = store.events(rollout.id)
        store.close()
        wanted = [f"{rollout.id}/{event.number}" for event in events]
        for name in ("webhook", "email", "grafana"):
            assert [key for key in found[name].told() if key.startswith(rollout.id)] == wanted, name
        for name in ("hook", "teams"):
            assert set(wanted) == {key for key in found[name].told() if key.startswith(rollout.id)}, name
        pager = found["pagerduty"]
        assert isinstance(pager, PagerDutyApi)
        mine = [one for one in pager.got if one["dedup_key"] == f"pilotage/{rollout.id}"]
        assert [one["event_action"] for one in mine] == ["trigger", "resolve"]
        told = [one["context"]["type"] for one in found["cdevents"].got if one["context"]["chainId"] == rollout.id]
        assert told == [
            "dev.cdevents.incident.detected.0.3.0", "dev.cdevents.service.rolledback.0.3.0",
            "dev.cdevents.incident.resolved.0.3.0",
        ]  # fmt: skip
        until = time.monotonic() + 10
        listed = it.json("notify", "list")
        while any(one["waiting"] for one in listed["channels"]):
            assert time.monotonic() < until, listed  # what was received is marked a moment later
            time.sleep(0.1)
            listed = it.json("notify", "list")
        assert all(one["dead"] == 0 for one in listed["channels"])
        text = json.dumps(listed)
        assert not any(secret in text for secret in secrets.values())
        assert not any(secret in it.log() for secret in secrets.values())


def _until_all_is_sent(it: Shop) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        store = it.store()
        left = outbox.waiting(store.engine)
        store.close()
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError("something still waits")
