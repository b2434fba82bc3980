"""Users of the shop: steady requests over keep-alive connections, and what each of them saw.

What is measured here is measured as a client, knowing nothing of the controller.
"""

from __future__ import annotations

import random
import select
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

VERSION_HEADER = "x-shop-release"
PROMISE = 0.1
"""Seconds: an answer that takes longer has hurt its user."""


@dataclass(frozen=True)
class Answer:
    """The result of one request. status 0: no answer · version: the release that answered, "" when unknown · at: Unix
    seconds of the answer · seconds: how long it took."""

    at: float
    user: str
    status: int
    version: str
    seconds: float

    @property
    def failed(self) -> bool:
        return self.status == 0 or self.status >= 500

    @property
    def hurt(self) -> bool:
        return self.failed or self.seconds > PROMISE


class Traffic:
    """`rate` requests per second from `users` users, until stopped. The pace does not follow the answers."""

    def __init__(self, url: str, rate: float, users: int, seed: int, threads: int = 24) -> None:
        self._url, self._users, self._interval = urlsplit(url), users, threads / rate
        self._stopping = threading.Event()
        self._answers: list[Answer] = []
        self._cookies: dict[str, str] = {}
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(seed * 1000 + n), n / threads), daemon=True)
            for n in range(threads)
        ]

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def answers(self) -> Sequence[Answer]:
        """Everything answered so far, in the order it came."""
        return tuple(self._answers)

    def _run(self, chance: random.Random, phase: float) -> None:
        due = time.monotonic() + phase * self._interval
        # Not urllib3: as a client it takes three times the processor time, on a machine that runs the service too.
        connection = HTTPConnection(self._url.hostname or "", self._url.port, timeout=5.0)
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            user, product = f"user-{chance.randrange(self._users)}", chance.randrange(500)
            self._answers.append(self._ask(connection, user, product))
            due = max(due + self._interval, time.monotonic() - 1)
        connection.close()

    def _ask(self, connection: HTTPConnection, user: str, product: int) -> Answer:
        began = time.monotonic()
        try:
            if closed_by_server(connection):
                connection.close()
            cookie = self._cookies.get(user, f"session={user}")
            connection.request("GET", f"{self._url.path}/product/{product}", headers={"Cookie": cookie})
            answer = connection.getresponse()
            answer.read()
            status, version = answer.status, answer.headers.get(VERSION_HEADER, "")
            if given := answer.headers.get("set-cookie"):
                self._cookies[user] = given.partition(";")[0]
        except (OSError, HTTPException):
            connection.close()
            status, version = 0, ""
        return Answer(time.time(), user, status, version, time.monotonic() - began)


def closed_by_server(connection: HTTPConnection) -> bool:
    """A server may close a connection between two requests. Nothing else makes an idle one readable."""
    if connection.sock is None:
        return False
    idle = select.poll()
    idle.register(connection.sock, select.POLLIN)
    return bool(idle.poll(0))


@dataclass(frozen=True)
class Measured:
    """What the users of one rollout saw.

    hurt: users whom the new version failed or kept waiting · lost: requests that failed and were not the new
    version's own failures · exposed: seconds from the first to the last answer of the new version ·
    undone: seconds from its first bad answer to its last answer at all, None when it gave no bad one.
    """

    requests: int
    new_version: int
    failed: int
    lost: int
    hurt: int
    exposed: float
    undone: float | None


def measure(answers: Sequence[Answer], new: str, since: float) -> Measured:
    """What the answers from `since` (Unix seconds) on say about the release of version `new`."""
    mine = [a for a in answers if a.at >= since]
    ours = [a for a in mine if a.version == new]
    bad = [a for a in ours if a.hurt]
    return Measured(
        requests=len(mine),
        new_version=len(ours),
        failed=sum(a.failed for a in mine),
        lost=sum(a.failed and a.version != new for a in mine),
        hurt=len({a.user for a in bad}),
        exposed=ours[-1].at - ours[0].at if ours else 0.0,
        undone=ours[-1].at - bad[0].at if bad else None,
    )
