"""Ways in which files go wrong: bytes, tokens, cuts, depth, size, encodings, parts of another file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

from tests.fuzz.reader import Sample

LONGEST = 400_000
"""Bytes of a mutated sample."""

_TOKEN = re.compile(rb"\w+|\s+|[^\w\s]")
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_NUMBERS = (
    b"0", b"-1", b"1.5", b"1e999", b"-1e999", b"NaN", b"Infinity", b"99999999999999999999999", b"9" * 5000, b"", b" ",
    b"0x10", b"1_0", "٣".encode(), b"null", b"true", b'"1"', b"00", b"+1", b"1e-400",
)  # fmt: skip
_BYTES = (
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80", b"\r", b"\r\n", b"\n\n", b"\t",
    b"\x1b[2J",
    "\u202e".encode(), "\u2028".encode(), "\x85".encode(), "é".encode(), "😀".encode(), b"\\u0000", b"\\ud800",
    b"&amp;",
    b"<!--", b"-->", b"/*", b"*/", b"'", b'"', b"`", b"$$", b"#", b"{", b"}", b"[", b"]", b"<", b">", b";", b":",
    b",",
)  # fmt: skip
_PAIRS = ((b"{", b"}"), (b"[", b"]"), (b"(", b")"), (b"<a>", b"</a>"), (b'{"a":', b"}"), (b"BEGIN ", b" END"))
_ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32", "latin-1", "cp1252", "utf-7")

Mutation = Callable[[Random, bytes, Sequence[bytes]], bytes]


def mutated(rng: Random, sample: Sample, others: Sequence[Sample], words: Sequence[str]) -> Sample:
    """The sample with one to four things wrong; now and then under the name of another."""
    content = sample.content
    one = rng.choice(others)
    material = [one.content, *(word.encode() for word in words)]
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        content = rng.choices(list(_WAYS), list(_WAYS.values()))[0](rng, content, material)[:LONGEST]
    name = one.name if rng.random() < 0.05 else sample.name
    return Sample(name, content, mutated=True)


def _span(rng: Random, content: bytes, most: int = 2000) -> tuple[int, int]:
    start = rng.randrange(len(content) + 1)
    return start, min(len(content), start + rng.randint(0, rng.choice((4, 40, most))))


def _deleted(rng: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(rng, content)
    return content[:start] + content[end:]


def _flipped(rng: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    if not content:
        return content
    at = rng.randrange(len(content))
    return content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]


def _inserted(rng: Random, content: bytes, material: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + rng.choice((rng.choice(_BYTES), rng.choice(material[1:] or _BYTES))) + content[at:]


def _repeated(rng: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(rng, content)
    return content[:end] + content[start:end] * rng.choice((1, 1, 2, 10)) + content[end:]


def _cut(rng: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] if rng.random() < 0.8 else content[at:]


def _without_line(rng: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    lines = content.split(b"\n")
    del lines[rng.randrange(len(lines))]
    return b"\n".join(lines)


def _tokens(rng: Random, content: bytes, material: Sequence[bytes]) -> bytes:
    """Swap two tokens, or replace one by one of another file or by a word of the format."""
    start, end = _span(rng, content)
    found = _TOKEN.findall(content[start:end])
    if not found:
        return content
    at = rng.randrange(len(found))
    match rng.randrange(4):
        case 0:
            other = rng.randrange(len(found))
            found[at], found[other] = found[other], found[at]
        case 1:
            found[at] = rng.choice(material[1:] or _BYTES)
        case 2:
            theirs = _TOKEN.findall(material[0][:20_000])
            found[at] = rng.choice(theirs) if theirs else b""
        case _:
            del found[at]
    return content[:start] + b"".join(found) + content[end:]


def _numbers(rng: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(content) + 1)
    found = _NUMBER.search(content, at) or _NUMBER.search(content)
    return content if found is None else content[: found.start()] + rng.choice(_NUMBERS) + content[found.end() :]


def _deep(rng: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(rng, content)
    opens, closes = rng.choice(_PAIRS)
    times = rng.choice((2, 20, 70, 200, 1000, 20_000))
    if rng.random() < 0.3:
        closes = b""
    return content[:start] + opens * times + content[start:end] + closes * times + content[end:]


def _huge(rng: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(rng, content, 200)
    part = content[start:end] or b"a"
    size = rng.choice((1_000, 10_000, 100_000, 200_000))
    return content[:start] + part * (size // len(part) + 1) + content[end:]


def _encoded(rng: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    return content.decode(errors="replace").encode(rng.choice(_ENCODINGS), errors="replace")


def _line_ends(rng: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    return content.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b" \n", b"\n ", b"\n\t")))


def _spliced(rng: Random, content: bytes, material: Sequence[bytes]) -> bytes:
    other = material[0]
    return content[: rng.randrange(len(content) + 1)] + other[rng.randrange(len(other) + 1) :]


_WAYS: dict[Mutation, int] = {
    _deleted: 3, _flipped: 2, _inserted: 4, _repeated: 3, _cut: 3, _without_line: 3, _tokens: 8, _numbers: 3, _deep: 2,
    _huge: 1, _encoded: 1, _line_ends: 1, _spliced: 2,
}  # fmt: skip
"""Each way, and how often it is chosen."""
