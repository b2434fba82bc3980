"""Reads SQL as its database does, within a bound: some statements of a hundred letters would keep sqlglot for hours."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from pilotage.model.errors import Invalid
from pilotage.risk.sql_commands import is_harmless

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.dialects.dialect import Dialect
    from sqlglot.errors import ErrorLevel
    from sqlglot.parser import Parser
    from sqlglot.tokenizer_core import Token

_STEPS_PER_TOKEN = 20
"""How often the parser may look at a token. Real migrations need one or two looks, nested arrays five."""

_HINTS = (
    ("tsql", re.compile(r"(?:^|[\s.,(])\[[A-Za-z_][\w ]*\]|^[ \t]*GO\b[ \t;\d]*$"
                        r"|\b(?:INTO|FROM|TABLE) #\w|\b(?:sp_rename|NVARCHAR|NOCHECK)\b",
                        re.IGNORECASE | re.MULTILINE)),
    ("mysql", re.compile(r"`|\b(?:ENGINE|ALGORITHM)\s*=|\bAUTO_INCREMENT\b|\b(?:MODIFY|CHANGE)\s|\bRENAME\s+TABLE\b"
                         r"|\bADD\s+(?:UNIQUE\s+)?(?:INDEX|KEY)\b", re.IGNORECASE)),
    ("sqlite", re.compile(r"\bPRAGMA\b|\bAUTOINCREMENT\b", re.IGNORECASE)),
)  # fmt: skip
"""What only one database writes."""

_BLOCK = re.compile(r"^[ \t]*DO\s+(?:LANGUAGE\s+\w+\s+)?\$", re.IGNORECASE | re.MULTILINE)
"""A block of PostgreSQL, which another dialect would take apart and find nothing in."""
_CONDITIONAL = re.compile(r"/\*!\d{0,6}((?:[^*/]|\*(?!/)|/(?!\*)){0,2000})\*/")
"""What MySQL runs and others take for a comment: `/*!50000 DROP TABLE a */`."""

_FOLDERS = {
    "postgres": "postgres", "pgsql": "postgres", "mysql": "mysql", "mariadb": "mysql", "sqlserver": "tsql",
    "mssql": "tsql", "tsql": "tsql", "sqlite": "sqlite",
}  # fmt: skip
_DIALECTS = ("postgres", "mysql", "tsql", "sqlite")
_NOT_CODE = re.compile(r"--[^\n]*|'[^'\n]*'")
_PLACEHOLDER = re.compile(r"\$\{([\w.:-]{1,100})\}")
"""A placeholder of Flyway, Liquibase or MyBatis; most stand for a schema."""
_LONG = 100_000
"""Characters of a script that is read in one dialect alone, where that one can read it: each takes seconds."""
_BETWEEN = re.compile(
    r"^(?:[ \t]*GO\b[ \t;\d]*|\\[^\n]*|[ \t]*DELIMITER\b[^\n]*)$|--> ?statement-breakpoint", re.M | re.I
)
"""Lines of sqlcmd, psql and mysql, and Drizzle's mark: they are not SQL and separate statements."""


