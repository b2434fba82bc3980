"""R21, R22, rule 12: an announcement and its event are one, whoever dies in between; nothing goes out twice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilotage.engine.records import outbox
from pilotage.engine.records.store import Store

from ..receivers import SECRET, StandardWebhook, listening, section
from ..unit.app.test_moments import World, asked

pytestmark = pytest.mark.real

WORKER = """
import sys, threading, time
from dataclasses import replace
from pathlib import Path
from pilotage.app.announcing import proceed
from pilotage.engine.execution.sender import Sender
from pilotage.engine.placement import leases
from pilotage.engine.records import outbox
from pilotage.engine.records.store import Store
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.rollout import Decision, Event, Status
place, status = Path(sys.argv[1]), Status(sys.argv[2])
store, stopping = Store(place), threading.Event()
rollout = store.latest("shop", "production")
if not rollout.state.status.final:
    state = replace(rollout.state, status=status, at=time.time(), reason="error rate 9 %")
    store.record(rollout, Decision(state, (), (Event(status.value, "it ended"),)), None, NOTHING_SEEN)
proceed(store, place)
Sender(store.engine, leases.holder(), stopping).start()
until = time.monotonic() + 20
while outbox.waiting(store.engine) and time.monotonic() < until:
    time.sleep(0.02)
"""


@pytest.fixture
def receiver() -> Iterator[StandardWebhook]:
    found = StandardWebhook()
    with listening(found):
        yield found


def works(place: Path, status: str, failpoint: str = "") -> int:
    """A worker that sees the rollout end, and sends. Returns its exit status."""
    dying = {"PILOTAGE_FAILPOINT": failpoint} if failpoint else {}
    environment = {**os.environ, "S_WEBHOOK": SECRET, **dying}
    return subprocess.run([sys.executable, "-c", WORKER, str(place), status], env=environment, timeout=60).returncode


@pytest.mark.parametrize(
    ("status", "failpoint", "wanted"),
    [
        # between the event and the row of the announcement · between that row and the outbox
        pytest.param("completed", "announcement-due", "status_page_done", marks=pytest.mark.long),
        pytest.param("completed", "announcement-settled", "status_page_done", marks=pytest.mark.long),
        ("rolled-back", "announcement-withdrawn", "rollback_notice"),
        pytest.param("rolled-back", "announcement-due", "rollback_notice", marks=pytest.mark.long),
        pytest.param("rolled-back", "announcement-settled", "rollback_notice", marks=pytest.mark.long),
    ],
)
def test_each_is_received_once_though_the_worker_is_killed(
    status: str, failpoint: str, wanted: str, tmp_path: Path, receiver: StandardWebhook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    _killed(status, failpoint, wanted, tmp_path, receiver, monkeypatch)


@pytest.mark.long
@pytest.mark.xdist_group("postgres")
@pytest.mark.usefixtures("database")
def test_the_same_on_postgresql(tmp_path: Path, receiver: StandardWebhook, monkeypatch: pytest.MonkeyPatch) -> None:
    _killed("rolled-back", "announcement-settled", "rollback_notice", tmp_path, receiver, monkeypatch)


def _killed(
    status: str, failpoint: str, wanted: str, tmp_path: Path, receiver: StandardWebhook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pilotage.engine.execution.supervisor.ensure_worker", lambda *_: None)
    customers = section("webhook", name="customers", url=f"{receiver.url}/in", secret="secret://env/S_WEBHOOK")
    customers |= {"audiences": ["customers"], "messages": ["status page"]}
    world = World(tmp_path, [customers], time.time())
    asked("status_page_start", "--on", "start")
    world.deploys("2.0.0")
    asked("status_page_done", "--on", "completed")
    world.works()
    world.sends()
    world.store.close()
    place = tmp_path / ".pilotage"
    assert works(place, status, f"{failpoint}:1") == -9
    store = Store(place)
    before_the_end = failpoint != "announcement-settled"
    assert bool(store.unfinished()) is before_the_end, "the event is undone with what follows from it"
    assert outbox.waiting(store.engine) == 0
    store.close()
    assert works(place, status) == 0
    assert works(place, status) == 0
    assert [key.rpartition("/")[2] for key in receiver.told()] == [wanted]
    assert receiver.repeated == 0


def test_a_worker_that_dies_sending_success_leaves_nothing_to_send_after_the_rollback(
    tmp_path: Path, receiver: StandardWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blue-green, undone while the old environment is kept: success had been told to one channel, and was being tried
    at another when the worker died. Both hear of the rollback, and neither hears of success any more."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pilotage.engine.execution.supervisor.ensure_worker", lambda *_: None)
    monkeypatch.setenv("S_WEBHOOK", SECRET)
    receiver.busy = 1
    shared = {"url": f"{receiver.url}/in", "secret": "secret://env/S_WEBHOOK"}
    notify = [
        {**section("webhook", name=name, **shared), "audiences": ["customers"], "messages": ["status page"]}
        for name in ("first", "second")
    ]
    world = World(tmp_path, notify, time.time())
    world.keeps(world.deploys("2.0.0", strategy="blue-green"))
    asked("status_page_done", "--on", "completed")
    world.works()
    for channel in ("first", "second"):
        assert outbox.claim(world.store.engine, channel, "a dead sender", world.clock.now())
    world.store.close()
    assert works(tmp_path / ".pilotage", "rolled-back") == 0
    assert [key.rpartition("/")[2] for key in receiver.told()] == ["rollback_notice"], "the second is dropped as known"
    assert receiver.repeated == 1
