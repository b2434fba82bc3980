"""A noisy neighbour: every core busy in bursts, with nothing of ours, until its standard input or its time ends."""

from __future__ import annotations

import contextlib
import os
import random
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

from .crowd import ROOT

_BUSY, _QUIET = (0.5, 3.0), (0.5, 2.0)
"""Seconds, from and to, of a burst and of the quiet after it."""


@contextlib.contextmanager
def neighbour(seed: int, seconds: float) -> Iterator[None]:
    """One neighbour for each core. seconds: the most that they stay, whatever happens to the test."""
    with ExitStack() as stack:
        for core in range(os.cpu_count() or 1):
            command = [sys.executable, "-m", __name__, str(seed * 100 + core), str(seconds)]
            stack.enter_context(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE))
        yield


def main(seed: int, seconds: float) -> None:
    chance, until = random.Random(seed), time.monotonic() + seconds
    while time.monotonic() < until:
        _burn(chance.uniform(*_BUSY))
        if select.select([sys.stdin], [], [], chance.uniform(*_QUIET))[0]:
            return


def _burn(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sum(range(20_000))
        if select.select([sys.stdin], [], [], 0)[0]:
            return


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
