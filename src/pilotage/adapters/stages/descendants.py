"""Ends everything that a process has started, also what left its session or dropped its mark."""

from __future__ import annotations

import contextlib
import ctypes
import sys

import psutil

from pilotage.adapters.marks import end_others_of_mine

_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER, prctl(2)."""
_ROUNDS = 50
"""What multiplies faster than it is killed is given up; its mark still finds it."""


def adopt_orphans() -> None:
    """Become the parent of what one's own children leave behind, so that it can be found. Linux only."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def end_descendants() -> None:
    """Kill them all and wait until they are gone."""
    end_others_of_mine()
    for _ in range(_ROUNDS):
        left = psutil.Process().children(recursive=True)
        if not left:
            return
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=1.0)
