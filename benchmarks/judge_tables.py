"""Tables of `judge.py`: plain text, shares with their interval, times with the users hurt until then."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
_BEGAN = time.monotonic()


def wilson(hits: int, runs: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson, JASA 1927)."""
    z, p = 1.96, hits / runs
    middle, spread = (p + z * z / 2 / runs), z * math.sqrt(p * (1 - p) / runs + z * z / 4 / runs**2)
    return max(0.0, (middle - spread) / (1 + z * z / runs)), (middle + spread) / (1 + z * z / runs)


def share(hits: int, runs: int) -> str:
    """In %, with its interval."""
    low, high = (100 * part for part in wilson(hits, runs))
    return f"{_short(100 * hits / runs)} ({_short(low) if hits else 0}–{_short(high)})"


def _short(percent: float) -> str:
    return f"{percent:.0f}" if percent >= 10 else f"{percent:.2g}"


def time_and_hurt(seconds: Array, hurt: Array) -> str:
    middle = float(np.sort(seconds)[len(seconds) // 2])
    return f"{'never' if math.isinf(middle) else f'{middle:.0f}'} · {np.median(hurt):.0f}"


def table(title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[index]) for row in (headers, *rows)) for index in range(len(headers))]
    print(title, flush=True)
    for row in (headers, *rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), flush=True)
    print(flush=True)


def progress(words: str) -> None:
    """To the terminal's second channel, so that the tables stay clean."""
    print(f"[{time.monotonic() - _BEGAN:.0f} s] {words}", file=sys.stderr, flush=True)
