"""JSON as it leaves Pilotage: the same values, and nothing that a terminal or an editor would obey."""

from __future__ import annotations

import re

import msgspec

_OBEYED = re.compile(
    rb"\x7f|\xc2[\x80-\x9f]"  # controls beyond ASCII, U+009B among them, with which control sequences begin
    rb"|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xaf]"  # marks of direction, and two line ends
)
"""In UTF-8. JSON holds them in strings only."""


def encoded(value: object) -> bytes:
    """On one line. Raises what `msgspec.json.encode` does."""
    return _OBEYED.sub(lambda found: b"\\u%04x" % ord(found[0].decode()), msgspec.json.encode(value))
