"""The manifest of a backup of Pilotage's own store: what is in the file, and the hash of each part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pilotage.model.canonical import canonical_json
from pilotage.model.json import Json, WrongJson, each, number_at, object_at, text_at, whole_at

KIND, FORMAT = "pilotage-store", 1
"""A reader takes formats up to its own. A new format is needed when an older Pilotage would restore a file wrongly."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One member of the archive. size: bytes before compression."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class TablePart:
    """A table's rows: one JSON list a line, in the order of `columns`."""

    table: str
    columns: tuple[str, ...]
    rows: int
    part: Part


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """revision: of the newest migration that the store had · database: `sqlite` or `postgresql` · place: the machine
    and folder it was made on · files: of the state folder, by their path in it."""

    pilotage: str
    revision: int
    database: str
    made_at: float
    place: str
    tables: tuple[TablePart, ...]
    files: tuple[Part, ...]

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.tables)

    @property
    def size(self) -> int:
        """Bytes of everything in it, before compression."""
        return sum(part.size for part in self.parts)

    @property
    def parts(self) -> tuple[Part, ...]:
        return (*(one.part for one in self.tables), *self.files)

    def to_json(self) -> str:
        tables = [
            {"table": one.table, "columns": one.columns, "rows": one.rows, **vars(one.part)} for one in self.tables
        ]
        own = {
            "kind": KIND, "format": FORMAT, "pilotage": self.pilotage, "revision": self.revision,
            "database": self.database, "made_at": self.made_at, "place": self.place,
        }  # fmt: skip
        return canonical_json({**own, "tables": tables, "files": [vars(one) for one in self.files]})


class NewerFormat(ValueError):
    """A newer Pilotage wrote it."""


def manifest_of(document: Json) -> Manifest:
    """The manifest in a parsed document. Raises NewerFormat, WrongJson."""
    if text_at(document, "kind") != KIND:
        raise WrongJson(f"kind is {text_at(document, 'kind')!r:.40}, not {KIND}")
    if whole_at(document, "format") > FORMAT:
        raise NewerFormat(f"format {whole_at(document, 'format')}, this version reads up to {FORMAT}")
    found = Manifest(
        pilotage=text_at(document, "pilotage"), revision=whole_at(document, "revision"),
        database=text_at(document, "database"), made_at=number_at(document, "made_at"),
        place=text_at(document, "place"), tables=tuple(each(_table, document, "tables")),
        files=tuple(each(_part, document, "files")),
    )  # fmt: skip
    _refuse_twice([part.name for part in found.parts])
    return found


def _table(document: object, /, *path: str | int) -> TablePart:
    one = object_at(document, *path)
    columns = tuple(each(text_at, one, "columns"))
    return TablePart(table=text_at(one, "table"), columns=columns, rows=whole_at(one, "rows"), part=_part(one))


def _part(document: object, /, *path: str | int) -> Part:
    one = object_at(document, *path)
    name, size = text_at(one, "name"), whole_at(one, "size")
    # It becomes a path below the state folder, and nowhere else.
    if any(part in ("", ".", "..") for part in name.split("/")) or "\\" in name or "\0" in name:
        raise WrongJson(f"{name!r:.60} is not a path below the state folder")
    if size < 0:
        raise WrongJson(f"the size of {name!r:.60} is {size}")
    return Part(name=name, size=size, sha256=text_at(one, "sha256"))


def _refuse_twice(names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        raise WrongJson("two parts have the same name")
