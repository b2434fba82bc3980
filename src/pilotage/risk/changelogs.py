"""Liquibase changelogs as trees: XML, YAML and JSON alike, and only the change sets that a release adds.

A changelog keeps its change sets for ever, and Liquibase runs each once. So change sets that were in the file before,
unchanged, are not part of the release.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

import yaml

from pilotage.model.errors import Invalid

_DEEPEST = 100
"""Elements within one another. Changelogs need about six."""
_SQL_HEAD = re.compile(r"^[ \t]*--[ \t]*changeset[ \t]+\S", re.IGNORECASE | re.MULTILINE)


class UnreadableChangelog(Invalid):
    """A changelog is neither XML nor YAML."""


@dataclass(slots=True)
class Node:
    """An element, or a key with its content. said: attributes and scalars · source: its text."""

    name: str
    said: dict[str, str] = field(default_factory=dict)
    text: str = ""
    parts: list[Node] = field(default_factory=list)
    source: str = ""

    def part(self, name: str) -> Node | None:
        return next((one for one in self.parts if one.name == name), None)

    def all(self, name: str) -> Iterator[Node]:
        """Every node of that name below this one, in the order of the file, each once."""
        yield from (one for one in walk(self) if one.name == name)


def walk(root: Node, without: tuple[str, ...] = ()) -> Iterator[Node]:
    """The nodes below `root` in the order of the file, each once, and nothing below those of the names `without`."""
    left, seen = list(reversed(root.parts)), set[int]()
    while left:
        node = left.pop()
        if id(node) in seen or node.name in without:
            continue
        seen.add(id(node))
        yield node
        left += reversed(node.parts)


def change_sets(text: str, before: str, *, is_xml: bool) -> list[Node]:
    """The change sets that are not in `before`. A file that is only part of a changelog counts as one change set.
    Raises UnreadableChangelog for the text; `before` need not be readable."""
    read = _of_xml if is_xml else _of_yaml
    root = read(text)
    found = list(root.all("changeSet"))
    if not found:
        return [root] if root.part("databaseChangeLog") is None else []
    try:
        known = {_plain(one.source) for one in read(before).all("changeSet")} if before else set()
    except UnreadableChangelog:
        known = set()
    return [one for one in found if _plain(one.source) not in known]


def new_sql(text: str, before: str) -> str:
    """Formatted SQL without the change sets that were in the file before, whose lines are empty; other SQL
    unchanged."""
    known = {_plain(one) for one in _blocks(before)[1:]}
    first, *rest = _blocks(text)
    return "".join([first, *(one if _plain(one) not in known else "\n" * one.count("\n") for one in rest)])


def _blocks(text: str) -> list[str]:
    """The text before the first change set of formatted SQL, and each change set."""
    heads = [head.start() for head in _SQL_HEAD.finditer(text)]
    return [text[start:end] for start, end in zip([0, *heads], [*heads, len(text)], strict=True)]


def _plain(source: str) -> str:
    return " ".join(source.split())


def _of_xml(text: str) -> Node:
    """A part of a changelog is read as well, wrapped in an added element."""
    try:
        return _XmlTree(text.strip()).read()
    except expat.ExpatError:
        pass
    try:
        (root,) = _XmlTree(f"<_>{text}</_>").read().parts
    except expat.ExpatError as error:
        raise UnreadableChangelog(str(error)) from None
    if text.strip() and not root.parts:
        raise UnreadableChangelog("it has no element")
    return root


class _XmlTree:
    """Names without their prefixes. Entities are refused: a page of them can become gigabytes."""

    def __init__(self, text: str) -> None:
        self._content = text.encode("utf-8", "replace")
        self._parser = parser = expat.ParserCreate("UTF-8")
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler, parser.EntityDeclHandler = self._data, self._refuse
        parser.buffer_text = True
        self._open, self._starts, self._texts = [Node("_")], list[int](), list[list[str]]()

    def read(self) -> Node:
        self._parser.Parse(self._content, True)
        return self._open[0]

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._open) > _DEEPEST:
            raise UnreadableChangelog("it is nested too deeply")
        node = Node(_local(tag), {_local(name): value for name, value in attributes.items()})
        self._open[-1].parts.append(node)
        self._open.append(node)
        self._starts.append(self._parser.CurrentByteIndex)
        self._texts.append([])

    def _end(self, _: str) -> None:
        node = self._open.pop()
        node.text = "".join(self._texts.pop())
        node.source = self._content[self._starts.pop() : self._parser.CurrentByteIndex].decode("utf-8", "replace")

    def _data(self, said: str) -> None:
        self._texts[-1].append(said)

    def _refuse(self, *_: object) -> None:
        raise UnreadableChangelog("it declares an entity")


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _of_yaml(text: str) -> Node:
    try:
        return _YamlTree(text).node("_", yaml.compose(text, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UnreadableChangelog(str(error)) from None


class _YamlTree:
    """Keys become nodes, and a list's entries nodes of the list's name. An alias becomes the node that it refers to."""

    def __init__(self, text: str) -> None:
        self._text, self._made = text, dict[int, Node]()

    def node(self, name: str, value: yaml.Node | None) -> Node:
        if value is None:
            return Node(name)
        if id(value) in self._made:
            return self._made[id(value)]
        node = self._made[id(value)] = Node(name)
        node.source = self._text[value.start_mark.index : value.end_mark.index]
        if isinstance(value, yaml.ScalarNode):
            node.text = str(value.value)
        elif isinstance(value, yaml.SequenceNode):
            node.parts = [self.node(name, one) for one in value.value]
        elif isinstance(value, yaml.MappingNode):
            pairs = [(str(key.value), one) for key, one in value.value]
            node.said = {key: str(one.value) for key, one in pairs if isinstance(one, yaml.ScalarNode)}
            node.parts = [self.node(key, one) for key, one in pairs]
        return node
