"""From the file to the models: every error at once, each with its line and what would be valid."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pilotage.config.fields import Misplaced
from pilotage.config.forms import FORMS
from pilotage.config.kinds import KindOf, section_of
from pilotage.config.models import Configuration
from pilotage.config.yaml_reader import ConfigError, Document, Problem, content_of, read
from pilotage.model.answers import SHORT_NAMES
from pilotage.model.json import Json, find
from pilotage.model.renamed import Renamed, name_of_today, renamed


@dataclass(frozen=True)
class Loaded:
    """A configuration and the places of its values. service: the one of several that this is the view of."""

    path: Path
    configuration: Configuration
    document: Document
    service: str = ""

    @property
    def folder(self) -> Path:
        """The file's folder, absolute. Relative paths in it start there."""
        return self.path.resolve().parent

    def place(self, *path: str | int) -> str:
        """`pilotage.yaml:31`, for a plan to name the source of a number."""
        return self.line_and_column(*path)[0]

    def line_and_column(self, *path: str | int) -> tuple[str, int]:
        """`pilotage.yaml:31`, and the column."""
        if self.service and path[:1] == ("environments",):
            path = ("services", self.service, *path)
        mark = self.document.mark(path)
        return f"{self.path.name}:{mark.line}", mark.column

    def of(self, service: str) -> Loaded:
        """As if `service` were the only one. KeyError if there is none of that name."""
        section = self.configuration.services[service]
        own = {name: getattr(section, name) for name in ("environments", "paths", "built_from", "tag_prefix")}
        alone = self.configuration.model_copy(update={"service": service, "services": {}, **own})
        return replace(self, configuration=alone, service=service)


def load(path: Path) -> Loaded:
    """Read and validate. Raises ConfigError with every problem of the file."""
    try:
        content = content_of(path)
    except FileNotFoundError:
        raise ConfigError(str(path), [_at_top("no such file: create it with `pilotage init`")]) from None
    except OSError as error:
        raise ConfigError(str(path), [_at_top(f"cannot be read: {error.strerror}")]) from None
    return load_content(content, path)


def load_content(content: bytes, path: Path) -> Loaded:
    """As `load`, of a file's content at another time. path: the file that it was, where relative paths start. Raises
    ConfigError."""
    document = read(content, str(path))
    problems = list(document.problems)
    if not isinstance(document.data, dict):
        raise ConfigError(str(path), [*problems, _at_top("has no settings: create an example with `pilotage init`")])
    data, old_names = renamed(document.data)
    problems += _old_names(document, [old for old in old_names if old.before not in SHORT_NAMES])
    try:
        configuration = Configuration.model_validate(data)
    except ValidationError as error:
        problems += [_problem(document, data, detail, old_names) for detail in error.errors()]
        raise ConfigError(str(path), problems) from None
    if problems:
        raise ConfigError(str(path), problems)
    return Loaded(path, configuration, document)


def loaded_from(data: Json, path: Path) -> Loaded:
    """A configuration that was loaded from `path` before, from its plain data. Raises ValueError where this version
    does not take it."""
    configuration = Configuration.model_validate(renamed(data)[0])
    return Loaded(path, configuration, Document(data))


def json_schema() -> str:
    """The JSON Schema of `pilotage.yaml`, for editors."""
    schema = Configuration.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _at_top(message: str) -> Problem:
    from pilotage.config.yaml_reader import Mark

    return Problem(Mark(1, 1), message)


def _old_names(document: Document, found: Sequence[Renamed]) -> Iterator[Problem]:
    """One sentence each; the first says what replaces them all."""
    cure = "; `pilotage validate --fix` replaces every old name"
    for old in found:
        mark = document.mark(old.path) if old.within else document.keys.get(old.path) or document.mark(old.path)
        yield Problem(mark, _renamed_in_words(old) + cure, _shown_path(old.path))
        cure = ""


def _renamed_in_words(old: Renamed) -> str:
    if not old.within:
        return f"is now called {old.after}"
    if old.before.startswith("{"):
        return f"{old.before} is now called {old.after}"
    # What is not in capitals may be the secret itself.
    return f"is now a reference: {old.after if old.before.isupper() else 'secret://env/NAME'}"


def _problem(document: Document, data: Json, detail: ErrorDetails, old_names: Sequence[Renamed]) -> Problem:
    """data: what was validated, where each old name is a new one already."""
    # `[key]` marks pydantic's complaint about a mapping's key itself.
    path = tuple(part for part in detail["loc"] if part != "[key]")
    path = _within(data, path)
    if isinstance(error := detail.get("ctx", {}).get("error"), Misplaced):
        path += error.path
    written = _as_written(path, old_names)
    mark = document.keys.get(written) if detail["type"] == "extra_forbidden" else None
    return Problem(mark or document.mark(written), _message(path, detail, data), _shown_path(written))


