"""YAML for configuration: the safe, small part of it, with the line and column of every value.

Values follow YAML 1.2's core schema (`yes`, `on` and `no` are words); no aliases, tags, duplicate keys, or second
documents; at most 1 MB and 64 levels. Nothing is constructed but dicts, lists, strings, numbers, booleans and null.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

import yaml

from pilotage.model.errors import Invalid
from pilotage.model.json import Json
from pilotage.model.text import holds_no_text

MOST_BYTES = 1_000_000
MOST_DEPTH = 64

Path = tuple[str | int, ...]
T = TypeVar("T")

_LIBYAML = getattr(yaml, "CSafeLoader", None)
"""None where PyYAML was built without it."""


@dataclass(frozen=True)
class Mark:
    """Line and column, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Scalar:
    """Where a key or value begins and ends in the text, with its quotes or the `|` of a block, which style is: one of
    `'`, `"`, `|`, `>`; empty if it is plain."""

    start: int
    end: int
    style: str


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a file: where, what, and what would be right."""

    mark: Mark
    message: str
    path: str = ""

    def at(self, file: str) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{file}:{self.mark.line}:{self.mark.column}: {where}{self.message}"


class ConfigError(Invalid):
    """`pilotage.yaml` has errors. `problems` lists all of them. On a server, that is no fault of the request."""

    http_status = 503

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file, self.problems = file, sorted(problems, key=lambda p: (p.mark.line, p.mark.column))
        super().__init__("\n".join(problem.at(file) for problem in self.problems))


@dataclass
class Document:
    """Plain data, and the place of every key and value by its path."""

    data: Json = None
    marks: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def mark(self, path: Path) -> Mark:
        """The place of `path`; that of its nearest parent if it is missing."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path, Mark(1, 1))


def content_of(path: pathlib.Path) -> bytes:
    """The file, or as much of it as `read` needs to refuse it: it may have no end. Raises OSError."""
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def read(content: bytes, file: str) -> Document:
    """Parse `content`. Raises ConfigError when it is not YAML at all or unsafe; collects what is merely wrong."""
    text = _text(content, file)
    try:
        return _parsed(text, lambda events: _Builder().build(events))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)
        raise ConfigError(file, [Problem(place, f"not YAML: {error.problem or error.context}")]) from None
    except _StopError as stop:
        raise ConfigError(file, [stop.problem]) from None


def scalars(text: str) -> dict[Mark, Scalar]:
    """Every key and value of a text that `read` took, by its place."""
    return _parsed(text, lambda events: dict(_scalars(events)))


def _scalars(events: Iterable[yaml.Event]) -> Iterator[tuple[Mark, Scalar]]:
    for event in events:
        # An empty value may lie where the next key does.
        if isinstance(event, yaml.ScalarEvent) and event.start_mark and event.end_mark and event.value:
            yield _mark(event), Scalar(event.start_mark.index, event.end_mark.index, event.style or "")


def _parsed(text: str, take: Callable[[Iterable[yaml.Event]], T]) -> T:
    # libyaml is ten times as fast. Its sentences about mistakes say less, and it takes tabs that the other refuses.
    if _LIBYAML is not None and "\t" not in text:
        with suppress(yaml.YAMLError):
            return take(yaml.parse(text, Loader=_LIBYAML))
    return take(yaml.parse(text, Loader=yaml.SafeLoader))


