"""What the manifest of a folder calls the package in it: npm, Cargo, Python, Composer."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping

from pilotage.model.json import Json, find

MANIFESTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "package.json": (("name",),),
    "Cargo.toml": (("package", "name"),),
    "pyproject.toml": (("project", "name"), ("tool", "poetry", "name")),
    "composer.json": (("name",),),
}
"""Files, and where each may hold the name."""


def names_in(file: str, content: bytes) -> Iterator[str]:
    """The names that one of MANIFESTS gives; none where it cannot be read."""
    try:
        text = content.decode()
        read: Json = tomllib.loads(text) if file.endswith(".toml") else json.loads(text)
    except (ValueError, RecursionError):
        return
    for place in MANIFESTS[file]:
        if isinstance(name := find(read, *place), str) and name:
            yield name