class UnreadableSql(Invalid):
    """A migration's SQL cannot be parsed."""

    line = 0
    """Where, from 1; 0 where nothing can be said."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """Statements as one dialect (sqlglot's name of it) reads them. What it does not know is a Command."""

    dialect: str
    statements: tuple[exp.Expression, ...]


def script(text: str, path: str = "") -> Script:
    """A script in the dialect that reads most of it; hints of the path and the text decide between equals.

    Raises UnreadableSql where no dialect can read it.
    """
    text = _CONDITIONAL.sub(r" \1 ", text.removeprefix("\ufeff"))
    text, best, fault = (
        _BETWEEN.sub(";", _PLACEHOLDER.sub("x", "\n".join(_without_data(text.splitlines())))),
        None,
        UnreadableSql("it is too complex"),
    )
    dialects = ["postgres"] if _BLOCK.search(text) else [*_hinted(path, _code_of(text)), *_DIALECTS]
    for dialect in dict.fromkeys(dialects):
        try:
            read = Script(dialect=dialect, statements=tuple(_statements(text, dialect)))
        except UnreadableSql as error:
            fault = error
            continue
        if best is None or _unknown(read) < _unknown(best):
            best = read
        if len(text) > _LONG or not _unknown(best):
            break
    if best is None:
        raise fault
    return best


def _code_of(text: str) -> str:
    """Without comments and texts: Prisma writes names in backticks into its comments, whatever the database."""
    first, *rest = _NOT_CODE.sub("", text).split("/*")
    return first + "".join(part.partition("*/")[2] for part in rest)


def _without_data(lines: list[str]) -> Iterator[str]:
    """The lines, empty where rows stand that psql's `COPY … FROM stdin` takes, up to `\\.`."""
    is_data = False
    for line in lines:
        if not is_data:
            yield line
            is_data = line[:5].upper() == "COPY " and line.rstrip().lower().endswith("from stdin;")
        else:
            yield ""
            is_data = line.rstrip() != "\\."


def _hinted(path: str, text: str) -> Iterator[str]:
    words = re.split(r"[^a-z]+", path[-500:].lower())
    yield from (dialect for word, dialect in _FOLDERS.items() if word in words)
    yield from (dialect for dialect, hint in _HINTS if hint.search(text))


def _unknown(read: Script) -> int:
    return sum(is_unknown(s) and not is_harmless(words_of(s, read.dialect)) for s in read.statements)


def is_unknown(statement: exp.Expression) -> bool:
    """Whether a statement is a bare command or an expression: the parser makes them of words that it does not know."""
    from sqlglot import exp

    bare = isinstance(statement, exp.Condition | exp.Alias | exp.Identifier | exp.Tuple)
    return isinstance(statement, exp.Command) or (bare and not isinstance(statement, exp.Query))


def words_of(statement: exp.Expression, dialect: str) -> str:
    """The words of a statement that is unknown or calls a procedure, with single spaces between them."""
    from sqlglot import exp

    if isinstance(statement, exp.Execute):
        literals = " ".join(literal.name for literal in statement.find_all(exp.Literal))
        text = f"EXEC {statement.this.name if statement.this else ''} {literals}"
    elif isinstance(statement, exp.Command):
        argument = statement.args.get("expression")
        text = f"{statement.name} {getattr(argument, 'this', argument) or ''}"
    else:
        text = written(statement, dialect)
    return " ".join(text.split())


def written(statement: exp.Expression, dialect: str) -> str:
    """A statement as text again, "…" for one that is too large to be shown."""
    if next(islice(statement.walk(), _LARGEST, None), None) is not None:
        return "…"
    try:
        return statement.sql(dialect)
    # A statement that was parsed with errors ignored lacks parts, over which the writer trips in any way.
    except Exception:
        return "…"


_LARGEST = 200
"""Parts of a statement that is written as text."""


def _statements(text: str, name: str) -> Iterator[exp.Expression]:
    from sqlglot.dialects.dialect import Dialect
    from sqlglot.errors import ErrorLevel

    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    parser: _Bounded | None = None
    try:
        dialect = Dialect.get_or_raise(name)
        tokens = dialect.tokenize(text)
        parser = _bounded(name)(error_level=ErrorLevel.IGNORE, dialect=dialect)
        parser.left = 1_000 + _STEPS_PER_TOKEN * len(tokens)
        read = parser.parse(tokens, text)
        # T-SQL needs no semicolon: statements of further lines are left over. What they make is known first.
        yield from (statement for statement in [*parser.rest(), *read] if statement is not None)
    except UnreadableSql as error:
        error.line = _line(parser, text)
        raise
    # Where errors are ignored, the parser continues with parts that it has not got, and trips over them in many ways.
    except Exception as error:
        fault = UnreadableSql(str(error))
        fault.line = _line(parser, text)
        raise fault from None


def _line(parser: _Bounded | None, text: str) -> int:
    """Where a parser stopped. What is no sequence of tokens has a quote or a comment without an end."""
    if parser is None:
        return text.count("\n") + 1
    return parser.place()


class _Bounded(Protocol):
    """A parser with a limit. left: steps that it may still make."""

    left: int

    def place(self) -> int:
        """The line of the token that it looks at, 0 at the end."""

    def __init__(self, *, error_level: ErrorLevel, dialect: Dialect) -> None: ...

    def parse(self, raw_tokens: list[Token], sql: str) -> list[exp.Expression | None]: ...

    def rest(self) -> list[exp.Expression | None]:
        """Statements that stand behind others without a semicolon. Raises UnreadableSql for thousands of them."""


_FIRST_WORDS = frozenset(
    ("ALTER", "CREATE", "DECLARE", "DELETE", "DROP", "EXEC", "EXECUTE", "IF", "INSERT", "MERGE", "RENAME", "TRUNCATE",
     "UPDATE")
)  # fmt: skip


_MOST_LEFT_OVER = 40_000_000
"""Tokens that are copied for statements without a semicolon between them: some thousand statements."""


def _starts(tokens: list[Token], at: int) -> bool:
    """Whether a statement begins with a token: on a line of its own, or where the parser stopped."""
    return tokens[at].text.upper() in _FIRST_WORDS and (not at or tokens[at].line > tokens[at - 1].line)


@cache
def _bounded(name: str) -> type[_Bounded]:
    """A dialect's parser, which gives up where it goes over the same tokens again and again."""
    from sqlglot.dialects.dialect import Dialect

    base: type[Parser] = Dialect.get_or_raise(name).parser_class

    class Bounded(base):  # type: ignore[misc, valid-type]
        left = 0
        sql: str

        def __init__(self, **settings: object) -> None:
            super().__init__(**settings)
            self._left_over: list[list[Token]] = []

        def raise_error(self, message: str, *details: Token) -> None:
            """Where errors are ignored, what was not read stays to be read. Attempts take them seriously."""
            tokens = list(self._tokens[max(0, self._index) :]) if message.startswith("Invalid expression") else []
            start = next((at for at in range(len(tokens)) if _starts(tokens, at)), None)
            if start is not None:
                self._left_over.append(tokens[start:])
            super().raise_error(message, *details)

        def rest(self) -> list[exp.Expression | None]:
            read: list[exp.Expression | None] = []
            work = 0
            while self._left_over:
                tokens = self._left_over.pop(0)
                work += len(tokens)
                if work > _MOST_LEFT_OVER:
                    raise UnreadableSql("it is too complex")
                read += self._parse_one(tokens)
            return read

        def _parse_one(self, tokens: list[Token]) -> list[exp.Expression | None]:
            """As `parse` does, but without going over all tokens for semicolons: there are none."""
            text = self.sql
            self.reset()
            self.sql, self._chunks = text, [tokens]
            method = type(self)._parse_statement
            return list(self._parse_batch_statements(parse_method=method, sep_first_statement=False))

        def _advance(self, times: int = 1) -> None:
            self.left -= 1
            if self.left < 0:
                raise UnreadableSql("it is too complex")
            super()._advance(times)

        def place(self) -> int:
            token = self._curr or self._prev
            return int(token.line) if token else 0

    return Bounded
