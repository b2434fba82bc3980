"""Statements that the parser treats as a bare command: what their words reveal, and what they do not."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator

from pilotage.risk.operations import Found, breaks, destroys, locks, unread

_NAME = r"(?:[\[\]\"`\w$]+\.)*[\[\"`]?(\w+)"
_SAID = (
    (re.compile(rf"\bDROP (?:TABLE|SCHEMA|DATABASE) (?:IF EXISTS )?{_NAME}", re.I), destroys, "drops table {}"),
    (re.compile(rf"\bDROP COLUMN (?:IF EXISTS )?{_NAME}", re.I), destroys, "drops column {}"),
    (re.compile(r"\bTABLE ([^ ]+) DROP \(", re.I), destroys, "drops columns of {}"),
    (re.compile(r"\bTABLE ([^ ]+) TRUNCATE PARTITION\b", re.I), destroys, "empties a partition of {}"),
    (re.compile(rf"\bTRUNCATE (?:TABLE )?(?!PARTITION\b){_NAME}", re.I), destroys, "empties table {}"),
    (re.compile(rf"\bDELETE FROM {_NAME}(?= ?(?:;|$|END\b))", re.I), destroys, "deletes every row of {}"),
    (re.compile(r"\bDROP OWNED BY (\w+)", re.I), destroys, "drops everything of {}"),
    (re.compile(rf"\b(?:RENAME TABLE|sp_rename) '?{_NAME}", re.I), breaks,
     "renames something of {} that the old version still uses"),
    (re.compile(r"\bTABLE (?:IF EXISTS )?([^ ]+) (?:.{0,200} )?(?:RENAME (?:TO|COLUMN)|SET SCHEMA)\b", re.I), breaks,
     "renames something of {} that the old version still uses"),
    (re.compile(rf"\bALTER (?:TYPE|SEQUENCE|SCHEMA|FUNCTION|PROCEDURE|(?:MATERIALIZED )?VIEW) (?:IF EXISTS )?{_NAME}"
                r"(?: ?\([^()]*\))? RENAME\b", re.I), breaks,
     "renames something of {} that the old version still uses"),
    (re.compile(rf"\bDROP DOMAIN (?:IF EXISTS )?{_NAME}", re.I), breaks,
     "drops domain {}, which the old version may still use"),
    (re.compile(r"\bTABLE ([^ ]+) (?:MODIFY|CONVERT TO CHARACTER SET)\b", re.I), breaks,
     "changes the type of columns of {}"),
)  # fmt: skip
_INDEX = re.compile(rf"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY).{{0,200}}\bON {_NAME}", re.I)
_HARMLESS = re.compile(
    r"(?:SET|RESET|SHOW|COMMENT|GRANT|REVOKE|DENY|ANALYZE|VACUUM|LOCK|UNLOCK|BEGIN|START|COMMIT|ROLLBACK|SAVEPOINT|RELEASE"
    r"|END|USE|PRINT|CREATE|NOTIFY|LISTEN|REFRESH|REINDEX|EXPLAIN|PRAGMA|SECURITY|DISCARD|CHECKPOINT|COPY|VALUES|SELECT"
    r"|REASSIGN|OPTIMIZE|FLUSH|DEALLOCATE|PREPARE|LOAD|ATTACH|DETACH|INSERT|REPLACE|FETCH|CLOSE"
    r"|DROP (?:POLICY|ROLE|USER|LOGIN|OPERATOR|RULE|AGGREGATE|PUBLICATION|SUBSCRIPTION|STATISTICS|COLLATION"
    r"|CAST|EVENT|EXTENSION)"
    r"|EXEC (?:sp_(?!rename|executesql)\w+|$)"
    r"|ALTER (?!TABLE\b)|ALTER TABLE (?:IF EXISTS )?(?:ONLY )?[^ ]+ (?:OWNER TO|ENABLE|DISABLE|FORCE|NO FORCE|VALIDATE"
    r"|RENAME CONSTRAINT|ATTACH PARTITION|DETACH PARTITION|REPLICA IDENTITY|SET|RESET|CLUSTER ON|INHERIT|NO INHERIT"
    r"|WITH NOCHECK ADD|CHECK CONSTRAINT|NOCHECK CONSTRAINT|COMMENT|AUTO_INCREMENT|ENGINE|ALTER CONSTRAINT"
    r"|ADD (?:CONSTRAINT [^ ]+ )?(?:DEFAULT|(?:UNIQUE|PRIMARY KEY) USING INDEX)"
    r"|ALTER (?:COLUMN )?[^ ]+ (?:SET|RESET) (?:STATISTICS|STORAGE|COMPRESSION)))"
    r"(?:\b|$)",
    re.I,
)
_LONGEST = 20_000
"""Characters of a command that are looked at; longer ones are bodies of functions."""


def of_command(text: str, dialect: str, created: Collection[str]) -> Iterator[Found]:
    """What a statement says, its white space made single; one that says nothing known is named as not read."""
    if re.match(r"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE|TRIGGER|EVENT)\b", text, re.I):
        return
    found = [kind(words.format(name)) for name, kind, words in _known(text[:_LONGEST]) if name not in created]
    if dialect != "mysql" and (index := _INDEX.match(text[:_LONGEST])) and index[1] not in created:
        found.append(locks(f"builds an index on {index[1]} and blocks writes to it"))
    yield from found
    if not found and not is_harmless(text):
        yield unread(f"SQL that is not read here ({_short(text)})")


_EXECUTED = re.compile(r"\bEXECUTE\s+IMMEDIATE\b\s*(?:N?'((?:[^']|'')*)')?", re.I)


def of_executed(text: str, dialect: str, created: Collection[str]) -> Iterator[Found]:
    """Statements that a block of PL/SQL executes from a text: the parser takes `BEGIN …` for a transaction."""
    for said in _EXECUTED.finditer(text):
        if said[1] is None:
            yield unread("SQL that is computed (EXECUTE IMMEDIATE)")
        else:
            yield from of_command(" ".join(said[1].replace("''", "'").split()), dialect, created)


def is_harmless(text: str) -> bool:
    """Whether a statement, though it is not parsed, neither destroys nor breaks anything by its first words."""
    return bool(_HARMLESS.match(text)) or _is_quiet(text)


def _known(text: str) -> Iterator[tuple[str, Callable[[str], Found], str]]:
    for pattern, kind, words in _SAID:
        for said in pattern.finditer(text):
            yield said[1], kind, words


def _is_quiet(text: str) -> bool:
    """A DO block without any of that, and without a statement made of text, does nothing of it."""
    return text[:3].upper() == "DO " and "execute" not in text.lower()


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
