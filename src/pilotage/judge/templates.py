"""Reads AnalysisTemplates of Argo Rollouts as rules. Each metric that cannot be imported is named and left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pilotage.judge.rules import Rule
from pilotage.model.condition import BadCondition, Condition
from pilotage.model.errors import Invalid
from pilotage.model.json import JsonObject, WrongJson, find, list_at, object_at, optional, text_at


class BadAnalysisTemplate(Invalid):
    """The AnalysisTemplate contains something that Pilotage cannot import. The message says where and why."""


@dataclass(frozen=True, kw_only=True)
class Imported:
    """The rules of an AnalysisTemplate. left: sentences about each part that cannot be imported."""

    rules: tuple[Rule, ...]
    left: tuple[str, ...] = ()


def rules_of(template: JsonObject, values: Mapping[str, str] | None = None) -> Imported:
    """The rules of an AnalysisTemplate or ClusterAnalysisTemplate (argoproj.io/v1alpha1). values: of its arguments,
    over the template's own. Raises BadAnalysisTemplate if it is not one; a metric that cannot be imported is left
    out."""
    if template.get("kind") not in ("AnalysisTemplate", "ClusterAnalysisTemplate"):
        raise BadAnalysisTemplate(
            f"kind is {template.get('kind')!r}: use an AnalysisTemplate or ClusterAnalysisTemplate"
        )
    try:
        return _rules(object_at(template, "spec") if template.get("spec") else {}, values or {})
    except (WrongJson, TypeError, OverflowError) as error:
        raise BadAnalysisTemplate(f"spec does not have the form of an AnalysisTemplate: {error}") from None


def _rules(spec: JsonObject, values: Mapping[str, str]) -> Imported:
    dry = [
        _pieces(str(find(entry, "metricName") or ""), at)
        for at, entry in enumerate(optional(list_at, spec, "dryRun") or ())
    ]
    metrics = [object_at(metric) for metric in optional(list_at, spec, "metrics") or ()]
    if not metrics:
        more = f"; {_of_others(spec)}" if spec.get("templates") else ": nothing to import"
        raise BadAnalysisTemplate(f"spec.metrics is empty{more}")
    names = tuple(pieces for alternatives in dry for pieces in alternatives)
    found, left = [], [_of_others(spec)] if spec.get("templates") else []
    for index, metric in enumerate(metrics):
        try:
            found.append(_rule(metric, _arguments(spec, values), names))
            left += [f"{_place(index, metric)}: {said}" for said in _dropped(metric)]
        except (_Left, BadCondition, ValueError) as error:
            left.append(f"{_place(index, metric)}: {error}")
    return Imported(rules=tuple(found), left=tuple(left))


def _of_others(spec: JsonObject) -> str:
    """Further templates whose metrics Argo runs as well, if one names them."""
    names = [str(find(one, "templateName") or "?") for one in optional(list_at, spec, "templates") or ()]
    return f"spec.templates names {', '.join(names)}: import {'that' if len(names) == 1 else 'those'}, too"


class _Left(Exception):
    """A metric cannot be imported; the sentence says why."""


def _place(index: int, metric: JsonObject) -> str:
    return f"spec.metrics[{index}] ({metric.get('name') or 'without a name'})"


def _arguments(spec: JsonObject, values: Mapping[str, str]) -> Mapping[str, str]:
    """Those that have a value."""
    own = {text_at(one, "name"): find(one, "value") for one in optional(list_at, spec, "args") or ()}
    return {**{name: str(value) for name, value in own.items() if value is not None}, **values}


def _dropped(metric: JsonObject) -> Iterator[str]:
    """Parts of an imported metric for which Pilotage has no setting."""
    source = object_at(metric, "provider", "prometheus")
    for key, cure in (
        ("headers", "they may hold credentials"), ("authentication", "put a proxy that signs in before it"),
        ("insecure", "certificates are always verified"), ("rangeQuery", "the newest value is asked for"),
    ):  # fmt: skip
        if source.get(key):
            yield f"provider.prometheus.{key} is not imported: {cure}"


_Pieces = tuple[str, ...]


def _pieces(pattern: str, index: int) -> tuple[_Pieces, ...]:
    """Argo takes any regular expression here. Names, `.*` and `|` are what templates use; a stranger's expression is
    not run, since one of ten characters can run for hours."""
    alternatives = pattern.removeprefix("^").removesuffix("$").removeprefix("(").removesuffix(")").split("|")
    found = tuple(tuple(alternative.replace("\\.", ".").split(".*")) for alternative in alternatives)
    if any(set(piece) & set("\\^$*+?()[]{}") for pieces in found for piece in pieces):
        raise BadAnalysisTemplate(
            f"spec.dryRun[{index}].metricName: {pattern[:60]!r} is more than names, .* and |. Write the names out."
        )
    return found


def _named(name: str, pieces: _Pieces) -> bool:
    """Whether the name is the pieces in their order, with anything between them."""
    first, *rest = pieces
    if not rest:
        return name == first
    *middle, last = rest
    at = len(first)
    for piece in middle:
        found = name.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return name.startswith(first) and name.endswith(last) and at + len(last) <= len(name)


def _rule(metric: JsonObject, arguments: Mapping[str, str], dry: Sequence[_Pieces]) -> Rule:
    provider = object_at(metric, "provider") if metric.get("provider") else {}
    if "prometheus" not in provider:
        raise _Left(f"its provider is {', '.join(provider) or 'missing'}, and only prometheus can be imported")
    _check_arguments([*(metric.get(key) for key in _FILLED), find(provider, "prometheus", "query")], arguments)
    name = _filled(str(metric.get("name") or ""), arguments)
    return Rule(
        name=name,
        success=_condition(metric.get("successCondition"), arguments),
        failure=_condition(metric.get("failureCondition"), arguments),
        count=_whole(metric, "count", arguments),
        interval=_seconds(metric, "interval", arguments),
        initial_delay=_seconds(metric, "initialDelay", arguments) or 0.0,
        failure_limit=_whole(metric, "failureLimit", arguments) or 0,
        inconclusive_limit=_whole(metric, "inconclusiveLimit", arguments) or 0,
        consecutive_error_limit=_or(_whole(metric, "consecutiveErrorLimit", arguments), 4),
        consecutive_success_limit=_whole(metric, "consecutiveSuccessLimit", arguments) or 0,
        query=_filled(str(object_at(provider, "prometheus").get("query") or ""), arguments).strip(),
        dry_run=any(_named(name, pieces) for pieces in dry),
    )


_FILLED = (
    "name", "successCondition", "failureCondition", "count", "interval", "initialDelay", "failureLimit",
    "inconclusiveLimit", "consecutiveErrorLimit", "consecutiveSuccessLimit",
)  # fmt: skip
"""What arguments may are in, next to the query."""
_ARGUMENT = re.compile(r"\{\{\s*args\.([\w.-]+)\s*\}\}")


def _check_arguments(texts: Sequence[object], arguments: Mapping[str, str]) -> None:
    """Raises _Left with every argument that has no value, so that one more run gives them all."""
    names = dict.fromkeys(name for text in texts for name in _ARGUMENT.findall(str(text or "")))
    if missing := [name for name in names if name not in arguments]:
        several = len(missing) > 1
        said = f"the argument{'s' if several else ''} {', '.join(missing)} {'have' if several else 'has'} no value"
        raise _Left(f"{said}: give {'them' if several else 'it'} with {' '.join(f'--arg {n}=VALUE' for n in missing)}")


def _condition(text: object, arguments: Mapping[str, str]) -> Condition | None:
    return Condition(_filled(str(text), arguments)) if text else None


def _whole(metric: JsonObject, key: str, arguments: Mapping[str, str]) -> int | None:
    value = metric.get(key)
    if value is None:
        return None
    text = _filled(str(value), arguments)
    if not re.fullmatch(r"-?\d{1,9}", text.strip()):
        raise _Left(f"{key} is {text!r}, not a whole number")
    return int(text)


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _seconds(metric: JsonObject, key: str, arguments: Mapping[str, str]) -> float | None:
    from pilotage.model.quantity import parse_duration

    text = metric.get(key)
    if text in (None, ""):
        return None
    try:
        return float(parse_duration(_filled(str(text), arguments)))
    except ValueError as error:
        raise _Left(f"{key}: {error}") from None


def _filled(text: str, arguments: Mapping[str, str]) -> str:
    """`{{args.name}}` replaced by its value; _check_arguments has found that each has one."""
    return _ARGUMENT.sub(lambda found: arguments[found[1]], text)
