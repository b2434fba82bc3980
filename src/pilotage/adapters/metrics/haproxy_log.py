"""Durations from HAProxy's log, in its usual format (`option httplog`) or in JSON.

The JSON format, for a frontend that logs nothing else to the same place:

    log-format '{"backend":"%b","server":"%s","status":%ST,"wait":%Tw,"connect":%Tc,"answer":%Tr}'

A duration is the time from the complete request until the first byte of the answer: waiting for a server, connecting,
answering. What a slow client takes to receive the rest is not counted.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping

from pilotage.adapters.envoy_admin import BUCKETS_MS
from pilotage.model.json import text_at, whole_at
from pilotage.model.observation import Histogram

BOUNDS = tuple(bound / 1000 for bound in BUCKETS_MS)
"""Seconds, as of every router: a judge compares histograms of the same bounds."""
_USUAL = re.compile(
    rb" ([\w.:-]{1,200})/\S{1,200} -?\d{1,9}/(-?\d{1,9})/(-?\d{1,9})/(-?\d{1,9})/\+?-?\d{1,9} -?\d{1,3} "
)
_LONGEST = 16 << 10


def durations_in(rows: Iterable[bytes]) -> Mapping[str, Histogram]:
    """Durations by backend. A line that is of something else, or of a request that got no answer, is left out."""
    counts: dict[str, list[int]] = {}
    for row in rows:
        if found := _duration(row[:_LONGEST]):
            backend, milliseconds = found
            buckets = counts.setdefault(backend, [0] * (len(BUCKETS_MS) + 1))
            buckets[bisect_left(BUCKETS_MS, milliseconds)] += 1
    return {backend: Histogram(BOUNDS, tuple(buckets)) for backend, buckets in counts.items()}


def _duration(row: bytes) -> tuple[str, int] | None:
    """The backend of a line, and milliseconds."""
    try:
        backend, parts = _json(row) if b'{"backend"' in row else _usual(row)
    except (ValueError, RecursionError):
        return None
    waited, connected, answered = parts
    return (backend, max(0, waited) + max(0, connected) + answered) if answered >= 0 else None


def _json(row: bytes) -> tuple[str, tuple[int, int, int]]:
    """Syslog may have put something in front of it."""
    said = json.loads(row[row.index(b'{"backend"') :])
    return text_at(said, "backend"), (whole_at(said, "wait"), whole_at(said, "connect"), whole_at(said, "answer"))


def _usual(row: bytes) -> tuple[str, tuple[int, int, int]]:
    found = _USUAL.search(row)
    if found is None:
        raise ValueError("another format")
    return found[1].decode(), (int(found[2]), int(found[3]), int(found[4]))
