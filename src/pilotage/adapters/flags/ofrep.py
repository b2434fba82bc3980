"""Answers of the OpenFeature Remote Evaluation Protocol (OFREP 0.3,
https://github.com/open-feature/protocol/blob/main/service/openapi.yaml): one flag, or all, for a context."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import FlagNotFoundError, ParseError

from pilotage.adapters.flags.served_file import Definitions, tag_of
from pilotage.model.json import Json, JsonObject, find

if TYPE_CHECKING:
    from openfeature.evaluation_context import EvaluationContextAttribute
    from openfeature.flag_evaluation import FlagResolutionDetails

Attributes: TypeAlias = "Mapping[str, EvaluationContextAttribute]"
_KEY = "targetingKey"
_REASONS = ("STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED")
"""Those that the protocol knows, and UNKNOWN."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """content: None where there is no body · tag: of all flags."""

    status: int
    content: JsonObject | None = None
    tag: str = ""


class _Refused(Exception):
    """The context cannot be used. code: of OpenFeature."""

    def __init__(self, code: str, details: str) -> None:
        super().__init__(details)
        self.code, self.details = code, details


def evaluate(definitions: Definitions, key: str, body: bytes) -> Reply:
    """One flag."""
    try:
        context = _context(body)
    except _Refused as error:
        return Reply(status=400, content={"key": key, **_failure(error.code, error.details)})
    return _evaluate(definitions, key, context)


def evaluate_all(definitions: Definitions, body: bytes, known: str) -> Reply:
    """Every flag, in the order of their keys. known: the request's If-None-Match."""
    try:
        context = _context(body)
    except _Refused as error:
        return Reply(status=400, content=_failure(error.code, error.details))
    flags = [_evaluate(definitions, key, context).content for key in sorted(definitions.flags)]
    content: JsonObject = {"flags": flags, "metadata": {"version": definitions.tag}}
    # A rule may depend on the time, so the tag is of the answers, not of the definitions.
    tag = f'"{tag_of(json.dumps(flags, sort_keys=True).encode())}"'
    asked = {one.strip().removeprefix("W/") for one in known.split(",")}
    return Reply(status=304, tag=tag) if tag in asked or "*" in asked else Reply(status=200, content=content, tag=tag)


def _context(body: bytes) -> EvaluationContext:
    """Raises _Refused."""
    try:
        found: Json = json.loads(body)
    except (ValueError, RecursionError):
        raise _Refused("PARSE_ERROR", "the body is no JSON") from None
    context = find(found, "context")
    if not isinstance(context, Mapping):
        raise _Refused("INVALID_CONTEXT", "`context` is missing, or no object")
    key = context.get(_KEY)
    if key is None or key == "":
        raise _Refused("TARGETING_KEY_MISSING", f"`context.{_KEY}` is missing")
    if not isinstance(key, str):
        raise _Refused("INVALID_CONTEXT", f"`context.{_KEY}` is no text")
    attributes = {name: value for name, value in context.items() if name != _KEY}
    # A null is an attribute, too: rules see it as they would in flagd.
    return EvaluationContext(key, cast(Attributes, attributes))


def _evaluate(definitions: Definitions, key: str, context: EvaluationContext) -> Reply:
    try:
        details = _resolved(definitions, key, context)
    except FlagNotFoundError:
        return Reply(status=404, content={"key": key, **_failure("FLAG_NOT_FOUND", f"there is no flag {key}")})
    except ParseError as error:
        return Reply(status=400, content={"key": key, **_failure("PARSE_ERROR", str(error) or "its rule is wrong")})
    except Exception as error:
        _log.info("flag %s could not be evaluated", key, exc_info=True)
        return Reply(status=400, content={"key": key, **_failure("GENERAL", str(error) or type(error).__name__)})
    reason = str(details.reason)
    known = reason if reason in _REASONS else "UNKNOWN"
    metadata: JsonObject = dict(details.flag_metadata or {})
    answer: JsonObject = {"key": key, "reason": known, "variant": details.variant or "", "metadata": metadata}
    # Without a variant, the code's own default counts.
    return Reply(status=200, content={**answer, "value": details.value} if details.variant else answer)


def _resolved(definitions: Definitions, key: str, context: EvaluationContext) -> FlagResolutionDetails[Json]:
    """Of the type that the flag's variants have. Raises what the evaluator raises."""
    core = definitions.core
    variants = find(definitions.flags.get(key), "variants")
    values = list(variants.values()) if isinstance(variants, Mapping) else []
    if all(isinstance(value, bool) for value in values):
        return core.resolve_boolean_value(key, False, context)
    if all(isinstance(value, str) for value in values):
        return core.resolve_string_value(key, "", context)
    if all(isinstance(value, int) for value in values):
        return core.resolve_integer_value(key, 0, context)
    if all(isinstance(value, int | float) for value in values):
        return core.resolve_float_value(key, 0.0, context)
    return core.resolve_object_value(key, {}, context)


def _failure(code: str, details: str) -> JsonObject:
    return {"errorCode": code, "errorDetails": details[:500]}
