"""Compresses a page so that its length says nothing about the token for forms that stands in it.

What gzip finds twice it writes once: who puts words into a page, and sees how long it becomes, could guess a token
letter by letter. So each token goes out as it is, in a block of its own, and nothing after it refers to what came
before it. A header of random length hides what is left to see.
"""

from __future__ import annotations

import secrets
import struct
import zlib

_LEVEL = 4
_HEADER = b"\x1f\x8b\x08\x08\0\0\0\0\0\xff"
"""RFC 1952, 2.3: deflate, with a name, of no time and no system."""
_NAME = 200


def packed(body: bytes, token: str) -> bytes:
    """As a gzip file. token: empty where the page has none."""
    made = [_HEADER, b"n" * secrets.randbelow(_NAME), b"\0"]
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    known = token.encode()
    parts = body.split(known) if known else [body]
    for number, part in enumerate(parts):
        if number:
            made += (deflate.flush(zlib.Z_FULL_FLUSH), _plain(known))
        made.append(deflate.compress(part))
    made += (deflate.flush(), struct.pack("<II", zlib.crc32(body), len(body) & 0xFFFFFFFF))
    return b"".join(made)


def _plain(known: bytes) -> bytes:
    """A block without compression (RFC 1951, 3.2.4); it begins with a whole byte, because a flush comes before it."""
    return struct.pack("<BHH", 0, len(known), len(known) ^ 0xFFFF) + known
