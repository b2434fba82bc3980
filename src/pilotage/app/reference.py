"""The reference that is made of the code itself: settings of pilotage.yaml, and errors with their exit statuses."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from inspect import cleandoc

from pilotage.model.errors import Invalid, PilotageError
from pilotage.model.json import JsonObject, each, entries, list_at, object_at, optional, text_at
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.renamed import renamed_key


class NoSuchSection(Invalid):
    """`pilotage.yaml` has no section or setting of this name."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """kind: what it takes, in words · default: as JSON, a duration as people write it; `required` where there is none ·
    section: whether it has settings of its own."""

    name: str
    kind: str
    default: str
    description: str
    section: bool


@dataclass(frozen=True, kw_only=True)
class Section:
    """path: its place in pilotage.yaml, empty for the whole file."""

    path: str
    description: str
    settings: tuple[Setting, ...]


@dataclass(frozen=True, kw_only=True)
class ErrorKind:
    """code: stable, for machines · meaning: the first sentence of what it stands for."""

    code: str
    exit_status: int
    http_status: int
    meaning: str


EXIT_STATUSES: Mapping[int, str] = {
    0: "done",
    1: "internal error; `--debug` shows the traceback",
    2: "wrong usage or configuration",
    3: "not ready: a gate or a required check fails",
    4: "failed and rolled back cleanly",
    5: "failed, and someone must act",
    6: "timed out waiting; the rollout continues",
    7: "conflict with the current state: another rollout, a freeze, a lock, a command that does not apply",
    8: "forbidden",
    9: "something needed is missing or does not answer",
    10: "cannot be verified: a signature, a key or an anchor is missing",
}

VARIABLES: Mapping[str, str] = {
    "PILOTAGE_CONFIG": "the configuration file, like `--config`",
    "PILOTAGE_SERVICE": "the service, like `--service`",
    "PILOTAGE_STATE": "the folder of the state; default: `.pilotage` next to the configuration",
    "PILOTAGE_DATABASE": "a PostgreSQL for the store, such as `postgresql+psycopg://user@host/pilotage`",
    "PILOTAGE_ACTOR": "who gives the command; default: the login name",
    "PILOTAGE_SERVER": "the server that carries commands out, such as `https://releases.example.com`",
    "PILOTAGE_TOKEN": "the token for that server; default: the one that `pilotage login` kept",
    "PILOTAGE_SECRET": "at least 32 characters that seal second factors; the same for all servers of a store. Default: "
    "a key in the state folder",
    "PILOTAGE_ENVOY": "the Envoy program to run",
    "PILOTAGE_TRAEFIK": "the Traefik program to run",
    "PILOTAGE_EMBEDDED_ROUTER": "the router that `init` and `demo` choose: `envoy` or `traefik`. Default: Envoy if "
    "there is one, otherwise Traefik",
    "PILOTAGE_LOG": "`json` writes the logs of worker and server as one JSON object a line",
    "PILOTAGE_DEBUG": "`1` shows the traceback of an internal error, like `--debug`",
}
"""The environment variables that Pilotage reads."""


# ── settings ───────────────────────────────────────────────────────────────────────────────────────────────


def schema() -> JsonObject:
    """The JSON Schema of pilotage.yaml with all installed adapters. Takes a tenth of a second."""
    from pilotage.config.loading import json_schema

    return object_at(json.loads(json_schema()))


def section(path: str, whole: JsonObject | None = None) -> tuple[Section, ...]:
    """The section at a path such as `environments.router`; one for each kind where there are several. A setting's
    path, such as `environments.router.kind`, gives its section with this setting alone. Names of environments and
    services are left out of paths. Raises NoSuchSection.

    whole: the schema, for those who ask for many sections.
    """
    whole = whole or schema()
    nodes = [whole]
    trail = [word for word in path.split(".") if word]
    for number, word in enumerate(trail):
        found = [inner for node in nodes for inner in _inner(whole, node, word)]
        if not found:
            place = ".".join(trail[:number])
            if number == len(trail) - 1 and (settings := _settings(whole, place, nodes, word)):
                return settings
            raise _no_such_section(path, place, word, nodes)
        nodes = found
    # What every kind has, such as the quiet hours of a channel, is shown once.
    return tuple(dict.fromkeys(_section(whole, path, node) for node in nodes))


def _settings(whole: JsonObject, place: str, nodes: list[JsonObject], name: str) -> tuple[Section, ...]:
    """The sections that have the setting, each with it alone."""
    sections = dict.fromkeys(_section(whole, place, node) for node in nodes if name in _properties(node))
    return tuple(
        replace(one, settings=tuple(setting for setting in one.settings if setting.name == name)) for one in sections
    )


def _no_such_section(path: str, place: str, word: str, nodes: list[JsonObject]) -> NoSuchSection:
    if (now := renamed_key(path)) != path:
        return NoSuchSection(f"{path} is now called {now}")
    known = sorted({name for node in nodes for name in _properties(node)})
    return NoSuchSection(f"{place or 'pilotage.yaml'} has no setting {word!r}; it has {', '.join(known)}")


def _section(whole: JsonObject, path: str, node: JsonObject) -> Section:
    required = optional(list_at, node, "required") or ()
    settings = tuple(
        Setting(
            name=name,
            kind=_kind(whole, schema),
            default=_default(schema, _kind(whole, schema), required=name in required),
            description=str(schema.get("description", "")),
            section=any(_properties(inner) for inner in _variants(whole, schema)),
        )
        for name, schema in _properties(node).items()
    )
    return Section(path=path, description=cleandoc(str(node.get("description", ""))), settings=settings)


def _default(schema: JsonObject, kind: str, *, required: bool) -> str:
    if required:
        return "required"
    match schema.get("default"):
        case None | dict():
            return ""  # a section has those of its settings
        case int() | float() as seconds if kind == "duration":
            return format_duration(seconds)
        case int() | float() as share if kind == "percentage":
            return format_share(share)
        case default:
            return json.dumps(default, ensure_ascii=False)


def _inner(whole: JsonObject, node: JsonObject, word: str) -> Iterator[JsonObject]:
    schema = _properties(node).get(word)
    if schema is not None:
        yield from (one for one in _variants(whole, schema) if _properties(one))


def _variants(whole: JsonObject, schema: JsonObject) -> Iterator[JsonObject]:
    """What a value may be, references followed: of a list each element, of a mapping each value."""
    if "$ref" in schema:
        yield from _variants(whole, _definition(whole, schema))
        return
    for key in ("anyOf", "oneOf"):
        for one in _schemas(schema, key):
            yield from _variants(whole, one)
    if schema.get("type") == "array" and isinstance(schema.get("items"), Mapping):
        yield from _variants(whole, object_at(schema, "items"))
    elif schema.get("type") == "object" and (values := _values(schema)):
        for one in values:
            yield from _variants(whole, one)
    elif not any(key in schema for key in ("anyOf", "oneOf")):
        yield schema


def _values(schema: JsonObject) -> tuple[JsonObject, ...]:
    """What the values of a mapping with free names may be."""
    named = entries(object_at, schema, "patternProperties") if "patternProperties" in schema else {}
    more = schema.get("additionalProperties")
    return (*named.values(), *((more,) if isinstance(more, Mapping) and more else ()))


def _properties(node: JsonObject) -> Mapping[str, JsonObject]:
    return entries(object_at, node, "properties") if "properties" in node else {}


def _schemas(schema: JsonObject, key: str) -> list[JsonObject]:
    return each(object_at, schema, key) if key in schema else []


def _definition(whole: JsonObject, schema: JsonObject) -> JsonObject:
    """What a reference leads to."""
    return object_at(whole, "$defs", text_at(schema, "$ref").rpartition("/")[2])


_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": ""}

_DURATION = ("text", "whole number", "number")
"""As the schema has it: seconds, or a text such as 5m."""

_PERCENTAGE = ("number", "text")
"""A share, or a text such as 5%."""


def _kind(whole: JsonObject, schema: JsonObject) -> str:
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return ", ".join(str(one) for one in list_at(schema, "enum"))
    if "$ref" in schema:
        return _kind(whole, _definition(whole, schema))
    for key in ("anyOf", "oneOf"):
        if key in schema:
            parts = [part for part in dict.fromkeys(_kind(whole, one) for one in _schemas(schema, key)) if part]
            return {_DURATION: "duration", _PERCENTAGE: "percentage"}.get(tuple(parts), " or ".join(parts))
    match schema.get("type"):
        case "array":
            return f"list of {_kind(whole, object_at(schema, 'items') if 'items' in schema else {})}".removesuffix(
                " of "
            )
        case "object":
            return "section" if "properties" in schema else "mapping"
        case kind:
            return _WORDS.get(str(kind), "any value")


# ── errors ─────────────────────────────────────────────────────────────────────────────────────────────────


_ASIDE = "pilotage.testing"
"""What tests adapters of others: it needs pytest, which users do not have."""


def errors() -> tuple[ErrorKind, ...]:
    """Every error of Pilotage that users can see, by exit status and code."""
    import pilotage

    for module in pkgutil.walk_packages(pilotage.__path__, "pilotage."):
        if module.name.startswith(_ASIDE) or module.name.endswith("__main__") or ".migrations." in module.name:
            continue
        try:
            import_module(module.name)
        except ModuleNotFoundError as missing:
            # An extra that is not installed, such as the driver of PostgreSQL.
            if (missing.name or "pilotage").partition(".")[0] == "pilotage":
                raise
    found = [
        ErrorKind(
            code=kind.code,
            exit_status=kind.exit_status,
            http_status=kind.http_status,
            meaning=cleandoc(kind.__doc__ or "").partition("\n\n")[0].replace("\n", " "),
        )
        for kind in _below(PilotageError)
        if kind.__doc__ and kind.__module__.startswith("pilotage.") and not kind.__module__.startswith(_ASIDE)
    ]
    return tuple(sorted(found, key=lambda one: (one.exit_status, one.code)))


def _below(kind: type[PilotageError]) -> Iterator[type[PilotageError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _below(below)
