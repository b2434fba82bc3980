"""XML of reports: a small tree whose elements know their lines, read from bytes so that the declared encoding counts.

Reports come from anywhere. Entities and external references are refused, as `defusedxml` does, and so is XML that is
nested deeper than any report. Expat reads in linear time.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from pilotage.model.readiness import BadEvidence

DEEPEST = 100
"""Elements within one another; of the formats that are read, nested test suites go deepest, to about ten."""

_DECLARED = re.compile(rb"""^<\?xml[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BY_EXPAT = frozenset({"utf-8", "utf-16", "ascii", "iso8859-1"})
_ENCODINGS = re.compile(
    r"(iso8859-\d+|cp\d+|koi8-[rtu]|mac-\w+|shift_jis\w*|euc_\w+|gb2312|gbk|gb18030|big5\w*|johab|utf-(16|32)-[bl]e|utf-32)"
)
"""Codecs of characters. Python has others, such as punycode, which take much longer than their input is long."""


@dataclass(slots=True)
class Node:
    """One element. tag: without its namespace's prefix · line: of the file, from 1."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list[Node] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    def all(self, tag: str) -> Iterator[Node]:
        """Every element of that name, this one among them, in the order of the file."""
        left = [self]
        while left:
            node = left.pop()
            if node.tag == tag:
                yield node
            left += reversed(node.children)


def xml_of(content: bytes, name: str) -> Node:
    """The root element. Raises BadEvidence with the place of malformed XML, and for entities."""
    text = _as_text(content, name)
    parser = expat.ParserCreate("UTF-8" if isinstance(text, str) else None)
    tree = _Tree(parser, name)
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        what = expat.ErrorString(error.code)
        raise BadEvidence(f"{name}:{error.lineno}:{error.offset + 1}: is not valid XML: {what}") from None
    except UnicodeEncodeError:
        raise BadEvidence(f"{name}:{parser.CurrentLineNumber}: contains half a character") from None
    assert tree.root is not None  # expat refuses a document without an element
    return tree.root


def _as_text(content: bytes, name: str) -> bytes | str:
    """Bytes where expat itself knows the encoding; text where it does not, or where the declaration is wrong."""
    if content.startswith(_MARKS):  # UTF-16 that often still declares UTF-8: PowerShell converted it
        return _decoded(content, "utf-16", name)
    if content[:2] in (b"<\0", b"\0<"):
        return _decoded(content, "utf-16-le" if content[:1] == b"<" else "utf-16-be", name)
    found = _DECLARED.match(content.removeprefix(codecs.BOM_UTF8))
    if found is None:
        return content
    declared = found[1].decode()
    try:
        encoding = codecs.lookup(declared).name
    except LookupError:
        encoding = ""
    if encoding in _BY_EXPAT:
        return content
    if not _ENCODINGS.fullmatch(encoding):
        raise BadEvidence(f"{name}:1: declares the encoding {declared[:40]!r}, which is not known")
    return _decoded(content, encoding, name)


def _decoded(content: bytes, encoding: str, name: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadEvidence(f"{name}:{line}: is not text in {encoding}: {str(error)[:100]}") from None


class _Tree:
    """Collects the elements of one document."""

    def __init__(self, parser: expat.XMLParserType, name: str) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []
        self._parser, self._name = parser, name
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.EntityDeclHandler = self._entity
        parser.UnparsedEntityDeclHandler = self._entity
        parser.ExternalEntityRefHandler = self._entity

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        node = Node(tag.rpartition(":")[2], attributes, self._parser.CurrentLineNumber)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)
        if len(self._open) > DEEPEST:
            raise BadEvidence(f"{self._name}:{node.line}: is nested deeper than {DEEPEST} elements")

    def _end(self, _tag: str) -> None:
        self._open.pop()

    def _entity(self, *_: object) -> NoReturn:
        line = self._parser.CurrentLineNumber
        raise BadEvidence(f"{self._name}:{line}: declares an XML entity, which is not allowed")
