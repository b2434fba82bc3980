"""An abort waits for nothing (rule 7): with everything outside silent, the users are back while it still is.

Sockets, processes and the Envoy are real. Deadlines are generous; what is proven is the order: the way back was said
while what hangs still hung.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pilotage import Plan
from pilotage.adapters import process_records, processes
from pilotage.adapters.checks import StepChecks
from pilotage.adapters.envoy_admin import ADMIN_SOCKET
from pilotage.adapters.fence import Fence
from pilotage.adapters.fleets.process import ProcessFleet
from pilotage.adapters.metrics.prometheus import PrometheusQueries
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.envoy import EnvoyRouter
from pilotage.adapters.routers.envoy_resources import Settings
from pilotage.config.analysis import AnalysisSection
from pilotage.engine.execution import driver as module
from pilotage.engine.execution.targets import Target
from pilotage.engine.execution.worker import Worker
from pilotage.engine.records.store import Store
from pilotage.model.json import JsonObject
from pilotage.model.rollout import CommandKind, Mode, Status
from pilotage.model.snapshot import Snapshot
from pilotage.model.traffic import Split
from pilotage.rollout.machine import begin
from tests import plans
from tests.unit.engine.world import World

BACK = Split((("old", 1000),))
WITHIN = 8.0


@contextmanager
def silent(count: int = 1, drip: bool = False) -> Iterator[list[int]]:
    """Ports that accept and never answer, or send a byte now and then."""
    stopping = threading.Event()
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64)) for _ in range(count)]

        def trickle(listener: socket.socket) -> None:
            while not stopping.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=_drip, args=(connection, stopping), daemon=True).start()

        for listener in listeners if drip else ():
            threading.Thread(target=trickle, args=(listener,), daemon=True).start()
        yield [listener.getsockname()[1] for listener in listeners]
        stopping.set()


def _drip(connection: socket.socket, stopping: threading.Event) -> None:
    with connection:
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not stopping.wait(0.2):
                connection.sendall(b"x")
        except OSError:
            return


a_plan = partial(
    plans.a_plan,
    {"canary.drain_duration": "0s", "rollout.interval": "100ms", "hold.timeout": "60s", "analysis.min_requests": 1},
)


def begun(store: Store, strategy: str = "canary", old: str | None = "old") -> str:
    """A rollout that nobody has looked at yet; its id."""
    plan = a_plan(strategy=strategy)
    mode = Mode.FULL if old else Mode.INITIAL
    return store.create(plan, begin(plan, old, mode), Snapshot(), "ada", time.time()).id


@contextmanager
def at_work(place: Path, plan: Plan, environment: dict[str, Any] | None = None) -> Iterator[Callable[[], str]]:
    """A worker and a rollout; gives what tells its status."""
    store = Store(place)
    snapshot = Snapshot(environment=environment or {})
    rollout = store.create(plan, begin(plan, "old", Mode.FULL), snapshot, "ada", time.time()).id
    worker = Worker(place)
    thread = threading.Thread(target=worker.serve, daemon=True)
    thread.start()
    try:
        yield lambda: str(store.get(rollout).state.status)
    finally:
        worker.stopping.set()
        thread.join(10)
        store.close()


def abort(place: Path) -> None:
    store = Store(place)
    store.command(store.unfinished()[0], CommandKind.ABORT, "ada", "enough")
    store.close()


def test_while_prometheus_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    with silent() as (port,):
        url = f"http://127.0.0.1:{port}"
        asked = PrometheusQueries(url)
        under_way: list[float] = []
        inner = asked.query

        def query(text: str) -> tuple[float, ...]:
            under_way.append(time.monotonic())
            return inner(text)

        monkeypatch.setattr(asked, "query", query)
        monkeypatch.setattr(module, "open_target", lambda *_: world.target(asked))
        good = {"interval": "1s", "success_condition": "result[0] > 0"}
        rules = [{"name": f"r{n}", "query": f"up{n}", **good} for n in range(6)]
        signals = {"database_connection_pool": "pool{version}", "user_session_health": "s{version}"}
        analysis = {"prometheus": url, "rules": rules, "signals": signals, "interval": "1s"}
        section = {"analysis": AnalysisSection.model_validate(analysis).model_dump(mode="json")}
        with at_work(tmp_path, a_plan(), section) as status:
            assert world.shifted.wait(WITHIN)
            until = time.monotonic() + WITHIN
            while len(under_way) < 6:
                assert time.monotonic() < until
                time.sleep(0.02)
            abort(tmp_path)
            assert world.back.wait(1.0 + 3.0)
            assert max(time.monotonic() - began for began in under_way) < 5.0, "they still hang"
            assert status() in (Status.ROLLING_BACK, Status.ROLLED_BACK)


@pytest.mark.real
@pytest.mark.parametrize("drip", [False, True], ids=["silent", "dripping"])
def test_while_64_instances_do_not_say_how_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drip: bool
) -> None:
    world = World()
    fleet = tmp_path / "fleet"
    pretended = world.fleet()
    monkeypatch.setattr(module, "open_target", lambda *_: Target(world.router(), pretended, world))
    with silent(64, drip) as ports, at_work(tmp_path, a_plan(instances=64)):
        for number, port in enumerate(ports):
            facts = {"version": "old" if number < 32 else "new", "port": port, "number": number}
            processes.start(fleet / f"i{number}.json", ["sleep", "60"], facts, fleet / "logs" / "log")
        seen = ProcessFleet(fleet, Fence(fleet / "fence", 1), command=(), health="/", stop_timeout=0.1, cwd=tmp_path)
        try:
            assert world.shifted.wait(WITHIN)
            monkeypatch.setattr(pretended, "instances", seen.instances)
            time.sleep(0.3)
            abort(tmp_path)
            assert world.back.wait(1.0 + 3.0)
        finally:
            for path in fleet.glob("*.json"):
                if record := process_records.load(path):
                    processes.end_tree(record)


def test_while_a_hook_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended, and nobody waits for it."""
    world, plan = World(), a_plan(strategy="blue-green")
    place = tmp_path / "checks"
    hook: dict[str, list[JsonObject]] = {"check-smoke": [{"command": ["sleep", "60"], "timeout": 60.0}]}
    checks = StepChecks(place, Fence(tmp_path / "fence", 1), hook, tmp_path)
    monkeypatch.setattr(module, "open_target", lambda *_: world.target(checks=checks))
    with at_work(tmp_path, plan) as status:
        until = time.monotonic() + WITHIN
        while not any(place.glob("*.process.json")):
            assert time.monotonic() < until
            time.sleep(0.02)
        abort(tmp_path)
        while status() == Status.PROGRESSING:
            assert time.monotonic() < until + 4.0
            time.sleep(0.02)
        assert world.split == BACK
        while any(r and r.process() for r in map(process_records.load, place.glob("*.process.json"))):
            assert time.monotonic() < until + WITHIN
            time.sleep(0.05)


