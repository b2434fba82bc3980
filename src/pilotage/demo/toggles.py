"""How a service uses a release flag: it evaluates the flag in its own process, and counts what each variant did.

With OpenFeature and the flagd provider it would be two lines. The demo uses the evaluator below it, and reads the file
again when it changes.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

_BOUNDS = (0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5)


def group_of(user: str) -> str:
    """One user in twenty is internal, one in twenty is a beta user."""
    number = int(re.sub(r"\D", "", user) or 2) % 20
    return {0: "internal", 1: "beta"}.get(number, "")


@dataclass
class _Counts:
    requests: int = 0
    errors: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(_BOUNDS) + 1))


class Toggle:
    """One flag of a file of definitions, and the counts of its two variants."""

    def __init__(self, file: Path, key: str) -> None:
        self._file, self._key, self._core = file, key, FlagdCore()
        self._stamp: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self._counts = {"on": _Counts(), "off": _Counts()}

    def variant(self, user: str) -> str:
        """`on` or `off` for this user; off where the flag cannot be read."""
        with self._lock:
            self._read_again()
            context = EvaluationContext(targeting_key=user, attributes={"group": group_of(user)})
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

    def did(self, variant: str, seconds: float, *, failed: bool) -> None:
        with self._lock:
            counts = self._counts[variant]
            counts.requests += 1
            counts.errors += failed
            counts.buckets[bisect_left(_BOUNDS, seconds)] += 1

    def page(self) -> str:
        """In Prometheus' text format."""
        lines = []
        with self._lock:
            for variant, counts in self._counts.items():
                labels = f'flag="{self._key}",variant="{variant}"'
                lines.append(f"pilotage_variant_requests_total{{{labels}}} {counts.requests}")
                lines.append(f"pilotage_variant_errors_total{{{labels}}} {counts.errors}")
                seen = 0
                for bound, count in zip((*_BOUNDS, "+Inf"), counts.buckets, strict=True):
                    seen += count
                    lines.append(f'pilotage_variant_seconds_bucket{{{labels},le="{bound}"}} {seen}')
        return "\n".join(lines) + "\n"
