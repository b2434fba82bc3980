"""Migrations in SQL: a statement that plainly destroys is a finding, whatever stands around it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

from pilotage.risk.migrations import findings_of
from tests.fuzz.reader import Reader, Sample
from tests.fuzz.readers.junit import CASES

_QUOTED = re.compile(r"--[^\n]*|#[^\n]*|//[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^'\\]|''|\\.)*(?:'|\Z)|\"[^\"]*(?:\"|\Z)"
                     r"|`[^`]*(?:`|\Z)|\$(\w*)\$.*?(?:\$\1\$|\Z)|\[[^\]]*\]", re.S)  # fmt: skip
_DESTROYS = re.compile(
    r"(?:DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?!IF\b)[a-z]\w*|TRUNCATE\s+TABLE\s+[a-z]\w*"
    r"|ALTER\s+TABLE\s+[a-z]\w*\s+DROP\s+COLUMN\s+(?:IF\s+EXISTS\s+)?(?!IF\b)[a-z]\w*)\s*",
    re.IGNORECASE,
)
_STARTED = re.compile(
    r"\b(?:CREATE|BEGIN|DECLARE|PROCEDURE|FUNCTION|TRIGGER|goose|migrate:|DELIMITER|COPY)", re.IGNORECASE
)
"""Of a table that the script makes, of a body, and of what runs back, no plain reading can tell."""


def _check(sample: Sample) -> Iterator[str]:
    path = sample.name if sample.name.endswith(".sql") else f"{sample.name}.sql"
    text = sample.text
    found = findings_of(path, text)
    if not found and not _STARTED.search(text) and (statement := _destroys(text)) and not _runs_back(path):
        yield f"no finding for a statement that destroys: {statement}"


def _runs_back(path: str) -> bool:
    return bool(re.search(r"down|undo|revert|rollback|(?:^|/)U\d", path, re.IGNORECASE))


def _destroys(text: str) -> str:
    """A statement of a script, without quotes and comments, that a plain reading calls destructive."""
    if _QUOTED.search(text):
        return ""
    parts = (part.strip() for part in text.split(";"))
    return next((part for part in parts if _DESTROYS.fullmatch(part)), "")


READER = Reader(
    name="sql",
    check=_check,
    seeds=(
        Sample("db/migrate/postgres/1.sql", b"ALTER TABLE users DROP COLUMN name;\nCREATE INDEX i ON users (a, b);\n"),
        Sample("db/mysql/2.sql", b"ALTER TABLE `t` MODIFY a INT NOT NULL, ADD KEY k (a) USING BTREE;\nDROP TABLE b;\n"),
        Sample("db/tsql/3.sql", b"IF EXISTS (SELECT 1 FROM [a]) DROP TABLE [d].[a]\nGO\nEXEC sp_rename 'a', 'b'\nGO\n"),
        Sample("db/sqlite/4.sql", b"PRAGMA foreign_keys=off;\nINSERT INTO a SELECT x, 'y' FROM b WHERE c IN (1, 2);\n"),
        *(Sample(path.name, path.read_bytes()) for path in sorted((CASES / "migrations").glob("*.sql"))),
    ),
    takes=lambda path: PurePath(path).suffix == ".sql",
    words=(
        "DROP TABLE a;", "ALTER TABLE a DROP COLUMN b;", "TRUNCATE TABLE a;", "GO", "DELIMITER //", "BEGIN",
        "END;", "$$",
        "CREATE TABLE a (b int);", "CASE WHEN", "((((", "NOT NULL", "IF EXISTS", "COPY a FROM stdin;", "\\.",
        "EXEC(", "[a]",
        "--> statement-breakpoint", "-- +goose Down", "LATERAL", "INTERVAL", "::", "SELECT", "WITH a AS (",
        "JSON_TABLE(",
        "CAST(a AS", "ARRAY[", "STRUCT<", "RENAME TO b", "ADD CONSTRAINT", "PARTITION BY", "LIKE ANY (", "EXECUTE",
    ),
    seconds=(4.0, 120.0),
)  # fmt: skip
