"""What an operation of Django's migrations does to a schema that the old version still uses."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pilotage.risk.operations import Found, breaks, destroys, locks
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


def of_django(call: ast.Call, name: str, models: set[str]) -> Iterator[Found]:
    """models: those that the migration has created so far, in small letters; this call may add one."""
    words = strings(call)
    model = words[0].casefold() if words else ""
    if name == "CreateModel":
        models.add(model)
    elif name in ("delete", "_raw_delete") and isinstance(call.func, ast.Attribute) and _is_all(call.func.value):
        yield destroys("deletes every row of a model (objects.all().delete())")
    elif model in models and model:
        return
    elif name in _WORDS:
        level, what, cure = _WORDS[name]
        yield level, f"{what} ({name} {' '.join(map(repr, words[:2]))})".replace(" )", ")"), cure
    elif name == "AddField":
        yield from _of_field(call, ".".join(words[:2]), added=True)
    elif name == "AlterField":
        yield from _of_field(call, ".".join(words[:2]), added=False)
    elif name in ("AlterUniqueTogether", "AlterIndexTogether") and _is_filled(call):
        yield locks(f"builds an index and blocks writes ({name} {' '.join(map(repr, words[:1]))})")


def _of_field(call: ast.Call, named: str, *, added: bool) -> Iterator[Found]:
    values = [*call.args, *(k.value for k in call.keywords if k.arg == "field")]
    field = next((value for value in values if isinstance(value, ast.Call)), None)
    if field is None or name_of(field) == "ManyToManyField":
        return
    kind = name_of(field)
    if added and given(field, "null") is not True and not _is_filled_in(field, kind):
        yield breaks(f"adds {named}, not null and without a default of the database: the old version cannot insert")
    verb = "adds" if added else "changes"
    if given(field, "unique") or given(field, "primary_key") or _is_indexed(field, kind, added):
        yield locks(f"{verb} {named} with an index, which is built while writes wait")
    if added and kind in _KEYS and given(field, "db_constraint") is not False:
        yield locks(f"adds {named} with a foreign key, which locks the other table as well")


def _is_filled_in(field: ast.Call, kind: str) -> bool:
    """Whether the database fills the column for the old version. Django drops a `default` again once the rows that are
    there have it (django/db/backends/base/schema.py, add_field)."""
    return given(field, "db_default") is not None or kind in ("GeneratedField", "AutoField", "BigAutoField")


def _is_indexed(field: ast.Call, kind: str, added: bool) -> bool:
    """Whether the database builds an index: for `db_index`, or a new column of a kind that has one unless it is said
    otherwise. Where such a column is only altered, it had its index before."""
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
