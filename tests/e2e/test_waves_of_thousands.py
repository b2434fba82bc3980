"""Five thousand tenants in six waves through a real Envoy (R33): before and after each wave, every single one of them
gets exactly the version of its wave."""

from __future__ import annotations

import re
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pilotage.model.record import Rollout
from pilotage.model.status import Status
from pilotage.rollout.waves import kept

from .conftest import Shop

pytestmark = pytest.mark.real
SIZES = {"one": 5, "two": 45, "three": 450, "four": 1000, "five": 1500, "rest": 2000}
TENANTS = [f"{wave}-{number:04}" for wave, size in SIZES.items() for number in range(size)]
AT_ONCE = 100


def ask(port: int, tenants: Sequence[str]) -> list[str]:
    """The version that each gets, over one connection, many requests at a time."""
    found: list[str] = []
    with closing(socket.create_connection(("127.0.0.1", port), 20)) as connection:
        for start in range(0, len(tenants), AT_ONCE):
            part = tenants[start : start + AT_ONCE]
            connection.sendall(
                "".join(f"GET / HTTP/1.1\r\nHost: a\r\nx-tenant: {one}\r\n\r\n" for one in part).encode()
            )
            heard = b""
            while len(answers := re.findall(rb"\r\n\r\n(\d\.0)", heard)) < len(part):
                chunk = connection.recv(1 << 16)
                assert chunk, heard[-200:]
                heard += chunk
            found += [answer.decode() for answer in answers]
    return found


@contextmanager
def calling(port: int) -> Iterator[None]:
    """A tenant of each wave, again and again, for the judge."""
    some, stopping = [f"{wave}-0000" for wave in SIZES], threading.Event()

    def call() -> None:
        while not stopping.wait(0.2):
            ask(port, some)

    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def waves_with(shop: Shop, version: str) -> list[str]:
    """The waves of which every tenant gets the version. A wave of which only some do is a failure."""
    answers = dict(zip(TENANTS, ask(shop.port, TENANTS), strict=True))
    of = {wave: {answers[one] for one in TENANTS if one.startswith(f"{wave}-")} for wave in SIZES}
    assert {wave: len(found) for wave, found in of.items()} == dict.fromkeys(SIZES, 1), of
    return [wave for wave, found in of.items() if found == {version}]


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path, {}, "high")
    overrides = {path: value for path, value in shop.section("overrides").items() if path != "canary.weights"}
    lines = "\n".join(f"{name},{name.split('-')[0]}" for name in TENANTS)
    (tmp_path / "tenants.csv").write_text(f"name,group\n{lines}\n")
    program = str(Path(__file__).with_name("many_tenants.py"))
    waves = [{"name": name, "where": {"group": name}, "approval": True} for name in SIZES if name != "rest"]
    shop.configure(
        fleet={**shop.section("fleet"), "command": [sys.executable, program, "{port}", "{version}"],
               "health_check_path": "/"},
        overrides={**overrides, "analysis.retry_once": False, "hold.decision_timeout": "5m",
                   "hold.timeout": "5m", "approval.timeout": "1h"},
        tenants={"file": "tenants.csv"}, waves=[*waves, {"name": "rest", "rest": True, "approval": True}],
        wave_rules={"undo": "failed"},
    )  # fmt: skip
    yield shop
    shop.run("down", "--yes")
    assert shop.processes() == []


def _until_asked(shop: Shop, wave: str) -> None:
    """Wait until it needs somebody's word on a wave."""

    def asks(rollout: Rollout) -> bool:
        assert not rollout.state.status.final, rollout.state.reason
        return rollout.plan.steps[rollout.state.step].id == f"approve-{wave}"

    shop.wait(asks, 120)


def test_r33_each_of_five_thousand_tenants_gets_the_version_of_its_wave(crowd: Shop) -> None:
    """A freeze before the fourth wave holds it although somebody has approved it."""
    shop, waves = crowd, list(SIZES)
    shop.run("deploy", "1.0")
    with calling(shop.port):
        shop.run("deploy", "2.0", "--detach")
        for number, wave in enumerate(waves):
            _until_asked(shop, wave)
            assert waves_with(shop, "2.0") == waves[:number]
            if wave == "four":
                shop.run("freeze", "launch", "--for", "1h", "-m", "a launch")
                shop.run("approve", actor="grace")
                shop.wait(lambda r: "launch" in str(r.state.hold), 60)
                assert waves_with(shop, "2.0") == waves[:number]
                shop.run("freeze", "launch", "--lift")
            else:
                shop.run("approve", actor="grace")
        done = shop.wait_end(120)
        assert done.state.status is Status.COMPLETED, done.state.reason
        assert waves_with(shop, "2.0") == waves
    shop.check_history(shop.latest())


@pytest.mark.long
def test_r33_a_bad_third_wave_goes_back_alone_and_by_the_other_policy_everyone_does(crowd: Shop) -> None:
    shop = crowd
    shop.run("deploy", "1.0")
    with calling(shop.port):
        _approve_three(shop, "3.0")
        back = shop.wait(lambda r: r.state.status.final or (kept(r.state) > 0 and r.state.returned), 120)
        assert back.state.status is Status.WITHDRAWN, back.state.reason
        assert waves_with(shop, "3.0") == ["one", "two"]
        shop.run("abort")
        assert shop.wait_end().state.status is Status.ROLLED_BACK
        assert waves_with(shop, "1.0") == list(SIZES)
        shop.configure(wave_rules={"undo": "all"})
        _approve_three(shop, "4.0")
        shop.wait(lambda r: r.state.status.final or (r.state.status is Status.WITHDRAWN and r.state.returned), 120)
        assert waves_with(shop, "1.0") == list(SIZES)


def _approve_three(shop: Shop, version: str) -> None:
    shop.run("deploy", version, "--detach")
    for wave in ("one", "two", "three"):
        _until_asked(shop, wave)
        shop.run("approve", actor="grace")
