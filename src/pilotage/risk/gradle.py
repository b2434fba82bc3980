"""The versions of a build.gradle: of its dependencies and plugins, many of which are in values of the same file."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NAME = r"[\"']([\w.-]{1,100})[\"']"
_VERSION = r"[\"'](\d[\w.+-]{0,100})[\"']"
_DEPENDENCY = re.compile(
    r"[\"']([\w.-]{1,100}:[\w.-]{1,100}):(\d[\w.+-]{0,100}|\$\{?[\w.]{1,100}\}?)[\"'@]"
)  # fmt: skip
_MAP = re.compile(rf"\bgroup[:=]\s?{_NAME},\s?name[:=]\s?{_NAME},\s?version[:=]\s?{_VERSION}")
_PLUGIN = re.compile(rf"\bid[ (]\s?{_NAME}\)?\s{{1,3}}version\s?[ (]?{_VERSION}")
_VALUE = re.compile(rf"\b(\w{{1,100}})[\"']?\]?\s?=\s?{_VERSION}")


def packages(text: str) -> Iterator[tuple[str, str]]:
    """(group:artifact or plugin, version). `$name` is a value of the same file; one of another file is left out."""
    values = {found[1]: found[2] for found in _VALUE.finditer(text)}
    for found in _DEPENDENCY.finditer(text):
        name = found[2].strip("${}").rpartition(".")[2]
        if version := values.get(name, "") if found[2].startswith("$") else found[2]:
            yield found[1], version
    yield from ((f"{found[1]}:{found[2]}", found[3]) for found in _MAP.finditer(text))
    yield from ((found[1], found[2]) for found in _PLUGIN.finditer(text))
