"""What all readers of evidence share: text of any common encoding, JSON of a known shape, numbers, and one error."""

from __future__ import annotations

import json
from typing import TypeVar

from pilotage.model.converting import convert
from pilotage.model.json import Json
from pilotage.model.json_text import BadJson, parse
from pilotage.model.readiness import BadEvidence

T = TypeVar("T")


def text_of(content: bytes, name: str) -> str:
    """Text in UTF-8, or in UTF-16 or UTF-32 as its first bytes say (PowerShell writes UTF-16). Raises BadEvidence."""
    encoding = json.detect_encoding(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        said = encoding.removesuffix("-sig").upper()
        raise BadEvidence(f"{name}:{line}: is not text in {said}: byte {error.start} belongs to no character") from None


def json_of(text: str, name: str) -> Json:
    """Raises BadEvidence with line and column for what is not JSON, and for a key that an object has twice."""
    try:
        return parse(text)
    except BadJson as error:
        raise BadEvidence(f"{name}:{error.line}:{error.column}: is not valid JSON: {error.what}") from None


def shaped(read: object, shape: type[T], name: str) -> T:
    """Plain JSON data as the type that its format prescribes. Raises BadEvidence with the path of what is not so."""
    import msgspec

    try:
        return convert(read, shape)
    except (msgspec.ValidationError, ValueError) as error:  # a ValueError: half a character in a text
        raise BadEvidence(f"{name} is incomplete: {error}") from None


def number(value: object, name: str, what: str) -> float:
    """A finite number of at least zero."""
    try:
        found = float(str(value))
    except ValueError:
        raise BadEvidence(f"{name}: {what} is {str(value)[:60]!r}, not a number") from None
    if not 0 <= found < float("inf"):
        raise BadEvidence(f"{name}: {what} is {str(value)[:60]!r}")
    return found


def whole(value: object, name: str, what: str = "a count") -> int:
    """A whole number of at least zero."""
    found = number(value, name, what)
    if not found.is_integer():
        raise BadEvidence(f"{name}: {what} is {str(value)[:60]!r}, not a whole number")
    return int(found)
