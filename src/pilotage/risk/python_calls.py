"""The calls of a Python migration that run forward, and the texts that are in them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

_BACK = ("downgrade", "backwards", "rollback")
"""How functions start that take a migration back: Alembic's and Aerich's, Piccolo's, peewee-migrate's."""
_BACKWARD = ("state_operations", "reverse_sql", "reverse_code", "rollback")
_LIMITED = ("select", "inspect", "scalar", "exists", "count", "insert", "where", "filter", "filter_by")
"""Parts of a query of SQLAlchemy that reads, adds, or reaches some of the rows only."""
_WRITES = {"delete": "DELETE FROM {}", "update": "UPDATE {} SET x = 1"}


_Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(call: ast.Call) -> str:
    """The last part of what is called: `add_column` of `op.add_column(…)`."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def strings(call: ast.Call) -> list[str]:
    """The texts among a call's arguments, the names it works on first."""
    named = ("name", "model_name", "table_name", "old_name", "sql")
    given_ = [*call.args, *(k.value for k in call.keywords if k.arg in named)]
    return [a.value for a in given_ if isinstance(a, ast.Constant) and isinstance(a.value, str)]


def given(call: ast.Call, name: str) -> object:
    """A keyword's constant, True for anything that is not one, None where it is not given."""
    value = next((k.value for k in call.keywords if k.arg == name), None)
    return value.value if isinstance(value, ast.Constant) else True if value is not None else None


@dataclass(frozen=True, kw_only=True)
class Calls:
    """all: every call · forward: those of the forward direction, by their place · texts: values of names that are one
    text · batches: a batch's table by the call inside it."""

    all: tuple[ast.Call, ...]
    forward: tuple[ast.Call, ...]
    texts: dict[str, ast.expr]
    batches: dict[int, str]

    @classmethod
    def of(cls, tree: ast.Module) -> Self:
        nodes = list(ast.walk(tree))
        idle = _idle(nodes)
        every = [node for node in nodes if isinstance(node, ast.Call)]
        calls = [call for call in every if id(call) not in idle]
        named = [node for node in nodes if isinstance(node, ast.Assign | ast.AnnAssign)]
        return cls(
            all=tuple(every),
            forward=tuple(sorted(calls, key=lambda call: (call.lineno, call.col_offset))),
            texts={target.id: node.value for node in named if (target := _target(node)) and node.value},
            batches=_batches(nodes),
        )

    def batch_table(self, call: ast.Call) -> str:
        """The table of the `batch_alter_table` that a call is in, or nothing."""
        return self.batches.get(id(call), "")

    def scripts(self, value: ast.expr, depth: int = 0) -> list[str] | None:
        """The SQL of an expression, a list of it or a name for it; nothing for a lookup, None where it is computed."""
        match value:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=parts):
                return ["".join(str(p.value) if isinstance(p, ast.Constant) else "x" for p in parts)]
            case ast.Name(id=name) if name in self.texts and depth < _DEEPEST:
                return self.scripts(self.texts[name], depth + 1)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) if depth < _DEEPEST:
                return self._of_list(parts, depth)
            case ast.BinOp(op=ast.Add(), left=left, right=right) if depth < _DEEPEST:
                both = self.scripts(left, depth + 1), self.scripts(right, depth + 1)
                return None if both[0] is None else ["".join([*both[0], *(both[1] or ["x"])])]
            case ast.BinOp(op=ast.Mod(), left=left) if depth < _DEEPEST:
                return self.scripts(left, depth + 1)
            case ast.Call() if depth < _DEEPEST:
                return self._of_call(value, depth)
            case _:
                return None

    def _of_list(self, parts: list[ast.expr], depth: int) -> list[str] | None:
        """Django takes a list of statements, each a text or a pair of a text and its parameters."""
        found: list[str] = []
        for part in parts:
            part = part.elts[0] if isinstance(part, ast.Tuple | ast.List) and part.elts else part
            script = self.scripts(part, depth + 1)
            if script is None:
                return None
            found += script
        return found

    def _of_call(self, call: ast.Call, depth: int) -> list[str] | None:
        name = name_of(call)
        if isinstance(call.func, ast.Attribute) and name in ("format", "bindparams", "strip", "execution_options"):
            return self.scripts(call.func.value, depth + 1)
        if name in ("text", "dedent", "DDL", "SQL") and call.args:
            return self.scripts(call.args[0], depth + 1)
        inner = [one for one in ast.walk(call) if isinstance(one, ast.Call)]
        if any(name_of(one) in _LIMITED for one in inner):
            return []
        return next((made for one in inner if (made := _written(one))), None)


def _written(call: ast.Call) -> list[str]:
    """`table.delete()` or `sa.delete(table)` as SQL: a write to every row, where nothing limits it."""
    if (sql := _WRITES.get(name_of(call))) is None:
        return []
    table = call.args[0] if call.args else call.func.value if isinstance(call.func, ast.Attribute) else None
    return [sql.format(table.id if isinstance(table, ast.Name) else "x")]


def _target(node: ast.Assign | ast.AnnAssign) -> ast.Name | None:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    return target if isinstance(target, ast.Name) else None


_DEEPEST = 8
"""How far names, lists and sums are followed."""


def _idle(nodes: list[ast.AST]) -> set[int]:
    """What does not touch the database on the way forward: `downgrade`, the reverse of Django's operations, and their
    operations on its state alone."""
    parts: list[ast.AST] = []
    for node in nodes:
        if isinstance(node, ast.keyword) and node.arg in _BACKWARD:
            parts.append(node.value)
        elif isinstance(node, ast.Call) and name_of(node) in _SECOND and len(node.args) > 1:
            parts.append(node.args[1])
    back = {part.id for part in parts if isinstance(part, ast.Name)}
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    idle = {id(inner) for part in parts for inner in ast.walk(part)}
    return idle | _inside([one for one in functions if one.name.startswith(_BACK) or one.name in back], nodes, idle)


def _inside(functions: Sequence[_Function], nodes: Sequence[ast.AST], idle: Collection[int]) -> set[int]:
    """What is in these functions, but for those that anything outside them calls: it runs forward with its caller."""
    while True:
        inner = {id(one) for function in functions for one in ast.walk(function)}
        called = {
            node.func.id
            for node in nodes
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and id(node) not in inner
            and id(node) not in idle
        }  # fmt: skip
        left = [one for one in functions if one.name not in called]
        if len(left) == len(functions):
            return inner
        functions = left


_SECOND = ("RunSQL", "RunPython", "SeparateDatabaseAndState", "step")
"""Operations whose second argument takes them back, or touches the state alone."""


def _batches(nodes: list[ast.AST]) -> dict[int, str]:
    found: dict[int, str] = {}
    for node in (node for node in nodes if isinstance(node, ast.With)):
        for item in node.items:
            head = item.context_expr
            if isinstance(head, ast.Call) and name_of(head) == "batch_alter_table" and (words := strings(head)):
                found |= {id(inner): words[0] for part in node.body for inner in ast.walk(part)}
    return found
