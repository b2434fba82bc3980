"""Reads pages in Prometheus' text format in linear time, whatever they contain."""

from __future__ import annotations

import math
from collections.abc import Iterator

Sample = tuple[str, dict[str, str], float]
"""The name of a series, its labels, its value."""

_LONGEST = 8192
"""Characters of a line: versions have names of at most some hundred."""


def samples_of(page: str) -> Iterator[Sample]:
    """Every sample with labels and a finite value that is not negative. Everything else is ignored."""
    for row in page.splitlines():
        if row.startswith("#") or len(row) > _LONGEST:
            continue
        name, _, rest = row.partition("{")
        labels, gap, value = rest.rpartition("} ")
        found = _number(value) if gap else None
        if found is not None:
            yield name, dict(_labels(labels)), found


def _labels(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split('",'):
        name, gap, value = part.partition('="')
        if gap:
            yield name.strip(), value.removesuffix('"')


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0 else None
