"""The processes that a test started: children of this test process, without the servers that serve all tests."""

from __future__ import annotations

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
