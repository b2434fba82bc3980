"""What the statements of a migration so far have made of the schema: tables, columns, and what is proven of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass
class Schema:
    """created: tables · perhaps: tables that it creates only where they are missing · renamed: a table's later name by
    its name at first · added: whether the database fills a column of this migration, by (table, column) · required:
    those of them that take no null · remade: views, functions and the like that the script creates · views: those of
    them that hold no data of their own · checks: column that a constraint proves not null, by (table, constraint) ·
    proven: (table, column)"""

    dialect: str
    created: set[str] = field(default_factory=set)
    perhaps: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)
    added: dict[tuple[str, str], bool] = field(default_factory=dict)
    required: set[tuple[str, str]] = field(default_factory=set)
    remade: set[str] = field(default_factory=set)
    views: set[str] = field(default_factory=set)
    checks: dict[tuple[str, str], str] = field(default_factory=dict)
    proven: set[tuple[str, str]] = field(default_factory=set)
    validated: list[tuple[str, str]] = field(default_factory=list)

    def is_proven(self, table: str, column: str) -> bool:
        """PostgreSQL 12 and later take a validated check for the proof, so that nothing is read. A check of an earlier
        migration is known by its name alone."""
        by_name = any(t == table and (t, name) not in self.checks and column in name for t, name in self.validated)
        return (table, column) in self.proven or by_name


def null_checks(action: exp.Expression) -> Iterator[tuple[str, str]]:
    """(constraint, column) of each `CHECK (column IS NOT NULL)`, however it is written."""
    from sqlglot import exp

    for constraint in action.find_all(exp.Constraint):
        for check in constraint.find_all(exp.CheckColumnConstraint):
            said = check.this
            while isinstance(said, exp.Paren):
                said = said.this
            said = said.args.get("this") if isinstance(said, exp.Is) and said.args.get("negate") else _denied(said)
            if isinstance(said, exp.Column):
                yield constraint.name, said.name


def _denied(said: exp.Expression | None) -> exp.Expression | None:
    from sqlglot import exp

    inner = said.this if isinstance(said, exp.Not) else None
    is_null = isinstance(inner, exp.Is) and isinstance(inner.args.get("expression"), exp.Null)
    return inner.this if is_null and inner else None
