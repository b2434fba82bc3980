"""Typed JSON: the type of a parsed document, and readers that check values where they are used.

A parsed document is `Json`. A reader says what it expects: `number_at(document, "sums", "total")` returns a number or
raises `WrongJson` with the place. Readers neither copy nor convert, so what was read is written back unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, cast

from pilotage.model.converting import convert

if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
else:
    # msgspec and pydantic look annotations up when the program runs, and cannot follow a type that holds itself.
    Json = Any

JsonObject: TypeAlias = Mapping[str, Json]
JsonList: TypeAlias = Sequence[Json]

_T = TypeVar("_T")
_Read = TypeVar("_Read", covariant=True)
_Key: TypeAlias = str | int


class Reader(Protocol[_Read]):
    """A function that reads what is at a path of a document."""

    def __call__(self, document: object, /, *path: _Key) -> _Read: ...


class WrongJson(ValueError):
    """A document has something else in this place; the message says where, and what."""


def find(document: object, /, *path: _Key) -> Json:
    """What is at `path`: keys of objects, places in lists. None where the document does not go that far."""
    found = document
    for key in path:
        if isinstance(key, str) and isinstance(found, Mapping):
            found = found.get(key)
        elif isinstance(key, int) and isinstance(found, list | tuple) and -len(found) <= key < len(found):
            found = found[key]
        else:
            return None
    # A parsed document holds nothing else.
    return cast("Json", found)


def object_at(document: object, /, *path: _Key) -> JsonObject:
    """The object at `path`. Raises WrongJson for anything else, as all these readers do."""
    found = find(document, *path)
    if not isinstance(found, Mapping):
        raise _wrong("an object", path, found)
    return found


def list_at(document: object, /, *path: _Key) -> JsonList:
    found = find(document, *path)
    if not isinstance(found, list | tuple):
        raise _wrong("a list", path, found)
    return found


def text_at(document: object, /, *path: _Key) -> str:
    found = find(document, *path)
    if not isinstance(found, str):
        raise _wrong("a text", path, found)
    return found


def number_at(document: object, /, *path: _Key) -> float:
    """An integer stays one."""
    found = find(document, *path)
    if not isinstance(found, int | float) or isinstance(found, bool):
        raise _wrong("a number", path, found)
    return found


def whole_at(document: object, /, *path: _Key) -> int:
    found = find(document, *path)
    if not isinstance(found, int) or isinstance(found, bool):
        raise _wrong("a whole number", path, found)
    return found


def truth_at(document: object, /, *path: _Key) -> bool:
    found = find(document, *path)
    if not isinstance(found, bool):
        raise _wrong("true or false", path, found)
    return found


def pair_at(document: object, /, *path: _Key) -> tuple[float, float]:
    """Two numbers in a list."""
    found = each(number_at, document, *path)
    if len(found) != 2:
        raise _wrong("two numbers", path, found)
    return found[0], found[1]


def optional(reader: Reader[_T], document: object, *path: _Key) -> _T | None:
    """What `reader` finds at `path`; None where nothing or null is there."""
    return None if find(document, *path) is None else reader(document, *path)


def each(reader: Reader[_T], document: object, *path: _Key) -> list[_T]:
    """The members of the list at `path`, each as `reader` reads it."""
    return [reader(member) for member in list_at(document, *path)]


def entries(reader: Reader[_T], document: object, *path: _Key) -> dict[str, _T]:
    """The values of the object at `path`, each as `reader` reads it."""
    return {key: reader(value) for key, value in object_at(document, *path).items()}


def read_as(kind: type[_T], document: object, *path: _Key) -> _T:
    """What is at `path` as a dataclass or a typed collection."""
    import msgspec

    try:
        return convert(find(document, *path), kind)
    except msgspec.ValidationError as error:
        raise WrongJson(f"{_place(path)}: {error}") from None


def _wrong(wanted: str, path: Sequence[_Key], found: object) -> WrongJson:
    if found is None:
        return WrongJson(f"{_place(path)!r} is missing")
    return WrongJson(f"{_place(path)} is {found!r:.60}, not {wanted}")


def _place(path: Sequence[_Key]) -> str:
    return ".".join(map(str, path)) or "the document"
