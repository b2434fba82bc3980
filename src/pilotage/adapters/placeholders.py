"""Fills in `{version}`, `{port}` and the like, in one pass: what was filled in is never filled in again."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PLACE = re.compile(r"\{([a-z_]+)\}")


def filled(text: str, facts: Mapping[str, str]) -> str:
    """The text with every known name in braces replaced. Unknown names stay."""
    return _PLACE.sub(lambda place: facts.get(place[1], place[0]), text)
