"""What an operation of Django's migrations does to a schema that the old version still uses."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from pilotage.risk.operations import Found, breaks, destroys, locks, unread
from pilotage.risk.python_calls import given, name_of, strings

_WORDS = {
    "DeleteModel": destroys("drops a model's table"),
    "RemoveField": destroys("drops a field's column"),
    "RenameField": breaks("renames a field that the old version still uses"),
    "RenameModel": breaks("renames a model's table that the old version still uses"),
    "AlterModelTable": breaks("renames a model's table that the old version still uses"),
    "AddIndex": locks("builds an index and blocks writes"),
    "AddConstraint": locks("adds a constraint and blocks writes"),
}
_KEYS = ("ForeignKey", "OneToOneField")


OPERATIONS = frozenset((
    "CreateModel", "DeleteModel", "RenameModel", "AlterModelTable", "AlterModelTableComment", "AlterUniqueTogether",
    "AlterIndexTogether", "AlterOrderWithRespectTo", "AlterModelOptions", "AlterModelManagers", "AddField",
    "RemoveField", "AlterField", "RenameField", "AddIndex", "RemoveIndex", "RenameIndex", "AddConstraint",
    "RemoveConstraint", "AlterConstraint", "RunSQL", "RunPython", "SeparateDatabaseAndState", "AddIndexConcurrently",
    "RemoveIndexConcurrently", "AddConstraintNotValid", "ValidateConstraint", "CreateCollation", "RemoveCollation",
    "AddDefaultValue",
))  # fmt: skip
"""Of Django, of its support for PostgreSQL, and of django-add-default-value."""
_SET_DEFAULT = re.compile(r"\b(\w+)\W{1,5}SET\s+DEFAULT\b", re.IGNORECASE)


def columns_with_defaults(text: str) -> set[str]:
    """Columns that SQL in the migration gives a default of the database: how projects before Django 5.0 do it."""
    return {found[1].casefold() for found in _SET_DEFAULT.finditer(text)}


def is_squashed(tree: ast.Module, known: Collection[str] | None = None) -> bool:
    """Whether a migration replaces others: where those have run, Django marks it as applied and runs nothing. known:
    migrations that were there before the release, which may have run; None where nobody knows."""
    classes = (one for one in tree.body if isinstance(one, ast.ClassDef))
    values = (value for one in classes for value in _assigned(one.body, "replaces"))
    replaced = {
        part.value
        for value in values
        if isinstance(value, ast.List | ast.Tuple)
        for pair in value.elts
        for part in ast.walk(pair)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }
    return bool(replaced) and (known is None or not replaced.isdisjoint(known))


def _assigned(nodes: Iterable[ast.AST], name: str) -> Iterator[ast.expr]:
    """What a name is given, with its type or without, and what is added to it."""
    for node in nodes:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and value is not None:
            yield from (value for one in targets if isinstance(one, ast.Name) and one.id == name)


def others_of(tree: ast.Module) -> Iterator[Found]:
    """Operations of a migration that are not Django's: a project's own, or a library's."""
    for value in _assigned(ast.walk(tree), "operations"):
        if not isinstance(value, ast.List | ast.Tuple):
            yield unread("operations that are computed")
        else:
            for call in (part for part in value.elts if isinstance(part, ast.Call)):
                name = name_of(call)
                is_split = any(k.arg in ("state_operations", "database_operations") for k in call.keywords)
                if name not in OPERATIONS and not is_split and not name.endswith("Extension"):
                    yield unread(f"an operation that is not Django's ({name})")


@dataclass
class Models:
    """created: models that the migration has made so far, in small letters · fields: names of those it has added ·
    filled: columns that get a default of the database in another way than by `db_default`"""

    created: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    filled: set[str] = field(default_factory=set)


