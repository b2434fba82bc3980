"""Whether this machine has room for as many instances again: memory, processor and ports."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Sequence

import psutil

from pilotage.model.observation import Instance

_MEGABYTE = 1 << 20
_RESERVE = 1.1
"""Times what the present instances use: a machine without any memory left kills processes."""


_LEAST = 0.5
"""Seconds between the two looks."""


class Room:
    """Asked at several looks, because the use of a processor is known from two of them."""

    def __init__(self) -> None:
        self._before: tuple[float, float] | None = None

    def lacks(self, serving: Sequence[Instance], count: int, at: float) -> str:
        """Why `count` more instances like the serving ones would not fit, in words; empty where they would. at:
        seconds by a clock that nobody sets."""
        return _memory(serving, count) or _ports(count) or self._processor(serving, count, at)

    def _processor(self, serving: Sequence[Instance], count: int, at: float) -> str:
        known = [one.cpu for one in serving if one.cpu is not None]
        if not known:
            return ""
        used = sum(known)
        before = self._before = self._before or (used, at)
        if at - before[1] < _LEAST:
            return "the processor time of the present instances is being measured"
        cores = max(0.0, used - before[0]) / (at - before[1])
        needed, there = cores + cores / len(known) * count, os.cpu_count() or 1
        if needed <= there:
            return ""
        self._before = (used, at)
        return f"{len(known) + count} instances would use {needed:.1f} processor cores; this machine has {there}"


def _memory(serving: Sequence[Instance], count: int) -> str:
    known = [one.memory for one in serving if one.memory is not None]
    if not known:
        return ""
    needed, free = max(known) * count * _RESERVE, psutil.virtual_memory().available
    if needed <= free:
        return ""
    return (
        f"{count} more instances need about {needed / _MEGABYTE:.0f} MB of memory, and {free / _MEGABYTE:.0f} MB are "
        "available on this machine"
    )


def _ports(count: int) -> str:
    with contextlib.ExitStack() as opened:
        try:
            for _ in range(count):
                opened.enter_context(socket.socket()).bind(("127.0.0.1", 0))
        except OSError as error:
            return f"this machine has no {count} free ports: {error.strerror}"
    return ""
