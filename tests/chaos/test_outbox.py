"""The sender, killed with SIGKILL at every failpoint: a channel has each message, and none twice where it can tell."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pilotage.engine.records import outbox
from pilotage.engine.records.store import Store
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.rollout import Decision, Event, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.rollout.machine import begin
from tests.plans import a_plan

from ..receivers import PagerDutyApi, Receiver, channels, everybody, section

pytestmark = pytest.mark.real

STORY: tuple[tuple[str, dict[str, Any]], ...] = (
    ("step-started", {"weight_percent": 5.0}),
    ("hold-started", {"cause": "inconclusive"}),
    ("hold-ended", {"cause": "inconclusive"}),
    ("step-started", {"weight_percent": 25.0}),
    ("rollback-started", {"cause": "error rate"}),
    ("traffic-restored", {}),
    ("rolled-back", {}),
)
SENDER = """
import sys, threading, time
from pathlib import Path
from pilotage.engine.placement import leases
from pilotage.engine.records import outbox
from pilotage.engine.execution.sender import Sender
from pilotage.engine.records.store import Store
store, stopping = Store(Path(sys.argv[1])), threading.Event()
Sender(store.engine, leases.holder(), stopping).start()
until = time.monotonic() + 20
while outbox.waiting(store.engine) and time.monotonic() < until:
    time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def receivers() -> Iterator[dict[str, Receiver]]:
    with everybody() as found:
        yield found


def rolled_back(place: Path, notify: list[dict[str, Any]]) -> str:
    """A release that was undone, with all it had to tell in the outbox."""
    store = Store(place)
    plan = a_plan(version="2.0")
    rollout = store.create(plan, begin(plan, "1.0", Mode.FULL), Snapshot(notify=tuple(notify)), "ada", time.time())
    for type_, data in STORY:
        final = type_ == "rolled-back"
        state = type(rollout.state)(**{
            **vars(rollout.state), "at": time.time(), "status": Status.ROLLED_BACK if final else Status.PROGRESSING,
        })  # fmt: skip
        decision = Decision(state, (), (Event(type_, f"{type_}, as told", data),))
        rollout = store.record(rollout, decision, None, NOTHING_SEEN)
    store.close()
    return rollout.id


def send_all(place: Path, secrets: dict[str, str], failpoint: str) -> int:
    """Senders one after the other, the first one told where to die, until nothing waits; how many were killed."""
    killed = 0
    for attempt in range(5):
        environment = {**os.environ, **secrets, **({"PILOTAGE_FAILPOINT": failpoint} if attempt == 0 else {})}
        done = subprocess.run([sys.executable, "-c", SENDER, str(place)], env=environment, timeout=60)
        killed += done.returncode < 0
        store = Store(place)
        left = outbox.waiting(store.engine)
        store.close()
        if not left:
            return killed
    raise AssertionError("something still waits")


@pytest.mark.parametrize(
    "count", [pytest.param(1, marks=pytest.mark.long), 9, pytest.param(23, marks=pytest.mark.long)]
)
@pytest.mark.parametrize("failpoint", ["outbox-claimed", "outbox-sent", "outbox-recorded"])
def test_every_channel_has_every_message_once_though_the_sender_is_killed(
    failpoint: str, count: int, tmp_path: Path, receivers: dict[str, Receiver]
) -> None:
    notify, secrets = channels(receivers)
    rollout = rolled_back(tmp_path, notify)
    assert send_all(tmp_path, secrets, f"{failpoint}:{count}") == 1

    wanted = [f"{rollout}/{number}" for number in range(1, len(STORY) + 2)]
    got = {name: [key for key in receiver.told() if key.startswith(rollout)] for name, receiver in receivers.items()}
    for name in ("webhook", "email", "grafana"):
        assert got[name] == wanted, name
    # CDEvents has words for the beginning of an incident, its end, and a service that was rolled back.
    assert got["cdevents"] == [f"{rollout}/6", f"{rollout}/8", f"{rollout}/8"]
    assert got["pagerduty"] == [f"{rollout}/6", f"{rollout}/8"]
    pager = receivers["pagerduty"]
    assert isinstance(pager, PagerDutyApi)
    assert pager.incidents[f"pilotage/{rollout}"] == "resolved"
    _slack_bot(receivers["bot"], rollout)
    # Neither an incoming webhook nor Teams can be asked: killed between answer and record, one message comes again.
    for name in ("hook", "teams"):
        assert sorted(set(got[name]), key=wanted.index) == wanted, name
        assert len(got[name]) - len(wanted) <= 1, name


def _slack_bot(receiver: Receiver, rollout: str) -> None:
    """One message shows the state and was edited by steps; what matters is below it, each once."""
    mine = [m for m in receiver.got if m["metadata"]["event_payload"]["key"].startswith(rollout)]
    root, *replies = mine
    assert set(root["updated"]) == {f"{rollout}/2", f"{rollout}/5"}
    assert [m["metadata"]["event_payload"]["key"] for m in replies] == [f"{rollout}/{n}" for n in (3, 4, 6, 7, 8)]
    assert {m["thread_ts"] for m in replies} == {root["ts"]}


def test_a_dead_channel_delays_nobody_and_is_counted_shown_and_sent_again(
    tmp_path: Path, receivers: dict[str, Receiver]
) -> None:
    from pilotage.adapters.free_port import free_port

    _, secrets = channels(receivers)
    dead = section("webhook", name="dead", url=f"http://127.0.0.1:{free_port()}/", secret="secret://env/S_WEBHOOK")
    alive = section("webhook", name="alive", url=f"{receivers['webhook'].url}/in", secret="secret://env/S_WEBHOOK")
    rollout = rolled_back(tmp_path, [dead, alive])
    subprocess.run(
        [sys.executable, "-c", SENDER.replace("+ 20", "+ 3"), str(tmp_path)], env={**os.environ, **secrets}, timeout=60
    )
    assert len([key for key in receivers["webhook"].told() if key.startswith(rollout)]) == len(STORY) + 1
    store = Store(tmp_path)
    health = {one.channel: one for one in outbox.health(store.engine)}
    assert (health["alive"].sent, health["alive"].waiting, health["alive"].error) == (len(STORY) + 1, 0, "")
    assert (health["dead"].sent, health["dead"].waiting) == (0, len(STORY) + 1)
    assert "does not answer" in health["dead"].error
    first = outbox.letters(store.engine, thread=rollout, limit=100)
    tried = [letter for letter in first if letter.channel == "dead" and letter.attempts]
    assert len(tried) == 1, "nothing overtakes what is tried again"
    assert outbox.retry(store.engine, "dead", time.time()) == 1
    store.close()
