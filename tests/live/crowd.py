"""Sixty users of a library as they are: each with a cookie jar, at a pace of its own, retrying what failed.

The crowd is a process of its own, so that it disturbs neither the test nor the controller. It ends when its standard
input does: with the test, however that ends.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import TextIO

import urllib3

ROOT = Path(__file__).parents[2]
USERS = 60
REQUESTS_PER_SECOND = 45.0
"""Of all users together, retries apart."""
SPREAD = 1.0
"""Standard deviation of the logarithm of a user's pace: the busiest of sixty makes some ten times the median's."""
RETRIES = 3
_TIMEOUT = 10.0


@dataclass(frozen=True)
class Errand:
    """What a user may want: a path with `{number}` in it, how often (a share), and the status it should get."""

    kind: str
    path: str
    share: float
    most: int = 1
    status: int = 200


ERRANDS = (
    Errand("book", "/library/book/{number}.json?_shape=objects", 0.45, most=2000),
    Errand("no such book", "/library/book/9{number:05}.json", 0.01, most=2000, status=404),
    Errand("author", "/library/author/{number}.json", 0.14, most=500),
    Errand("table page", "/library/author?_size=20&_next={number}", 0.08, most=400),
    Errand("search", "/library/author.json?name__contains={number}&_size=20", 0.14, most=99),
    Errand("versions", "/-/versions.json", 0.18),
)


@dataclass(frozen=True)
class Answer:
    """What one request came to. at: Unix seconds when the answer came · status: 0 for no answer at all · version: which
    one answered, empty when unknown · seconds: how long it took · attempt: 0 for the first · wanted: the status that a
    version without a fault gives."""

    at: float
    user: int
    kind: str
    status: int
    version: str
    seconds: float
    attempt: int
    wanted: int

    @property
    def failed(self) -> bool:
        return self.status != self.wanted


class Crowd:
    """The process of the users, and what they have seen so far."""

    def __init__(self, url: str, version_header: str, notes: Path, seed: int) -> None:
        self._notes = notes
        self._command = [sys.executable, "-m", __name__, url, version_header, str(notes), "--seed", str(seed)]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Crowd:
        self._notes.touch()
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdin=subprocess.PIPE)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """No request begins after this, and every answer is written down. Raises when the crowd had trouble."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.communicate(timeout=4 * _TIMEOUT)
        assert process.returncode == 0, f"the crowd ended with {process.returncode}"

    def answers(self) -> Sequence[Answer]:
        """In the order in which they came."""
        whole = [line for line in self._notes.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return sorted((Answer(*json.loads(line)) for line in whole), key=lambda answer: answer.at)


# ── the process itself ─────────────────────────────────────────────────────────────────────────────────────


class _Notes:
    """Answers as lines of a file, from many threads."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._lock = file, threading.Lock()

    def write(self, answer: Answer) -> None:
        line = json.dumps(astuple(answer)) + "\n"
        with self._lock:
            self._file.write(line)


class _User(threading.Thread):
    def __init__(
        self, number: int, pace: float, seed: int, url: str, header: str, notes: _Notes, over: threading.Event
    ) -> None:
        super().__init__(name=f"user {number}", daemon=True)
        self._number, self._pace, self._chance = number, pace, random.Random(seed * 1000 + number)
        self._url, self._header, self._notes, self._over = url, header, notes, over
        self._pool = urllib3.PoolManager(maxsize=1)
        self._cookies: dict[str, str] = {}

    def run(self) -> None:
        shares = [errand.share for errand in ERRANDS]
        while not self._over.wait(self._chance.expovariate(self._pace)):
            (errand,) = self._chance.choices(ERRANDS, shares)
            path = errand.path.format(number=self._chance.randint(1, errand.most))
            for attempt in range(1 + RETRIES):
                if self._ask(errand, path, attempt) or self._over.wait(self._chance.uniform(0.1, 0.7) * (attempt + 1)):
                    break

    def _ask(self, errand: Errand, path: str, attempt: int) -> bool:
        """Whether it gave what it should have given."""
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        headers, began = (sent if self._cookies else {}), time.monotonic()
        try:
            answer = self._pool.request("GET", self._url + path, headers=headers, timeout=_TIMEOUT, retries=False)
            status, version = answer.status, answer.headers.get(self._header, "")
            self._keep(answer.headers.getlist("set-cookie"))
        except urllib3.exceptions.HTTPError:
            status, version = 0, ""
        took = round(time.monotonic() - began, 5)
        seen = Answer(time.time(), self._number, errand.kind, status, version, took, attempt, errand.status)
        self._notes.write(seen)
        return not seen.failed

    def _keep(self, given: Iterable[str]) -> None:
        for text in given:
            try:
                self._cookies.update({name: morsel.value for name, morsel in SimpleCookie(text).items()})
            except CookieError:
                continue


def _paces(chance: random.Random) -> list[float]:
    """Requests a second of each user."""
    parts = [chance.lognormvariate(0.0, SPREAD) for _ in range(USERS)]
    return [REQUESTS_PER_SECOND * part / sum(parts) for part in parts]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("version_header")
    parser.add_argument("notes", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    over = threading.Event()
    with given.notes.open("a", buffering=1) as file:
        notes, paces = _Notes(file), _paces(random.Random(given.seed))
        users = [
            _User(number, pace, given.seed, given.url, given.version_header, notes, over)
            for number, pace in enumerate(paces)
        ]
        for user in users:
            user.start()
        sys.stdin.read()
        over.set()
        for user in users:
            user.join()


if __name__ == "__main__":
    main()
