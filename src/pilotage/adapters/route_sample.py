"""Learns a service's routes from a sample of requested paths, if none are configured.

A route is a prefix of one or two literal segments. A segment that varies from request to request (numbers, UUIDs,
hashes) ends it. `largest_routes` is pure; `sampled_paths` reads what the embedded router logged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pilotage.adapters.envoy_admin import ROTATED, SAMPLE

FEWEST = 40
"""Paths below which nothing is learned: a route of 5 % would be detected by two requests."""
_SHARE = 0.05
_DEPTH = 2
_BYTES = 1 << 20
_LITERAL = re.compile(r"[A-Za-z][A-Za-z._~-]*(?:[0-9]{1,2}[A-Za-z._~-]*)?")
"""A word, with at most a short number such as `v2`. Anything else is taken for the name of one thing among many."""
_HEX = re.compile(r"[0-9a-fA-F]{8,}|[0-9a-fA-F]{8}-[0-9a-fA-F-]+")
_LONGEST_SEGMENT = 40


def largest_routes(paths: Sequence[str], most: int = 8) -> tuple[str, ...]:
    """At most `most` prefixes that at least 5 % of `paths` each start with, in the order in which they should be tried:
    a longer one before the one that holds it. Empty where too few paths are known."""
    if len(paths) < FEWEST:
        return ()
    least = max(2.0, _SHARE * len(paths))
    prefixes = [tuple(_literals(path)) for path in paths]
    deep = _frequent(Counter(segments for segments in prefixes if len(segments) == _DEPTH), least)
    # What a longer route takes is not the shorter one's any more.
    left = (segments for segments in prefixes if segments not in deep)
    shallow = _frequent(Counter(segments[:1] for segments in left if segments), least)
    if any(count == len(paths) for count in (deep | shallow).values()):
        return ()  # A single route for everything distinguishes nothing.
    kept = sorted((deep | shallow).items(), key=lambda item: (-item[1], item[0]))[:most]
    return tuple("/" + "/".join(segments) for segments, _ in sorted(kept, key=lambda item: (-len(item[0]), -item[1])))


def sampled_paths(directory: Path) -> list[str]:
    """Paths that users requested from the router in `directory`, oldest first; empty if none were logged."""
    found: list[str] = []
    for name in (SAMPLE + ROTATED, SAMPLE):
        try:
            with (directory / name).open("rb") as file:
                text = file.read(2 * _BYTES).decode(errors="replace")
        except OSError:
            continue
        found += [line for line in text.splitlines() if line.startswith("/")]
    return found


def _literals(path: str) -> Iterator[str]:
    """The first segments of a path that are the same for many requests."""
    for segment in path.strip("/").split("/")[:_DEPTH]:
        literal = len(segment) <= _LONGEST_SEGMENT and _LITERAL.fullmatch(segment)
        if not literal or _HEX.fullmatch(segment):
            return
        yield segment


def _frequent(counted: Counter[tuple[str, ...]], least: float) -> Counter[tuple[str, ...]]:
    return Counter({segments: count for segments, count in counted.items() if count >= least})
