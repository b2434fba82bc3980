"""The versions of a pom.xml: of its parent and its dependencies, where most of them are in properties."""

from __future__ import annotations

import re
from collections.abc import Iterator

_BLOCK = re.compile(r"<(dependency|parent)>")
_FIELD = re.compile(r"<(groupId|artifactId|version)>\s*([^<\s]+)")
_PROPERTIES = re.compile(r"<properties>")
_PROPERTY = re.compile(r"<([\w.-]+)>\s*([^<\s]+)\s*<")
_REFERENCE = re.compile(r"\$\{([^{}$]+)\}")
_DEEPEST = 5
"""Longest chain of properties that refer to each other."""


def packages(text: str) -> Iterator[tuple[str, str]]:
    """(group:artifact, version). A version that the pom does not hold, such as its parent's, is left out."""
    text = "".join(part.partition("-->")[2] if at else part for at, part in enumerate(text.split("<!--")))
    known = _properties(text)
    for block, after in _blocks(_BLOCK, text):
        inner = after.partition(f"</{block}>")[0].partition("<exclusions>")[0]
        fields = dict(reversed(_FIELD.findall(inner)))
        said = fields.get("version", "")
        for _ in range(_DEEPEST):
            said = _REFERENCE.sub(lambda found: known.get(found[1], found[0]), said)[:200]
        if said and "${" not in said:
            yield f"{fields.get('groupId', '')}:{fields.get('artifactId', '')}", said


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
