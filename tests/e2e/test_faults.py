"""Envoy killed, canary killed, stable killed, the metrics port dead: each ends as the rules of execution say, and
`explain` gives the reason."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters.envoy_admin import ADMIN_SOCKET
from pilotage.adapters.http import connect_unix
from pilotage.demo.traffic import measure
from pilotage.model.plan import StepKind
from pilotage.model.rollout import Status

from .conftest import Make, Shop, users

pytestmark = pytest.mark.real


def watching(shop: Shop) -> None:
    """Wait until the first weight of the canary is being watched."""
    shop.wait(lambda r: r.plan.steps[r.state.step].kind is StepKind.ANALYSE and r.state.watched > 0.3)


def events(shop: Shop, kind: str) -> list[str]:
    store = shop.store()
    found = [e.sentence for e in store.events(shop.latest().id) if e.type == kind]
    store.close()
    return found


def test_a_killed_envoy_comes_back_with_the_same_split_and_the_rollout_goes_on(shop: Make) -> None:
    it = shop(canary__phase_duration="3s")
    it.run("deploy", it.release("v0"))
    with users(it) as traffic:
        it.run("deploy", it.release("v1"), "--detach")
        watching(it)
        it.envoy().kill()
        killed = time.time()
        rollout = it.wait_end()
        back = next(a.at for a in traffic.answers() if a.at > killed + 0.02 and not a.failed)
    assert rollout.state.status is Status.COMPLETED, rollout.state.reason
    assert it.split() == {"version_v1": 1000}
    assert any("router" in sentence for sentence in events(it, "hold-started"))
    assert "holding at 25%: router:" in it.run("explain")
    assert back - killed < 5, "users waited"


def test_users_of_a_canary_that_hangs_are_with_stable_before_anything_is_decided(shop: Make) -> None:
    """What hung is judged beside stable, as if the canary still had its users."""
    it = shop(canary__phase_duration="3s", canary__switch_timeout="60s")
    it.run("deploy", it.release("v0"))
    with users(it) as traffic:
        it.run("deploy", it.release("v1"), "--detach")
        watching(it)
        hanging = it.instances("v1")
        for process in hanging:
            process.suspend()
        it.wait(lambda _: bool(events(it, "traffic-diverted")))
        until = time.monotonic() + 5
        while it.split().get("version_v1") and time.monotonic() < until:
            time.sleep(0.05)
        assert it.split() == {"version_v0": 1000}
        diverted = time.time()
        # Each of these users waits for one request at a time; those under way hang for up to five seconds.
        time.sleep(6)
        served = [a for a in traffic.answers() if a.at - a.seconds > diverted]
        for process in hanging:
            process.resume()
        rollout = it.wait_end()
    assert served
    assert not any(answer.failed for answer in served), "stable serves everyone meanwhile"
    assert rollout.state.status in (Status.ROLLED_BACK, Status.COMPLETED), rollout.state.reason
    assert not any("in the past" in sentence for sentence in events(it, "hold-started"))
    it.check_history(rollout)


@pytest.mark.long
def test_a_canary_that_is_unhealthy_every_other_second_is_never_promoted(shop: Make) -> None:
    """Its holds used to end each time it was well, and each waited anew: it completed, with two events a second."""
    it = shop(canary__phase_duration="3s", canary__switch_timeout="4s")
    it.run("deploy", it.release("v0"))
    with users(it, rate=40):
        it.run("deploy", it.release("v1", "flapping"), "--detach")
        rollout = it.wait_end()
    assert rollout.state.status is Status.ROLLED_BACK
    assert "instances of v1 are healthy" in rollout.state.reason
    assert "without improvement" in rollout.state.reason
    assert len([told for told in events(it, "hold-started") if "instances of v1" in told]) == 1


def test_a_killed_canary_is_undone_and_only_its_own_users_notice(shop: Make) -> None:
    it = shop(tolerance="high", canary__phase_duration="10s")
    it.run("deploy", it.release("v0"))
    with users(it) as traffic:
        since = time.time()
        it.run("deploy", it.release("v1"), "--detach")
        watching(it)
        it.instances("v1")[0].kill()
        rollout = it.wait_end()
        time.sleep(0.5)
        measured = measure(traffic.answers(), "v1", since)
    assert rollout.state.status is Status.ROLLED_BACK
    assert it.split() == {"version_v0": 1000}
    assert measured.lost == 0
    assert "v1 was rolled back: instance v1-" in it.run("explain")
    it.check_history(rollout)


@pytest.mark.long
def test_a_killed_stable_instance_is_replaced_while_the_rollout_holds(shop: Make) -> None:
    it = shop(canary__phase_duration="3s")
    it.run("deploy", it.release("v0"))
    with users(it):
        it.run("deploy", it.release("v1"), "--detach")
        watching(it)
        it.instances("v0")[0].kill()
        it.wait(lambda r: r.state.status is Status.HOLDING)
        rollout = it.wait_end()
    assert rollout.state.status is Status.COMPLETED, rollout.state.reason
    assert "1 of 2 instances of v0 are healthy" in it.run("explain")


class _Proxy(socketserver.ThreadingTCPServer):
    """Forwards to the admin port of a shop's Envoy, wherever that is, until it is told to die."""

    allow_reuse_address = True
    daemon_threads = True
    router: Path

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.open: list[socket.socket] = []

    def cut(self) -> None:
        """End the connections that were kept open, as a dying machine would."""
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Pipe(socketserver.BaseRequestHandler):
    server: _Proxy

    def handle(self) -> None:
        self.server.open.append(self.request)
        there = self.server.router / ADMIN_SOCKET
        with contextlib.suppress(OSError), connect_unix(there, time.monotonic() + 5) as upstream:
            upstream.settimeout(None)
            threading.Thread(target=_copy, args=(upstream, self.request), daemon=True).start()
            _copy(self.request, upstream)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)


@contextlib.contextmanager
def metrics_port(directory: Path) -> Iterator[_Proxy]:
    with _Proxy(("127.0.0.1", 0), _Pipe) as proxy:
        proxy.router = directory / ".pilotage" / "run" / "shop-production" / "router"
        threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True).start()
        yield proxy


@pytest.mark.parametrize(
    ("tolerance", "status"),
    [("low", Status.ROLLED_BACK), pytest.param("high", Status.PAUSED, marks=pytest.mark.long)],
)
def test_a_dead_metrics_port_holds_and_then_does_what_the_tolerance_says(
    shop: Make, tmp_path: Path, tolerance: str, status: Status
) -> None:
    with metrics_port(tmp_path) as proxy:
        port = int(proxy.server_address[1])
        it = shop(
            tolerance=tolerance, metrics_admin=f"127.0.0.1:{port}", canary__phase_duration="20s", hold__timeout="3s"
        )
        it.run("deploy", it.release("v0"))
        with users(it):
            it.run("deploy", it.release("v1"), "--detach")
            watching(it)
            proxy.shutdown()
            proxy.server_close()
            proxy.cut()
            held = it.wait(lambda r: r.state.status is Status.HOLDING)
            assert it.split() == {"version_v1": 250, "version_v0": 750}
            assert "metrics source failed" in held.state.reason
            ended = it.wait(lambda r: r.state.status is status, deadline=30)
        assert "metrics source failed" in it.run("explain")
        assert not any("completed" in e for e in events(it, "completed"))
        if not ended.state.status.final:
            it.run("abort")
            assert it.wait_end().state.status is Status.ROLLED_BACK