@pytest.mark.real
def test_while_envoys_admin_interface_is_silent(tmp_path: Path) -> None:
    """Envoy takes up its routes by file; that it did is read back when it answers again. Also by a worker that has
    never spoken with this Envoy."""
    with silent(2) as ports:
        backends = {"old": [("127.0.0.1", ports[0])], "new": [("127.0.0.1", ports[1])]}
        with socket.create_server(("127.0.0.1", 0)) as free:
            listen = free.getsockname()
        first = EnvoyRouter(tmp_path / "router", Fence(tmp_path / "fence", 1), Settings(listen=listen))
        half = Split((("new", 500), ("old", 500)))
        first.apply(half, backends)
        admin = tmp_path / "router" / ADMIN_SOCKET
        aside = admin.with_name("aside.sock")
        try:
            _wait_for(first, half)
            admin.rename(aside)
            with socket.socket(socket.AF_UNIX) as mute:
                mute.bind(str(admin))
                mute.listen(64)
                for router in (first, EnvoyRouter(tmp_path / "router", Fence(tmp_path / "fence", 1), Settings(listen))):
                    written = threading.Thread(target=_applied, args=(router, backends), daemon=True)
                    written.start()
                    until = time.monotonic() + 4.0
                    while b"version_new" in (tmp_path / "router/xds/rds.json").read_bytes():
                        assert time.monotonic() < until, "the file must not wait for the admin interface"
                        time.sleep(0.02)
            admin.unlink()
            aside.rename(admin)
            _wait_for(first, BACK)
        finally:
            if aside.exists():
                admin.unlink(missing_ok=True)
                aside.rename(admin)
            first.stop()


def _applied(router: EnvoyRouter, backends: dict[str, list[tuple[str, int]]]) -> None:
    try:
        router.apply(BACK, backends)
    except AdapterError:
        return


def _wait_for(router: EnvoyRouter, split: Split) -> None:
    until = time.monotonic() + WITHIN
    while router.read() != split:
        assert time.monotonic() < until
        time.sleep(0.02)
