"""The processes that a test started: children of this test process, without the servers that serve all tests."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil

SERVERS: set[int] = set()
"""Process ids of servers that run until the last test has ended."""


def children() -> list[psutil.Process]:
    """Living descendants, oldest first."""
    found = psutil.Process().children(recursive=True)
    kept = [p for p in found if p.pid not in SERVERS and not SERVERS & {parent.pid for parent in _parents(p)}]
    return [p for p in kept if _lives(p)]


def _parents(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.parents()
    except psutil.NoSuchProcess:
        return []


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def freeze(pid: int) -> None:
    """Stop it, and return when each of its threads has stopped: the signal is only sent, and one that has not heard of
    it yet would still answer."""
    os.kill(pid, signal.SIGSTOP)
    until = time.monotonic() + 20
    while any(_state(task) not in "TtZX" for task in Path(f"/proc/{pid}/task").iterdir()):
        assert time.monotonic() < until, f"process {pid} does not stop"
        time.sleep(0.001)


def _state(task: Path) -> str:
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"
