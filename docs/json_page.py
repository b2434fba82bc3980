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


USUAL = {
    "service": "Name of the service.", "environment": "Name of the environment.", "version": "Version of the release.",
    "rollout": "Id of the rollout.", "status": "Its status.", "step": "Id of the step.", "title": "Title, for people.",
    "sentence": "The same, as a sentence.", "reason": "Why.", "actor": "Who did it.", "owner": "Role that owns it.",
    "item": "Name of the item.", "audience": "Audience that gets it.", "channel": "Name of the channel.",
    "channels": "Names of the channels.", "name": "Its name.", "id": "Its id.", "kind": "Its kind.",
    "created_at": "When it was created.", "started_at": "When it started; null before.",
    "finished_at": "When it ended; null before.", "timestamp": "When it happened.",
    "checked_at": "When it was checked.",
    "signed_at": "When it was signed.", "sent_at": "When it was sent; null before.", "due_at": "When it is due.",
    "last_sent_at": "When the last message was sent.", "modified_at": "When it was last changed.",
    "plan_hash": "SHA-256 of the plan.", "sha256": "SHA-256 of the file.", "artifact": "SHA-256 of the artifact.",
    "ready": "Whether it is ready.", "overdue": "Whether the due date has passed.", "path": "Path, as given.",
    "before": "The old value.", "after": "The new value.", "flag": "The feature flag.", "groups": "Groups of users.",
    "strategy": "Deployment strategy.", "metric": "Name of the metric.", "samples": "Number of samples.",
    "severity": "Severity: progress, info, warning or critical.", "text": "Text of the message.",
    "error": "The last error; null if there is none.", "attempts": "Attempts so far.",
    "number": "Its place in the rollout's events, from 1.", "data": "Fields of the event.",
    "role": "Role of the person.",
    "intact": "Whether nothing was changed.", "key_id": "Id of the signing key.", "value": "Its value.",
    "key_known": "Whether the key is known.", "files": "Number of files.", "reasons": "Where it comes from.",
    "port": "Its port.", "health": "Its health.", "detail": "What it says of itself.", "section": "Part of the plan.",
    "requirement": "What is required.", "size_bytes": "Size of the file.", "days": "For how many days.",
    "sent": "Messages sent.",
    "waiting": "Messages that wait.", "key": "Key of the message.", "receipt": "The receiver's receipt.",
    "priority": "Priority: high, medium or low.", "outcome": "Result; empty while it is open.",
    "description": "What is to be done.", "issue": "Link to its issue.", "subject": "What was checked.",
    "forecast": "When the analysis will be certain.", "duration_seconds": "How long it took.",
    "earlier_ids": "Ids of earlier keys.", "schema": "Version of this output.",
}  # fmt: skip
"""What fields of these names mean in every output whose class says nothing else."""


def page() -> str:
    """The page."""
    sections, known = [_OPENING], dict[type, str]()
    for command, kind in output.outputs().items():
        known[kind] = command
        sections.append(_section(f"`{command}`" if ":" not in command else _line(command), kind))
    every = [part for kind in output.outputs().values() for part in parts(kind) if part not in known]
    sections.append("## Parts\n")
    sections += [_section(part.__name__, part, "###") for part in dict.fromkeys(every)]
    return "\n".join(sections)


def _line(command: str) -> str:
    commands, _, what = command.partition(":")
    return f"`{commands}`,{what}"


def _section(title: str, kind: type[msgspec.Struct], level: str = "##") -> str:
    said, hints = words_under_fields(kind), typing.get_type_hints(kind)
    lines = [f"{level} {title}", ""]
    if level != "##":
        lines += [" ".join((inspect.getdoc(kind) or "").split()), ""]
    lines += ["| field | type | meaning |", "|---|---|---|"]
    lines += [
        f"| `{name}` | {_type(hints[name])} | {said.get(name) or _usual(name, hints[name])} |"
        for name in kind.__struct_fields__
    ]
    return "\n".join(lines) + "\n"


def _usual(name: str, hint: object) -> str:
    """Of a field without words of its own: the first sentence of its class, or what the name means elsewhere."""
    kinds = _structs(hint)
    of_class = " ".join((inspect.getdoc(kinds[0]) or "").split()).partition(". ")[0].rstrip(".") if kinds else ""
    if of_class and typing.get_origin(hint) is tuple:
        return f"Each entry: {of_class[:1].lower()}{of_class[1:]}."
    return f"{of_class}." if of_class else USUAL[name]  # a field without words is a mistake


def parts(kind: type[msgspec.Struct]) -> list[type[msgspec.Struct]]:
    found = []
    for hint in typing.get_type_hints(kind).values():
        for one in _structs(hint):
            found += [one, *parts(one)]
    return found


def _structs(hint: object) -> list[type[msgspec.Struct]]:
    """The classes of outputs in a type, however deep."""
    mine = [hint] if isinstance(hint, type) and issubclass(hint, msgspec.Struct) else []
    return mine + [one for inner in typing.get_args(hint) for one in _structs(inner)]


def words_under_fields(kind: type) -> dict[str, str]:
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
    return f"[{hint.__name__}](#{hint.__name__.lower()})" if hint not in listed else f"what `{listed[hint]}` prints"
