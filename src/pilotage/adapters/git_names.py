"""Names of files as git writes them: in quotes, with escapes as in C, where they hold quotes or control characters."""

from __future__ import annotations

import re

_ESCAPE = re.compile(rb"\\([abtnvfr\"\\]|[0-3][0-7]{2})")
_LETTERS = {
    b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r", b'"': b'"', b"\\": b"\\",
}  # fmt: skip


def unquoted(name: bytes) -> str:
    """The name itself; bytes that are no UTF-8 become U+FFFD."""
    if len(name) > 1 and name.startswith(b'"') and name.endswith(b'"'):
        name = _ESCAPE.sub(_meant, name[1:-1])
    return name.decode(errors="replace")


def _meant(escape: re.Match[bytes]) -> bytes:
    return _LETTERS.get(escape[1]) or bytes([int(escape[1], 8)])
