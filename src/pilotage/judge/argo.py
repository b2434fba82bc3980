"""Rules of Argo Rollouts: reads AnalysisTemplates, describes their rules, and writes them for pilotage.yaml."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import yaml

from pilotage.judge.rules import Rule
from pilotage.judge.templates import BadAnalysisTemplate, Imported, rules_of
from pilotage.model.json import JsonObject, text_at
from pilotage.model.quantity import format_duration


def templates_of(text: str, where: str, values: Mapping[str, str] | None = None) -> dict[str, Imported]:
    """The rules of each AnalysisTemplate and ClusterAnalysisTemplate in a YAML text, by its name. where: its file ·
    values: of arguments. Raises BadAnalysisTemplate, also if no rule can be imported."""
    documents = [part for one in _documents(text, where) for part in _parts(one)]
    templates = [one for one in documents if str(one.get("kind", "")).endswith("AnalysisTemplate")]
    if not templates:
        raise BadAnalysisTemplate(f"{where}: no AnalysisTemplate or ClusterAnalysisTemplate in it")
    try:
        found = {text_at(one, "metadata", "name"): rules_of(one, values) for one in templates}
    except (ValueError, KeyError, TypeError) as error:
        raise BadAnalysisTemplate(f"{where}: {error}") from None
    if not any(made.rules for made in found.values()):
        left = "; ".join(f"{name}: {said}" for name, made in found.items() for said in made.left)
        raise BadAnalysisTemplate(f"{where}: no rule can be imported. {left}")
    return found


def with_names_of_their_own(templates: Mapping[str, Sequence[Rule]]) -> list[Rule]:
    """All rules; those whose name another one has, too, after the name of their template."""
    times = Counter(rule.name for made in templates.values() for rule in made)
    return [
        replace(rule, name=f"{template}-{rule.name}") if times[rule.name] > 1 else rule
        for template, made in templates.items()
        for rule in made
    ]


def section_of(prometheus: str, rules: list[Rule]) -> str:
    """The rules as an environment of pilotage.yaml takes them."""
    usual = {field.name: field.default for field in dataclasses.fields(Rule)}
    shown = []
    for rule in rules:
        fields = {
            "name": rule.name, "query": rule.query, "success_condition": rule.success and rule.success.text,
            "failure_condition": rule.failure and rule.failure.text,
            "interval": rule.interval and format_duration(rule.interval),
            "initial_delay": rule.initial_delay and format_duration(rule.initial_delay),
            "count": rule.count, "failure_limit": rule.failure_limit,
            "inconclusive_limit": rule.inconclusive_limit, "consecutive_error_limit": rule.consecutive_error_limit,
            "consecutive_success_limit": rule.consecutive_success_limit, "dry_run": rule.dry_run,
        }  # fmt: skip
        shown.append({name: value for name, value in fields.items() if value is not None and value != usual.get(name)})
    section = {"analysis": {"prometheus": prometheus, "rules": shown}}
    return str(yaml.safe_dump(section, sort_keys=False, allow_unicode=True)).rstrip()


def in_words(rule: Rule) -> str:
    """A rule in words."""
    success = f"success when {rule.success.text.strip()}" if rule.success else ""
    success = success if rule.success or rule.failure else "always a success, since it has no condition"
    failure = f"failure when {rule.failure.text}" if rule.failure else ""
    often = f"{rule.count or 'any number of'} times every {format_duration(rule.interval)}" if rule.interval else "once"
    often += f" after {format_duration(rule.initial_delay)}" if rule.initial_delay else ""
    limits = (
        f"tolerates {_limit(rule.failure_limit)} failures, {_limit(rule.inconclusive_limit)} inconclusive, "
        f"{rule.consecutive_error_limit} errors in a row"
    )
    dry = "dry run" if rule.dry_run else ""
    return "; ".join(part for part in (success, failure, f"measured {often}", limits, dry) if part)


def _limit(number: int) -> str:
    """Argo takes a limit below 0 for none."""
    return str(number) if number >= 0 else "any number of"


def _parts(document: JsonObject) -> list[JsonObject]:
    """The items of a List, as kubectl writes several objects."""
    items = document.get("items")
    if document.get("kind") == "List" and isinstance(items, list):
        return [item for item in items if isinstance(item, dict)]
    return [document]


def _documents(text: str, where: str) -> list[JsonObject]:
    try:
        # A few aliases of aliases make a text of gigabytes out of one of a page.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
            raise BadAnalysisTemplate(f"{where}: an alias is not allowed: write the value out")
        found = list(yaml.safe_load_all(text))
    except BadAnalysisTemplate:
        raise
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise BadAnalysisTemplate(f"{where}: {error}") from None
    except RecursionError:
        raise BadAnalysisTemplate(f"{where}: nested too deeply") from None
    return [document for document in found if isinstance(document, dict)]
