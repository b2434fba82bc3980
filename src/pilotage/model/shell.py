"""A command line that another machine carries out: what is sent, and what comes back, a line of JSON each."""

from __future__ import annotations

import msgspec


class SentFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that the words name."""

    word: str
    """As it stands in the words."""
    content: bytes | None = None
    """Base64 in JSON; null where the command writes it."""


class ShellRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command line without its first word."""

    words: tuple[str, ...]
    files: tuple[SentFile, ...] = ()
    stdin: str = ""
    columns: int = 0
    """Width of the terminal in characters; 0 for a pipe, in which lines may have any length."""
    traceparent: str = ""
    """The trace that asks, as W3C's header has it."""


class Said(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="said"):
    """Text for one of the two streams."""

    stream: str
    """`out` or `err`."""
    text: str


class Wrote(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="wrote"):
    """A file that the command has written."""

    word: str
    """As it stands in the words; below it, for a folder."""
    content: bytes


class Waiting(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="waiting"):
    """Nothing happened for some seconds; the connection is alive."""


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="ended"):
    """The last line."""

    status: int
    """The exit status."""


Message = Said | Wrote | Waiting | Ended
