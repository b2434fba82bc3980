"""The versions of a pom.xml: of its parent and its dependencies, where most of them are in properties."""

from __future__ import annotations

import re
from collections.abc import Iterator

_BLOCK = re.compile(r"<(dependency|parent)>")
_FIELD = re.compile(r"<(groupId|artifactId|version)>\s*([^<\s]+)")
_HEAD_ENDS = re.compile(
    r"<(?:dependency|dependencies|dependencyManagement|build|profiles|reporting|distributionManagement)>"
)
_PROPERTIES = re.compile(r"<properties>")
_PROPERTY = re.compile(r"<([\w.-]+)>\s*([^<\s]+)\s*<")
_REFERENCE = re.compile(r"\$\{([^{}$]+)\}")
_DEEPEST = 5
"""Longest chain of properties that refer to each other."""


def packages(text: str) -> Iterator[tuple[str, str]]:
    """(group:artifact, version). A version that the pom does not hold, such as its parent's, is left out, and so are
    parts of the same build: they have the group and the version of the project itself."""
    text = "".join(part.partition("-->")[2] if at else part for at, part in enumerate(text.split("<!--")))
    known, own = _properties(text), _own(text)
    for block, after in _blocks(_BLOCK, text):
        fields = _fields(after.partition(f"</{block}>")[0].partition("<exclusions>")[0])
        said = fields.get("version", "")
        for _ in range(_DEEPEST):
            said = _REFERENCE.sub(lambda found: known.get(found[1], found[0]), said)[:200]
        if said and "${" not in said and (fields.get("groupId"), said) != own:
            yield f"{fields.get('groupId', '')}:{fields.get('artifactId', '')}", said


def _own(text: str) -> tuple[str | None, str | None]:
    """The project's group and version; from its parent what it does not say itself."""
    head = _HEAD_ENDS.split(text, maxsplit=1)[0]
    before, is_there, rest = head.partition("<parent>")
    inherited, _, after = rest.partition("</parent>")
    own = {**(_fields(inherited) if is_there else {}), **_fields(before + after)}
    return own.get("groupId"), own.get("version")


def _fields(text: str) -> dict[str, str]:
    """The first of each name."""
    return dict(reversed(_FIELD.findall(text)))


def _properties(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for _, after in _blocks(_PROPERTIES, text):
        found |= dict(_PROPERTY.findall(after.partition("</properties>")[0]))
    return found


def _blocks(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, str]]:
    """What opens a block, and the text from there to the next one."""
    heads = list(pattern.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    for head, end in zip(heads, ends, strict=False):
        yield head[0].strip("<>"), text[head.end() : end]
