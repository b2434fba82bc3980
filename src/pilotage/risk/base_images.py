"""Which images a container file begins with, before and after a range: `alpine 3.23 → 3.24`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice

_FROM = re.compile(
    r"^[ \t]*FROM[ \t]+(?:--platform=\S+[ \t]+)?([\w./:-]{1,200}?)(?::([\w.-]{1,128}))?(?:@sha256:(\w{64}))?(?=\s|$)",
    re.IGNORECASE | re.MULTILINE,
)
_MOST = 20
"""Stages of a file that are looked at."""


def steps_of(texts: Mapping[str, tuple[str, str]]) -> tuple[str, ...]:
    """texts: before and after, by path. Images that have another tag or digest; a stage that is new has none before."""
    found = []
    for before, after in texts.values():
        old = dict(_images(before))
        for name, tag in _images(after):
            if name in old and old[name] != tag:
                found.append(f"{name} {old[name] or 'latest'} → {tag or 'latest'}")
    return tuple(dict.fromkeys(found))


def _images(text: str) -> list[tuple[str, str]]:
    return [(m[1], m[2] or (m[3] or "")[:12]) for m in islice(_FROM.finditer(text), _MOST)]