def of_django(call: ast.Call, name: str, models: Models) -> Iterator[Found]:
    """models: what the migration has made so far; this call may add to it."""
    words = strings(call)
    model = words[0].casefold() if words else ""
    if name == "CreateModel":
        models.created.add(model)
    elif name in ("delete", "_raw_delete") and isinstance(call.func, ast.Attribute) and _is_all(call.func.value):
        yield destroys("deletes every row of a model (objects.all().delete())")
    elif name == "update" and _is_of_every_row(call) and not _are_new(call, models):
        yield destroys("rewrites every row of a model (objects.update(…))")
    elif model in models.created and model:
        return
    elif name in _WORDS:
        level, what, cure = _WORDS[name]
        yield level, f"{what} ({name} {' '.join(map(repr, words[:2]))})".replace(" )", ")"), cure
    elif name == "AddField":
        models.fields |= set(words[1:2])
        yield from _of_field(call, words[:2], models, added=True)
    elif name == "AlterField":
        yield from _of_field(call, words[:2], models, added=False)
    elif name in ("AlterUniqueTogether", "AlterIndexTogether") and _is_filled(call):
        yield locks(f"builds an index and blocks writes ({name} {' '.join(map(repr, words[:1]))})")


def _is_of_every_row(call: ast.Call) -> bool:
    """`….objects.update(…)` or `….objects.all().update(…)`."""
    value = call.func.value if isinstance(call.func, ast.Attribute) else None
    is_manager = isinstance(value, ast.Attribute) and value.attr in ("objects", "_default_manager", "_base_manager")
    return bool(call.keywords) and value is not None and (is_manager or _is_all(value))


def _are_new(call: ast.Call, models: Models) -> bool:
    """Whether an update fills fields alone that the migration has added."""
    return all(keyword.arg in models.fields for keyword in call.keywords)


def _of_field(call: ast.Call, words: list[str], models: Models, *, added: bool) -> Iterator[Found]:
    named = ".".join(words)
    values = [*call.args, *(k.value for k in call.keywords if k.arg == "field")]
    made = next((value for value in values if isinstance(value, ast.Call)), None)
    if made is None or name_of(made) == "ManyToManyField":
        return
    kind = name_of(made)
    is_filled = _is_filled_in(made, kind) or any(word.casefold() in models.filled for word in words[-1:])
    if added and given(made, "null") is not True and not is_filled:
        yield breaks(f"adds {named}, not null and without a default of the database: the old version cannot insert")
    verb = "adds" if added else "changes"
    if given(made, "unique") or given(made, "primary_key") or _is_indexed(made, kind, added):
        yield locks(f"{verb} {named} with an index, which is built while writes wait")
    if added and kind in _KEYS and given(made, "db_constraint") is not False:
        yield locks(f"adds {named} with a foreign key, which locks the other table as well")


def _is_filled_in(field: ast.Call, kind: str) -> bool:
    """Whether the database fills the column for the old version. Django drops a `default` again once the rows that are
    there have it (django/db/backends/base/schema.py, add_field)."""
    return given(field, "db_default") is not None or kind in ("GeneratedField", "AutoField", "BigAutoField")


def _is_indexed(field: ast.Call, kind: str, added: bool) -> bool:
    """Whether the database builds an index: for `db_index`, or for a new column of a kind that has one by default. If
    such a column is only altered, it had its index before."""
    said = given(field, "db_index")
    by_kind = added and kind in ("SlugField", *_KEYS) and said is None and not given(field, "unique")
    return bool(said) or by_kind


def _is_filled(call: ast.Call) -> bool:
    values = [*call.args[1:], *(k.value for k in call.keywords if k.arg in ("unique_together", "index_together"))]
    return any(isinstance(v, ast.Set | ast.List | ast.Tuple) and v.elts for v in values)


def _is_all(value: ast.expr) -> bool:
    """`….objects.all()`: every row, with no filter between."""
    return (
        isinstance(value, ast.Call)
        and name_of(value) == "all"
        and not value.args
        and isinstance(value.func, ast.Attribute)
        and isinstance(value.func.value, ast.Attribute)
    )
