"""What may stand in the header of a request. The libraries repeat a value that they refuse, and it may be a secret."""

from __future__ import annotations

import re

_CARRIED = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def is_header(value: str) -> bool:
    """Whether a header can carry it."""
    return _CARRIED.fullmatch(value) is not None
