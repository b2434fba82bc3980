"""Reads SQL as PostgreSQL does, within a bound: some statements of a hundred letters would keep sqlglot for hours."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Protocol

from pilotage.model.errors import Invalid

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.dialects.dialect import Dialect
    from sqlglot.errors import ErrorLevel
    from sqlglot.parser import Parser
    from sqlglot.tokenizer_core import Token

_STEPS_PER_TOKEN = 20
"""How often the parser may look at a token. Real migrations need one or two looks, nested arrays five."""


class UnreadableSql(Invalid):
    """A migration's SQL cannot be parsed."""


def statements(text: str) -> list[exp.Expression | None]:
    """The statements of a script, None for an empty one. What PostgreSQL might take and sqlglot does not know is a
    Command. Raises UnreadableSql."""
    from sqlglot.dialects.postgres import Postgres
    from sqlglot.errors import ErrorLevel, SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    dialect = Postgres()
    try:
        tokens = dialect.tokenize(text)
        parser = _bounded()(error_level=ErrorLevel.IGNORE, dialect=dialect)
        parser.left = 1_000 + _STEPS_PER_TOKEN * len(tokens)
        return list(parser.parse(tokens, text))
    except (SqlglotError, RecursionError) as error:
        raise UnreadableSql(str(error)) from None


class _Bounded(Protocol):
    """A parser with a limit. left: steps that it may still make."""

    left: int

    def __init__(self, *, error_level: ErrorLevel, dialect: Dialect) -> None: ...

    def parse(self, raw_tokens: list[Token], sql: str) -> list[exp.Expression | None]: ...


@cache
def _bounded() -> type[_Bounded]:
    """PostgreSQL's parser, which gives up where it goes over the same tokens again and again."""
    from sqlglot.dialects.postgres import Postgres

    base: type[Parser] = Postgres.Parser

    class Bounded(base):  # type: ignore[misc, valid-type]
        left = 0

        def _advance(self, times: int = 1) -> None:
            self.left -= 1
            if self.left < 0:
                raise UnreadableSql("it is too complex")
            super()._advance(times)

    return Bounded
