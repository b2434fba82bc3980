"""Makes docs/reference/json.md from the classes of `pilotage.model.output`. `python docs/reference.py` writes it."""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
import typing
from collections.abc import Mapping
from itertools import pairwise

import msgspec

from pilotage.model import output

_OPENING = """# JSON output

After this page you can read what Pilotage prints with `--json` from a script.

```sh
pilotage status -e production --json | jq .rollout.weight_percent.actual
pilotage schema output > pilotage-output.schema.json   # JSON Schema of everything below
```

- Times are ISO 8601 in UTC, such as `2026-11-26T09:30:00.250Z`. Durations are seconds, weights are percent.
- `desired` is what Pilotage wants, `actual` is what the router reports.
- `schema` is raised when a field is renamed or removed. New fields may appear at any time.
- `events`, `deploy` and `watch` print one object per line, everything else prints one object.

`plan --json` prints [the plan](../guides/plans.md), as `pilotage schema plan` describes it.
"""


def page() -> str:
    """The page."""
    sections, known = [_OPENING], dict[type, str]()
    for command, kind in output.outputs().items():
        known[kind] = command
        sections.append(_section(f"`{command}`" if ":" not in command else _line(command), kind))
    parts = [part for kind in output.outputs().values() for part in _parts(kind) if part not in known]
    sections.append("## Parts\n")
    sections += [_section(part.__name__, part, "###") for part in dict.fromkeys(parts)]
    return "\n".join(sections)


def _line(command: str) -> str:
    commands, _, what = command.partition(":")
    return f"`{commands}`,{what}"


def _section(title: str, kind: type[msgspec.Struct], level: str = "##") -> str:
    said, hints = _words_under_fields(kind), typing.get_type_hints(kind)
    lines = [f"{level} {title}", ""]
    if level != "##":
        lines += [" ".join((inspect.getdoc(kind) or "").split()), ""]
    lines += ["| field | type | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {_type(hints[name])} | {said.get(name, '')} |" for name in kind.__struct_fields__]
    return "\n".join(lines) + "\n"


def _parts(kind: type[msgspec.Struct]) -> list[type[msgspec.Struct]]:
    found = []
    for hint in typing.get_type_hints(kind).values():
        for one in (hint, *typing.get_args(hint)):
            if isinstance(one, type) and issubclass(one, msgspec.Struct):
                found += [one, *_parts(one)]
    return found


def _words_under_fields(kind: type) -> dict[str, str]:
    """The text that stands below a field, by the field's name; also of the classes above."""
    found = dict[str, str]()
    for one in kind.__mro__[::-1]:
        if not one.__module__.startswith("pilotage"):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(one))).body
        assert isinstance(tree, ast.ClassDef)
        for before, node in pairwise(tree.body):
            match before, node:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    found[name] = " ".join(words.split())
    return found


def _type(hint: object) -> str:
    plain = {str: "text", int: "whole number", float: "number", bool: "true or false", typing.Any: "any"}
    if hint in plain:
        return plain[hint]
    arguments = typing.get_args(hint)
    if isinstance(hint, types.UnionType):
        return f"{_type(next(one for one in arguments if one is not types.NoneType))}, or null"
    if typing.get_origin(hint) is tuple:
        each = _type(arguments[0])
        return f"list of {each}" if arguments[-1] is ... else f"two of {each}"
    if typing.get_origin(hint) is Mapping:
        return f"{_type(arguments[1])} by name"
    assert isinstance(hint, type)
    listed = {kind: command for command, kind in output.outputs().items()}
    return f"[{hint.__name__}](#{hint.__name__.lower()})" if hint not in listed else f"as of `{listed[hint]}`"