def _text(content: bytes, file: str) -> str:
    def refuse(message: str, offset: int = 0) -> ConfigError:
        before = content[:offset]
        mark = Mark(before.count(b"\n") + 1, offset - before.rfind(b"\n"))
        return ConfigError(file, [Problem(mark, message)])

    if len(content) > MOST_BYTES:
        raise refuse(f"the file has more than {MOST_BYTES:,} bytes, which is the most")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse("not UTF-8 text: save the file as UTF-8", error.start) from None
    # The class of all that YAML allows takes Python milliseconds to compile, and most files are ASCII. U+0085, U+2028
    # and U+2029 end a line in YAML 1.1, which libyaml reads, and do not in YAML 1.2.
    if text.isascii():
        bad = re.search(r"[^\t\n\r\x20-\x7e]", text)
    else:
        bad = re.search(r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    if bad:
        offset = len(text[: bad.start()].encode())
        raise refuse(f"control character {bad[0]!r} is not allowed", offset)
    return text


class _StopError(Exception):
    def __init__(self, event: yaml.Event, message: str) -> None:
        self.problem = Problem(_mark(event), message)


def _mark(event: yaml.Event) -> Mark:
    at = event.start_mark
    return Mark(at.line + 1, at.column + 1) if at else Mark(1, 1)


@dataclass
class _Open:
    """A mapping or sequence that is being read; `key` is the mapping's key that waits for its value."""

    value: dict[str, Json] | list[Json]
    path: Path
    key: str | None = None


class _Builder:
    """Builds from events, without recursion, so that depth costs nothing but its own limit."""

    def __init__(self) -> None:
        self._document = Document()
        self._open: list[_Open] = []
        self._documents = 0

    def build(self, events: Iterable[yaml.Event]) -> Document:
        for event in events:
            self._take(event)
        return self._document

    def _take(self, event: yaml.Event) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise _StopError(event, "a second document: one file holds one configuration")
            case yaml.AliasEvent():
                raise _StopError(event, f"the alias *{event.anchor} is not allowed: write the value out")
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._check(event)
                value: dict[str, Json] | list[Json] = {} if isinstance(event, yaml.MappingStartEvent) else []
                path = self._put(event, value)
                self._open.append(_Open(value, path))
                if len(self._open) > MOST_DEPTH:
                    raise _StopError(event, f"nested deeper than {MOST_DEPTH} levels")
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._open.pop()
            case yaml.ScalarEvent():
                self._check(event)
                self._scalar(event)

    def _check(self, event: yaml.CollectionStartEvent | yaml.ScalarEvent) -> None:
        if event.anchor:
            raise _StopError(event, f"the anchor &{event.anchor} is not allowed: write the value where it is needed")
        if event.tag and event.tag != "!":
            raise _StopError(event, f"the tag {event.tag} is not allowed: plain values only")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if holds_no_text(event.value):
            raise _StopError(event, "a zero byte or half a character is not allowed")
        parent = self._open[-1] if self._open else None
        if parent is not None and isinstance(parent.value, dict) and parent.key is None:
            key = event.value
            path = (*parent.path, key)
            if key in parent.value:
                first = self._document.marks[path]
                self._document.problems.append(
                    Problem(
                        _mark(event),
                        f"the key {key!r} appears twice (first in line {first.line}): keep one",
                    )
                )
            else:
                self._document.marks[path] = self._document.keys[path] = _mark(event)
            parent.key = key
            return
        self._put(event, event.value if event.style else _plain(event.value))

    def _put(self, event: yaml.Event, value: Json) -> Path:
        if not self._open:
            self._document.data = value
            self._document.marks[()] = _mark(event)
            return ()
        parent = self._open[-1]
        if isinstance(parent.value, list):
            path = (*parent.path, len(parent.value))
            parent.value.append(value)
        elif parent.key is None:
            raise _StopError(event, "a key must be a word, not a list or a mapping")
        else:
            path = (*parent.path, parent.key)
            parent.value[parent.key] = value
            parent.key = None
        # What is wrong with a whole section is shown at its name.
        if not (isinstance(value, dict | list) and path in self._document.marks):
            self._document.marks[path] = _mark(event)
        return path


_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def _plain(text: str) -> Json:
    """The value of an unquoted scalar in YAML 1.2's core schema, without its hexadecimals and infinities."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if _INTEGER.fullmatch(text) and len(text) < 19:
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
