"""Reads the tenants of an environment: from a file, a database or a command. Nothing is kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pilotage.adapters.command.program import Program
from pilotage.adapters.environment import Environment
from pilotage.adapters.secrets import Secret, resolve
from pilotage.config.waves import TenantsSection
from pilotage.config.yaml_reader import read
from pilotage.model.errors import Invalid
from pilotage.model.json import Json
from pilotage.model.json_text import BadJson, parse
from pilotage.model.tenant import MOST, BadTenants, Tenant, tenant_of

_MOST_BYTES = 32 << 20
_Row = tuple[str, Mapping[str, Json]]


def read_tenants(
    section: TenantsSection, folder: Path, secrets: Callable[[str], Secret] = resolve
) -> dict[str, Tenant]:
    """The tenants by name, in their order. folder: of the project. Raises BadTenants, AdapterError."""
    found: dict[str, Tenant] = {}
    places: dict[str, str] = {}
    for where, row in _rows(section, folder, secrets):
        tenant = tenant_of(row, where)
        if tenant.name in found:
            raise BadTenants(f"{where}: the tenant {tenant.name} is listed twice, first at {places[tenant.name]}")
        if len(found) == MOST:
            raise BadTenants(f"{where}: the list has more than {MOST:,} tenants, which is the most")
        found[tenant.name], places[tenant.name] = tenant, where
    if not found:
        raise BadTenants(f"{_source(section)}: the list of tenants is empty")
    return found


def _source(section: TenantsSection) -> str:
    return section.file or ("tenants.sql" if section.sql else "tenants.command")


def _rows(section: TenantsSection, folder: Path, secrets: Callable[[str], Secret]) -> Iterator[_Row]:
    if section.sql is not None:
        from pilotage.adapters.queries.sql import SqlQueries

        rows = SqlQueries(section.sql.database, secrets, max_age=0).rows(section.sql.query, MOST + 1)
        yield from ((f"tenants.sql: row {number}", row) for number, row in enumerate(rows, 1))
    elif section.command is not None:
        given = Environment(given=section.env, passed=section.pass_env)
        said = Program(section.command, folder, given, section.timeout).printed({"call": "tenants"}, _MOST_BYTES)
        yield from _lines(_decoded(said, section.command[0]), section.command[0])
    else:
        assert section.file is not None
        yield from _of_file(folder / section.file, section.file)


def _of_file(path: Path, name: str) -> Iterator[_Row]:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise BadTenants(f"{name}: cannot be read: {error.strerror}") from None
    if len(content) > _MOST_BYTES:
        raise BadTenants(f"{name}: the file has more than {_MOST_BYTES >> 20} MB, which is the most")
    if path.suffix in (".yaml", ".yml"):
        yield from _yaml(content, name)
    elif path.suffix == ".csv":
        yield from _csv(_decoded(content, name), name)
    else:
        yield from _lines(_decoded(content, name), name)


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadTenants(f"{name}:{line}: not UTF-8 text: save the list as UTF-8") from None


def _yaml(content: bytes, name: str) -> Iterator[_Row]:
    try:
        document = read(content, name)
    except Invalid as error:
        raise BadTenants(str(error)) from None
    if document.problems:
        raise BadTenants(document.problems[0].at(name))
    if not isinstance(document.data, list):
        raise BadTenants(f"{name}:1: not a list of tenants: write one a line, such as - {{name: acme, region: eu}}")
    for index, row in enumerate(document.data):
        where = f"{name}:{document.mark((index,)).line}"
        yield where, _object({"name": row} if isinstance(row, str) else row, where)


def _csv(text: str, name: str) -> Iterator[_Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        if "name" not in (reader.fieldnames or ()):
            raise BadTenants(
                f"{name}:1: no column is called name: begin the file with a line such as name,region,contact"
            )
        if twice := next((one for one in reader.fieldnames or () if list(reader.fieldnames or ()).count(one) > 1), ""):
            raise BadTenants(f"{name}:1: two columns are called {twice[:60]}: each needs a name of its own")
        for row in reader:
            where = f"{name}:{reader.line_num}"
            if None in row or None in row.values():
                raise BadTenants(f"{where}: the line has not as many fields as the first one")
            yield where, dict(row)
    except csv.Error as error:
        raise BadTenants(f"{name}:{reader.line_num}: not CSV: {error}") from None


def _lines(text: str, name: str) -> Iterator[_Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            yield where, _object(parse(line), where)
        except BadJson as error:
            raise BadTenants(f"{where}:{error.column}: not JSON: {error.what}") from None


def _object(row: Json, where: str) -> Mapping[str, Json]:
    if not isinstance(row, dict):
        raise BadTenants(f"{where}: not a tenant: write an object such as {{name: acme, region: eu}}")
    if nested := next((key for key, value in row.items() if isinstance(value, dict | list)), ""):
        raise BadTenants(f"{where}: the attribute {nested[:60]} is no text, number or switch")
    return row
