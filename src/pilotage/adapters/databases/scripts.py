"""Reads the migrations that a version brings from their folder. Python is parsed and never run."""

from __future__ import annotations

import ast
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pilotage.adapters.databases.applied import normal
from pilotage.adapters.ports import AdapterError
from pilotage.model.migration import Script, Tool, repeated

TABLES = {
    Tool.ALEMBIC: "alembic_version", Tool.DJANGO: "django_migrations", Tool.FLYWAY: "flyway_schema_history",
}  # fmt: skip
"""Where each tool keeps what it has applied, unless it is configured otherwise."""

_LARGEST = 1 << 20
_MOST = 20_000
"""Files that are read; more of them are no migrations."""
_MARK, _COMMENTS = "pilotage:", ("#", "--", "//", "*")
_FLYWAY = re.compile(r"(V|R)([0-9][0-9._]*)?__(.+)\.(sql|java|kt)")


@dataclass(frozen=True, kw_only=True)
class File:
    """A migration, and the file that it stands in. path: from the folder of the migrations."""

    script: Script
    path: str
    text: str


def scripts_in(folder: Path, tool: Tool) -> tuple[File, ...]:
    """Every migration of a folder. Raises AdapterError where it is missing, holds none or one that cannot be read."""
    if not folder.is_dir():
        raise AdapterError(f"there is no folder of migrations {folder}")
    read = {Tool.ALEMBIC: _alembic, Tool.DJANGO: _django, Tool.FLYWAY: _flyway}[tool]
    found = tuple(read(folder))
    if not found:
        raise AdapterError(f"{folder.name} holds no migration of {tool}")
    if twice := repeated([one.script for one in found]):
        raise AdapterError(f"{folder.name}: two files have the migration {twice[0]}")
    return found


def _alembic(folder: Path) -> Iterator[File]:
    for path in _files(folder, "*.py"):
        text = _text(path)
        given = _assigned(path, text)
        revision = given.get("revision")
        if not isinstance(revision, str):
            continue  # env.py, and what else stands beside the migrations
        after = (*_names(given.get("down_revision")), *_names(given.get("depends_on")))
        line = ",".join(_names(given.get("branch_labels")))
        yield _file(folder, path, text, Script(id=revision, name=path.name, after=after, line=line))


def _django(folder: Path) -> Iterator[File]:
    for path in _files(folder, "**/migrations/*.py"):
        if path.name == "__init__.py" or not (path.parent / "__init__.py").exists():
            continue
        text, app = _text(path), path.parent.parent.name or folder.resolve().name
        given = _in_class(path, text)
        after, replaces = (
            tuple(f"{a}.{b}" for a, b in _pairs(given.get(name))) for name in ("dependencies", "replaces")
        )
        # Those of other applications say what comes first, and not what follows whom.
        mine = tuple(one for one in after if one.partition(".")[0] == app)
        script = Script(id=f"{app}.{path.stem}", name=f"{app}/{path.name}", after=mine, replaces=replaces, line=app)
        yield _file(folder, path, text, script)


def _flyway(folder: Path) -> Iterator[File]:
    for path in _files(folder, "**/*"):
        found = _FLYWAY.fullmatch(path.name)
        if found is None or (found[1] == "V") != bool(found[2]):
            continue
        text = _text(path)
        again = found[1] == "R"
        identity = f"R {found[3].replace('_', ' ')}" if again else normal(found[2].rstrip("."))
        checksum = checksum_of(text) if path.suffix == ".sql" else None
        script = Script(id=identity, name=path.name, checksum=checksum, again=again)
        yield _file(folder, path, text, script)


def _file(folder: Path, path: Path, text: str, script: Script) -> File:
    """With what its author says of it in a comment."""
    marked = script
    for line in text.splitlines() if _MARK in text else ():
        before, _, after = line.partition(_MARK)
        words = after.split()
        if not any(sign in before for sign in _COMMENTS):
            continue
        if words[:1] == ["expand"]:
            marked = replace(marked, expands=True)
        elif words[:2] == ["contract", "since"] and len(words) > 2:
            marked = replace(marked, since=words[2].rstrip("*/.,;"))
    return File(script=marked, path=str(path.relative_to(folder)), text=text)


def checksum_of(text: str) -> int:
    """As Flyway has it: CRC-32 of the lines without their ends, as a signed number of 32 bits."""
    found = 0
    for line in text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        found = zlib.crc32(line.encode(), found)
    return found - (1 << 32) if found >= 1 << 31 else found


def _files(folder: Path, pattern: str) -> list[Path]:
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    if len(found) > _MOST:
        raise AdapterError(f"{folder.name} holds {len(found)} files: name the folder of the migrations alone")
    return found


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise AdapterError(f"{path.name} cannot be read: {error.strerror}") from None
    if len(content) > _LARGEST:
        raise AdapterError(f"{path.name} is larger than 1 MiB")
    return content.decode(errors="replace")


def _tree(path: Path, text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise AdapterError(f"{path.name} is no Python that can be read") from None


def _assigned(path: Path, text: str) -> dict[str, object]:
    return dict(_values(_tree(path, text).body))


def _in_class(path: Path, text: str) -> dict[str, object]:
    classes = [one for one in _tree(path, text).body if isinstance(one, ast.ClassDef) and one.name == "Migration"]
    return dict(_values(classes[0].body)) if classes else {}


def _values(body: list[ast.stmt]) -> Iterator[tuple[str, object]]:
    """What names get at the top of a body; what is computed there is left out, member by member."""
    for one in body:
        target, value = (
            (one.target, one.value) if isinstance(one, ast.AnnAssign)
            else (one.targets[0], one.value) if isinstance(one, ast.Assign) else (None, None)
        )  # fmt: skip
        if isinstance(target, ast.Name) and value is not None:
            yield target.id, _literal(value)


def _literal(value: ast.expr) -> object:
    if isinstance(value, ast.List | ast.Tuple | ast.Set):
        return tuple(_literal(one) for one in value.elts)
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _names(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(v for v in value if isinstance(v, str)) if isinstance(
        value, tuple
    ) else ()  # fmt: skip


def _pairs(value: object) -> Iterator[tuple[str, str]]:
    for one in value if isinstance(value, tuple) else ():
        if isinstance(one, tuple) and len(one) == 2 and all(isinstance(part, str) for part in one):
            yield str(one[0]), str(one[1])
