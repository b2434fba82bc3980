"""How a service uses a release flag: it evaluates the flag in its own process, and counts what each variant did.

With OpenFeature and the flagd provider it would be two lines. The demo uses the evaluator below it, and reads the file
again when it changes.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

from pilotage.openfeature import VariantCounter

BOUNDS = (0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Of durations, in seconds: the shop answers within 8 to 20 ms."""


def group_of(user: str) -> str:
    """One user in twenty is internal, one in twenty is a beta user."""
    return {0: "internal", 1: "beta"}.get(_number(user) % 20, "")


def tier_of(user: str) -> str:
    """Every other user pays nothing."""
    return "free" if _number(user) % 2 else "paid"


def _number(user: str) -> int:
    return int(re.sub(r"\D", "", user) or 2)


class Toggle:
    """One flag of a file of definitions."""

    def __init__(self, file: Path, key: str) -> None:
        self._file, self._key, self._core = file, key, FlagdCore()
        self._stamp: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self.counter = VariantCounter(key, bounds=BOUNDS)

    def variant(self, user: str) -> str:
        """`on` or `off` for this user; off where the flag cannot be read."""
        with self._lock:
            self._read_again()
            context = EvaluationContext(targeting_key=user, attributes={"group": group_of(user), "tier": tier_of(user)})
            try:
                return "on" if self._core.resolve_boolean_value(self._key, False, context).value else "off"
            except Exception:
                return "off"

    def _read_again(self) -> None:
        try:
            found = self._file.stat()
            stamp = (found.st_mtime_ns, found.st_ino)
            if stamp != self._stamp:
                self._core.set_flags(self._file.read_text(encoding="utf-8"))
                self._stamp = stamp
        except (OSError, ValueError):
            return
