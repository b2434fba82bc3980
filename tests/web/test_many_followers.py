"""R34: a thousand clients follow the event stream of a real server process: each hears everything, and those who do not
read hold nobody."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

import pytest

from tests.web.busy import happens
from tests.web.site import Served, served

pytestmark = [pytest.mark.long, pytest.mark.timeout(900), pytest.mark.usefixtures("many_files")]

FOLLOWERS, SLOW, EVENTS = 1000, 50, 20


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 8192), hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@dataclass
class Ear:
    """A follower that reads. heard: word → when, by this machine's clock."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: dict[str, float] = field(default_factory=dict)

    async def ready(self) -> None:
        while b"event: ready" not in await self.line():
            pass

    async def listen(self) -> None:
        while len(self.heard) < EVENTS:
            line = await self.line()
            if line.startswith(b"data: ") and b'"sentence":"word ' in line:
                word = line.partition(b'"sentence":"')[2].partition(b'"')[0].decode()
                self.heard.setdefault(word, time.monotonic())

    async def line(self) -> bytes:
        line = await self.reader.readline()
        assert line, "the stream ended"
        return line


def _request(token: str) -> bytes:
    return f"GET /api/v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


async def _ear(port: int, token: str, turn: asyncio.Semaphore) -> Ear:
    async with turn:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_request(token))
        found = Ear(reader, writer)
        await found.ready()
        return found


def _deaf(port: int, token: str) -> socket.socket:
    """One that never reads, with a small buffer."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    made.connect(("127.0.0.1", port))
    made.sendall(_request(token))
    return made


async def _delays(server: Served, port: int, token: str, rollout: str) -> list[float]:
    turn = asyncio.Semaphore(50)
    ears = await asyncio.gather(*(_ear(port, token, turn) for _ in range(FOLLOWERS - SLOW)))
    listening = [asyncio.create_task(one.listen()) for one in ears]
    said: dict[str, float] = {}
    for number in range(EVENTS):
        word = f"word {number}"
        await asyncio.to_thread(happens, server.store, rollout, word)
        said[word] = time.monotonic()
        await asyncio.sleep(0.25)
    await asyncio.gather(*listening)
    for one in ears:
        one.writer.close()
    return [at - said[word] for one in ears for word, at in one.heard.items()]


def test_r34_a_thousand_follow_and_those_who_do_not_read_hold_nobody(tmp_path: Path) -> None:
    with served(tmp_path) as server:  # opens the store; the process below serves
        server.person("ada", "viewer")
        token, rollout = server.with_token("ada", "viewer").token, server.rollout().id
        command = [sys.executable, "-m", "tests.web.mortal", str(tmp_path)]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
        assert running.stdout is not None
        port = int(running.stdout.readline())
        deaf: list[socket.socket] = []
        try:
            deaf += [_deaf(port, token) for _ in range(SLOW)]
            delays = asyncio.run(_delays(server, port, token, rollout))
        finally:
            for one in deaf:
                one.close()
            running.kill()
            running.wait(60)
    assert len(delays) == (FOLLOWERS - SLOW) * EVENTS
    print(f"{FOLLOWERS} followers: p50 {median(delays):.3f} s, p99 {quantiles(delays, n=100)[98]:.3f} s")
