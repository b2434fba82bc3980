"""Five thousand tenants in six waves (R33), whatever the router: who they are, what each gets, and who is asked."""

from __future__ import annotations

import re
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from pilotage.model.record import Rollout

from .conftest import Shop

SIZES = {"one": 5, "two": 45, "three": 450, "four": 1000, "five": 1500, "rest": 2000}
TENANTS = [f"{wave}-{number:04}" for wave, size in SIZES.items() for number in range(size)]
SAMPLE = [
    f"{wave}-{number:04}"
    for wave, size in SIZES.items()
    for number in sorted({*range(0, size, size // 60 or 1), size - 1})
]
"""The first and the last of every wave, and about sixty between them; everyone of the two small waves."""
LINES, AT_ONCE = 20, 50


def ask(port: int, tenants: Sequence[str]) -> list[str]:
    """The version that each gets, over a few connections at once, many requests at a time on each."""
    parts = [tenants[start : start + AT_ONCE] for start in range(0, len(tenants), AT_ONCE)]
    found: list[str] = []
    with ExitStack() as open_:
        lines = [open_.enter_context(closing(socket.create_connection(("127.0.0.1", port), 20))) for _ in parts[:LINES]]
        for start in range(0, len(parts), LINES):
            asked = list(zip(lines, parts[start : start + LINES], strict=False))
            for line, part in asked:
                line.sendall("".join(f"GET / HTTP/1.1\r\nHost: a\r\nx-tenant: {one}\r\n\r\n" for one in part).encode())
            for line, part in asked:
                found += _answers(line, len(part))
    return found


def _answers(line: socket.socket, count: int) -> list[str]:
    heard = b""
    while len(answers := re.findall(rb"\r\n\r\n(\d\.0)", heard)) < count:
        chunk = line.recv(1 << 16)
        assert chunk, heard[-200:]
        heard += chunk
    return [answer.decode() for answer in answers]


@contextmanager
def calling(port: int) -> Iterator[None]:
    """Five tenants of each wave, again and again, for the judge."""
    some = [f"{wave}-000{number}" for wave in SIZES for number in range(5)]
    stopping, trouble = threading.Event(), list[Exception]()

    def call() -> None:
        try:
            while not stopping.wait(0.5):
                ask(port, some)
        except Exception as error:  # a thread's failure is the test's
            trouble.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
    assert not trouble, trouble


def waves_with(port: int, version: str, tenants: Sequence[str] = TENANTS) -> list[str]:
    """The waves of which every tenant gets the version. A wave of which only some do is a failure."""
    answers = dict(zip(tenants, ask(port, tenants), strict=True))
    of = {wave: {answers[one] for one in tenants if one.startswith(f"{wave}-")} for wave in SIZES}
    assert {wave: len(found) for wave, found in of.items()} == dict.fromkeys(SIZES, 1), of
    return [wave for wave, found in of.items() if found == {version}]


def crowd_at(place: Path, **section: Any) -> Shop:
    """A shop that releases to them in waves, each after somebody's approval. section: more of the environment's."""
    shop = Shop(place, {}, "high", count=1)
    overrides = {path: value for path, value in shop.section("overrides").items() if path != "canary.weights"}
    lines = "\n".join(f"{name},{name.split('-')[0]}" for name in TENANTS)
    (place / "tenants.csv").write_text(f"name,group\n{lines}\n")
    program = str(Path(__file__).with_name("many_tenants.py"))
    waves = [{"name": name, "where": {"group": name}, "approval": True} for name in SIZES if name != "rest"]
    shop.configure(
        fleet={**shop.section("fleet"), "command": [sys.executable, program, "{port}", "{version}"],
               "health_check_path": "/"},
        overrides={**overrides, "analysis.retry_once": False, "hold.decision_timeout": "5m",
                   "hold.timeout": "5m", "approval.timeout": "1h", "rollout.interval": "1200ms"},
        tenants={"file": "tenants.csv"}, waves=[*waves, {"name": "rest", "rest": True, "approval": True}],
        wave_rules={"undo": "failed"}, **section,
    )  # fmt: skip
    return shop


def until_asked(shop: Shop, wave: str) -> None:
    """Wait until it needs somebody's word on a wave."""

    def asks(rollout: Rollout) -> bool:
        assert not rollout.state.status.final, rollout.state.reason
        return rollout.plan.steps[rollout.state.step].id == f"approve-{wave}"

    shop.wait(asks, 120, every=0.3)


def approve_three(shop: Shop, version: str) -> None:
    """Bring a version to the third wave."""
    shop.run("deploy", version, "--detach")
    for wave in ("one", "two", "three"):
        until_asked(shop, wave)
        shop.run("approve", actor="grace")
