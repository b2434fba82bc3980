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
    """texts: before and after, by path. Images that have another tag or digest. Of several tags of one image, such as
    one for each platform, the first to differ."""
    found = dict[str, str]()
    for before, after in texts.values():
        for name in dict(_images(after)):
            old, new = ([tag for one, tag in _images(text) if one == name] for text in (before, after))
            step = next((pair for pair in zip(old, new, strict=False) if pair[0] != pair[1]), None)
            if step is not None and len(old) == len(new):
                found.setdefault(name.rpartition("/")[2], " → ".join(tag or "latest" for tag in step))
    return tuple(f"{name} {step}" for name, step in found.items())


def _images(text: str) -> list[tuple[str, str]]:
    return [(m[1], m[2] or (m[3] or "")[:12]) for m in islice(_FROM.finditer(text), _MOST)]