def _shown_path(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _as_written(path: tuple[str | int, ...], old_names: Sequence[Renamed]) -> tuple[str | int, ...]:
    """The path by the names that are in the file."""
    for old in reversed(old_names):
        if path[: len(old.now)] == old.now:
            return (*old.path, *path[len(old.now) :])
    return path


def _within(data: Json, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The part of a pydantic location that names places of the file; it also names union members and the like."""
    kept: list[str | int] = []
    for part in path:
        if isinstance(data, dict) and part == data.get("kind") and part not in data:
            continue  # which member of a union it was, not a place
        if isinstance(data, dict) and part == 0 and data:
            continue  # one that stands without the list which it would be the only member of
        if isinstance(data, dict) and isinstance(part, str):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            break
        kept.append(part)
    return tuple(kept)


def _message(path: tuple[str | int, ...], detail: ErrorDetails, data: Json) -> str:
    value, context = detail.get("input"), detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden" if now := name_of_today(path, find(data, *path[:-1])):
            return f"is the old name of {now}, which is there too: delete one of them"
        case "extra_forbidden":
            siblings = _fields_at(path[:-1], data)
            return f"is not a known setting{_did_you_mean(str(path[-1]), siblings)}"
        case "union_tag_invalid":
            allowed = [word.strip(" '") for word in str(context["expected_tags"]).split(",")]
            close = _did_you_mean(str(context["tag"]), allowed, listed=True)
            return f"kind: {context['tag']!r} is not one of {', '.join(allowed)}{close}"
        case "union_tag_not_found":
            return "kind: is missing"
        case "enum" | "literal_error":
            allowed = [word.strip(" '") for word in str(context["expected"]).replace(" or ", ",").split(",")]
            return (
                f"{_shown(value)} is not one of {', '.join(allowed)}{_did_you_mean(str(value), allowed, listed=True)}"
            )
        case "string_pattern_mismatch" if context["pattern"].startswith("^secret://"):
            return "must be a reference, secret://env/NAME or secret://file/PATH, not the secret itself"
        case "string_pattern_mismatch":
            form = context["pattern"].strip("^$")
            return f"{_shown(value)} {f'is not {FORMS[form]}' if form in FORMS else f'does not look like {form}'}"
        case "value_error":
            return str(context["error"]).replace(repr(value), _shown(value))
        case "too_short" | "string_too_short" if context["min_length"] == 1:
            return "must not be empty"
        case "too_short" | "too_long":
            at_least, bound = detail["type"] == "too_short", context.get("min_length", context.get("max_length"))
            return f"has {context['actual_length']} entries: give {'at least' if at_least else 'at most'} {bound}"
        case "string_too_short" | "string_too_long":
            at_least, bound = detail["type"] == "string_too_short", context.get("min_length", context.get("max_length"))
            return f"{_shown(value)} has {len(str(value))} characters: {'at least' if at_least else 'at most'} {bound}"
        case kind if kind in _BOUNDS:
            words, name = _BOUNDS[kind]
            return f"{_shown(value)} must be {words} {context[name]:g}"
        case "finite_number":
            return f"{_shown(value)} is no finite number"
        case kind if kind.endswith(("_type", "_parsing")):
            name = kind.rpartition("_")[0]
            return f"{_shown(value)} is not {_TYPES.get(name, name)}"
        case _:
            return f"{_shown(value)}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}
_TYPES = {
    "string": "text (put it in quotes)",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a mapping of names to values",
    "model": "a mapping of settings",
    "model_attributes": "a mapping of settings",
}


def _fields_at(path: tuple[str | int, ...], data: Json) -> list[str]:
    """The keys that the model allows at `path`; if there is a `kind`, those of that kind."""
    model: type[BaseModel] | None = Configuration
    possible: list[type[BaseModel] | KindOf] = []
    for part in path:
        data = find(data, part)
        if model is not None and part in model.model_fields:
            field = model.model_fields[str(part)]
            possible = [*(m for m in field.metadata if isinstance(m, KindOf)), *_models(field.annotation)]
        model = _chosen(possible, data)
    return list(model.model_fields) if model is not None else []


def _chosen(possible: list[type[BaseModel] | KindOf], data: Json) -> type[BaseModel] | None:
    """The model of what is there; None where nothing is known of it."""
    if not possible:
        return None
    first = possible[0]
    if not isinstance(first, KindOf):
        return first
    kind = data.get("kind", first.default) if isinstance(data, dict) else first.default
    return section_of(first.port, kind) if isinstance(kind, str) else None


def _models(annotation: object) -> Iterable[type[BaseModel] | KindOf]:
    yield from (found for found in getattr(annotation, "__metadata__", ()) if isinstance(found, KindOf))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models(argument)


def _did_you_mean(word: str, allowed: list[str], *, listed: bool = False) -> str:
    close = get_close_matches(word, allowed, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]}?"
    return "" if listed or not allowed else f"; known are {', '.join(allowed)}"


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
