"""OpenAPI documents of a repository, as they were at two commits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

from pilotage.adapters.git import Git
from pilotage.model.json import Json

_USUAL = re.compile(r"(?:.*/)?openapi\.(?:ya?ml|json)")
_MOST_DOCUMENTS, _LARGEST, _MOST_VALUES = 10, 8 << 20, 1_000_000


@dataclass(frozen=True, kw_only=True)
class ApiDocument:
    """old, new: as JSON; either None where it was not there then · unreadable: why it cannot be compared, or empty."""

    path: str
    old: Json = None
    new: Json = None
    unreadable: str = ""


class _Unreadable(Exception):
    """Says why."""


def documents_of(
    git: Git, first: str, last: str, named: Sequence[str], within: Sequence[str] = ()
) -> tuple[ApiDocument, ...]:
    """The documents that are named, or every `openapi.yaml`, `.yml` and `.json`. within: of these paths alone, if there
    are any. Raises AdapterError."""
    paths = list(named)
    if not paths:
        mine = git.scope.paths if not within else None
        whole = ["--full-tree"] if mine else []
        listed = {
            path
            for commit in (first, last)
            for path in git.run("ls-tree", "-rz", "--name-only", *whole, commit, "--", *within).split("\0")
            if not mine or mine.match(path)
        }
        paths = sorted(path for path in listed if _USUAL.fullmatch(path))[:_MOST_DOCUMENTS]
    before, after = (git.contents([f"{commit}:{path}" for path in paths]) for commit in (first, last))
    return tuple(_document(path, old, new) for path, old, new in zip(paths, before, after, strict=True))


def _document(path: str, old: bytes | None, new: bytes | None) -> ApiDocument:
    try:
        return ApiDocument(path=path, old=_read(old), new=_read(new))
    except _Unreadable as error:
        return ApiDocument(path=path, unreadable=str(error))


def _read(content: bytes | None) -> Json:
    """Raises _Unreadable."""
    if content is None:
        return None
    if len(content) > _LARGEST:
        raise _Unreadable("it is larger than 8 MiB")
    try:
        found = json.loads(content) if content.lstrip()[:1] == b"{" else yaml.load(content, yaml.CSafeLoader)
    except (ValueError, yaml.YAMLError, RecursionError):
        raise _Unreadable("it is neither YAML nor JSON") from None
    plain = _Plain().of(found)
    version = plain.get("openapi") if isinstance(plain, Mapping) else None
    if not str(version).startswith("3."):
        raise _Unreadable("it is no OpenAPI 3 document")
    return plain


class _Plain:
    """JSON of what YAML holds: texts as keys, and no more values than can be compared. What names the same value
    over and over again is counted each time."""

    def __init__(self) -> None:
        self._left = _MOST_VALUES

    def of(self, value: object, depth: int = 0) -> Json:
        self._left -= 1
        if self._left < 0 or depth > 100:
            raise _Unreadable("it has too many values")
        if isinstance(value, Mapping):
            return {str(key): self.of(one, depth + 1) for key, one in value.items()}
        if isinstance(value, list):
            return [self.of(one, depth + 1) for one in value]
        return value if isinstance(value, bool | int | float | str) or value is None else str(value)
