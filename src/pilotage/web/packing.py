"""Compresses a page so that its length says nothing about the token for forms that stands in it.

What gzip finds twice it writes once: who puts words into a page, and sees how long it becomes, could guess a token
letter by letter. So each token goes out as it is, in a block of its own, and nothing after it refers to what came
before it. A header of random length hides what is left to see.
"""

from __future__ import annotations

import secrets
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LEVEL = 4
_HEADER = b"\x1f\x8b\x08\x08\0\0\0\0\0\xff"
"""RFC 1952, 2.3: deflate, with a name, of no time and no system."""
_NAME = 200


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A body cut at marks, where each reader has words of their own, with its parts compressed: for many readers the
    work is done once. parts: where each part of the body begins and ends · marks: which mark follows each part but the
    last · small: the parts, compressed."""

    body: bytes
    parts: tuple[tuple[int, int], ...]
    marks: tuple[int, ...]
    small: tuple[bytes, ...]

    def plain(self, words: Sequence[bytes]) -> bytes:
        """The body with these words in place of the marks."""
        pieces = [self.body[begin:end] for begin, end in self.parts]
        return b"".join(_between(pieces, [words[mark] for mark in self.marks]))

    def packed(self, words: Sequence[bytes]) -> bytes:
        """The same as a gzip file."""
        mine, whole = [_plain(words[mark]) for mark in self.marks], self.plain(words)
        end = struct.pack("<II", zlib.crc32(whole), len(whole) & 0xFFFFFFFF)
        return b"".join((_HEADER, b"n" * secrets.randbelow(_NAME), b"\0", *_between(self.small, mine), end))


def cut(body: bytes, marks: Sequence[bytes]) -> Cut:
    """marks: none of them empty, none within another."""
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    found = sorted((at, number) for number, mark in enumerate(marks) for at in _places(body, mark))
    begins = [0, *(at + len(marks[number]) for at, number in found)]
    ends = [*(at for at, _ in found), len(body)]
    parts = tuple(zip(begins, ends, strict=True))
    small = [deflate.compress(body[begin:end]) + deflate.flush(zlib.Z_FULL_FLUSH) for begin, end in parts[:-1]]
    small.append(deflate.compress(body[slice(*parts[-1])]) + deflate.flush())
    return Cut(body=body, parts=parts, marks=tuple(number for _, number in found), small=tuple(small))


def packed(body: bytes, token: str) -> bytes:
    """As a gzip file. token: empty where the page has none."""
    marks = [token.encode()] if token else []
    return cut(body, marks).packed(marks)


def _places(body: bytes, mark: bytes) -> Iterator[int]:
    at = body.find(mark)
    while at >= 0:
        yield at
        at = body.find(mark, at + len(mark))


def _between(parts: Sequence[bytes], others: Sequence[bytes]) -> Iterator[bytes]:
    """The first part, the first of the others, the second part, and so on."""
    for part, other in zip(parts, (*others, b""), strict=True):
        yield part
        yield other


def _plain(known: bytes) -> bytes:
    """A block without compression (RFC 1951, 3.2.4); it begins with a whole byte, because a flush comes before it."""
    return struct.pack("<BHH", 0, len(known), len(known) ^ 0xFFFF) + known
