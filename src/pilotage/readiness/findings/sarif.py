"""SARIF 2.1.0 (OASIS): the interchange format of static analysis, which nearly every scanner writes.

A result's level is its own, or that of its rule as the run configured it (§3.27.10). A suppression counts only when it
was accepted (§3.35.3), and a score of `security-severity` decides over a level (GitHub's convention for CVSS).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal
from urllib.parse import unquote, urlsplit

import msgspec

from pilotage.model.json import find
from pilotage.model.readiness import BadEvidence
from pilotage.readiness.evidence import shaped
from pilotage.readiness.findings.issue import Issue, Passed

SERIOUS = 4.0
"""CVSS score from which a result is a finding whatever its level: *medium* by CVSS 3.1."""

_Level = Literal["none", "note", "warning", "error"]


class _Struct(msgspec.Struct, frozen=True, rename="camel"):
    pass


class _Message(_Struct, frozen=True):
    text: str | None = None
    markdown: str | None = None
    id: str | None = None


class _Configuration(_Struct, frozen=True):
    level: _Level | None = None


class _Component(_Struct, frozen=True):
    index: int = -1
    name: str | None = None


class _Reference(_Struct, frozen=True):
    id: str | None = None
    index: int = -1
    tool_component: _Component | None = None


class _Rule(_Struct, frozen=True):
    id: str
    default_configuration: _Configuration | None = None
    properties: dict[str, object] | None = None


class _Driver(_Struct, frozen=True):
    name: str
    rules: tuple[_Rule, ...] | None = None


class _Tool(_Struct, frozen=True):
    driver: _Driver
    extensions: tuple[_Driver, ...] | None = None


class _Override(_Struct, frozen=True):
    descriptor: _Reference
    configuration: _Configuration


class _Notification(_Struct, frozen=True):
    message: _Message
    level: _Level | None = None
    descriptor: _Reference | None = None


class _Invocation(_Struct, frozen=True):
    execution_successful: bool | None = None
    exit_code: int | None = None
    process_start_failure_message: str | None = None
    exit_signal_name: str | None = None
    rule_configuration_overrides: tuple[_Override, ...] | None = None
    tool_execution_notifications: tuple[_Notification, ...] | None = None
    tool_configuration_notifications: tuple[_Notification, ...] | None = None


class _Suppression(_Struct, frozen=True):
    status: Literal["accepted", "underReview", "rejected"] | None = None


class _Artifact(_Struct, frozen=True):
    uri: str | None = None
    index: int = -1


class _Region(_Struct, frozen=True):
    start_line: int | None = None


class _Physical(_Struct, frozen=True):
    artifact_location: _Artifact | None = None
    region: _Region | None = None


class _Location(_Struct, frozen=True):
    physical_location: _Physical | None = None


class _Result(_Struct, frozen=True):
    message: _Message = _Message()  # required by the format, and left out by some for what is no finding
    rule_id: str | None = None
    rule_index: int = -1
    rule: _Reference | None = None
    level: _Level | None = None
    kind: Literal["pass", "open", "informational", "notApplicable", "review", "fail"] | None = None
    suppressions: tuple[_Suppression, ...] | None = None
    baseline_state: Literal["new", "unchanged", "updated", "absent"] | None = None
    locations: tuple[_Location, ...] | None = None
    properties: dict[str, object] | None = None


class _Listed(_Struct, frozen=True):
    location: _Artifact | None = None


class _Run(_Struct, frozen=True):
    tool: _Tool
    results: tuple[_Result, ...] | None = None
    invocations: tuple[_Invocation, ...] | None = None
    artifacts: tuple[_Listed, ...] | None = None


class _Inline(_Struct, frozen=True):
    results: tuple[object, ...] | None = None


class _Log(_Struct, frozen=True):
    runs: tuple[_Run, ...]
    version: str = "2.1.0"
    inline_external_properties: tuple[_Inline, ...] | None = None


def sarif(read: object, name: str) -> Iterator[Issue | Passed]:
    """Raises BadEvidence for another version, for a run that failed, and for results kept elsewhere."""
    if (version := find(read, "version")) not in (None, "2.1.0"):
        raise BadEvidence(f"{name} looks like SARIF {str(version)[:20]}; supported is 2.1.0")
    log = shaped(read, _Log, name)
    if not log.runs:
        raise BadEvidence(f"{name} contains no tool run")
    if any(inline.results for inline in log.inline_external_properties or ()):
        raise BadEvidence(
            f"{name} keeps results under inlineExternalProperties, which are not supported: put them in runs"
        )
    for run in log.runs:
        yield from _run(run, name)


def _run(run: _Run, name: str) -> Iterator[Issue | Passed]:
    tool = run.tool.driver.name
    for invocation in run.invocations or ():
        failure = invocation.process_start_failure_message or invocation.exit_signal_name
        if invocation.execution_successful is False or failure:
            raise BadEvidence(f"{name}: {tool} reports that its run failed" + f": {failure}" * bool(failure))
        if invocation.execution_successful is None and invocation.exit_code:
            raise BadEvidence(f"{name}: {tool} ended with status {invocation.exit_code} and does not claim success")
        yield from _notified(invocation, tool)
    if run.results is None:
        raise BadEvidence(f"{name}: {tool} reports no results")
    rules = _Rules(run)
    for result in run.results:
        yield _judged(result, rules, run)


def _notified(invocation: _Invocation, tool: str) -> Iterator[Issue]:
    """What the tool itself could not do, such as a file that it could not parse."""
    told = (*(invocation.tool_execution_notifications or ()), *(invocation.tool_configuration_notifications or ()))
    for one in told:
        if one.level == "error":
            called = (one.descriptor.id if one.descriptor else None) or f"{tool}-error"
            yield Issue(id=called, sentence=f"{tool} failed: {_words(one.message)}", severity="error")


class _Rules:
    """The rules of a run by id, and the levels that the run gave them."""

    def __init__(self, run: _Run) -> None:
        self._components = (run.tool.driver, *(run.tool.extensions or ()))
        self._by_id = {rule.id: rule for part in reversed(self._components) for rule in part.rules or ()}
        self._levels: dict[str, _Level] = {}
        for invocation in run.invocations or ():
            for one in invocation.rule_configuration_overrides or ():
                rule = self._referred(one.descriptor)
                if one.configuration.level and (called := rule.id if rule else one.descriptor.id):
                    self._levels[called] = one.configuration.level

    def of(self, result: _Result) -> tuple[str, _Rule | None]:
        """The id that a result shows, and its rule where the run describes it."""
        given = result.rule or _Reference()
        index = given.index if given.index >= 0 else result.rule_index
        called = result.rule_id or given.id
        rule = self._referred(_Reference(called, index, given.tool_component))
        return called or (rule.id if rule else ""), rule

    def level(self, rule: _Rule | None) -> _Level:
        if rule is None:
            return "warning"
        default = rule.default_configuration
        return self._levels.get(rule.id) or (default.level if default else None) or "warning"

    def _referred(self, given: _Reference) -> _Rule | None:
        """By index, and else by id; the id of a part of a rule starts with the rule's (§3.52.4)."""
        rules = self._component(given.tool_component).rules or ()
        if 0 <= given.index < len(rules):
            rule = rules[given.index]
            if given.id is None or given.id == rule.id or given.id.startswith(f"{rule.id}/"):
                return rule
        name = given.id or ""
        while name and name not in self._by_id:
            name = name.rpartition("/")[0]
        return self._by_id.get(name)

    def _component(self, given: _Component | None) -> _Driver:
        if given is None:
            return self._components[0]
        if 0 <= given.index < len(self._components) - 1:
            return self._components[given.index + 1]
        return next((part for part in self._components if part.name == given.name), self._components[0])


def _judged(result: _Result, rules: _Rules, run: _Run) -> Issue | Passed:
    called, rule = rules.of(result)
    kind, score = result.kind or "fail", _score(result, rule)
    level = result.level or (rules.level(rule) if kind == "fail" else "none")
    if result.baseline_state == "absent":
        return Passed.GONE
    if _suppressed(result):
        return Passed.SUPPRESSED
    if result.baseline_state == "unchanged":
        return Passed.UNCHANGED
    if kind in ("pass", "informational", "notApplicable"):
        return Passed.NOTE
    # A result that a tool leaves to people (open, review) has the level none and is undecided.
    if kind == "fail" and level in ("none", "note") and (score is None or score < SERIOUS):
        return Passed.NOTE
    severity = level if score is None else f"{level}, CVSS {score:g}"
    return Issue(
        id=called or "no-rule", sentence=_words(result.message), place=_place(result, run), severity=severity,
        aliases=_aliases(result, rule),
    )  # fmt: skip


def _suppressed(result: _Result) -> bool:
    """Only when every suppression was accepted; one under review or rejected suppresses nothing."""
    return bool(result.suppressions) and all(one.status in (None, "accepted") for one in result.suppressions or ())


def _score(result: _Result, rule: _Rule | None) -> float | None:
    for properties in (result.properties, rule.properties if rule else None):
        try:
            return float(str((properties or {})["security-severity"]))
        except (KeyError, ValueError):
            continue
    return None


def _aliases(result: _Result, rule: _Rule | None) -> tuple[str, ...]:
    """The rule's own id, where the result names a part of it."""
    return (rule.id,) if rule and rule.id != (result.rule_id or rule.id) else ()


def _words(message: _Message) -> str:
    return " ".join((message.text or message.markdown or message.id or "").split())


def _place(result: _Result, run: _Run) -> str:
    for location in result.locations or ():
        physical = location.physical_location
        if physical is None:
            continue
        artifact = physical.artifact_location or _Artifact()
        known = run.artifacts or ()
        if artifact.uri is None and 0 <= artifact.index < len(known):
            artifact = known[artifact.index].location or artifact
        line = physical.region.start_line if physical.region else None
        place = _path(artifact.uri or "")
        return f"{place}:{line}" if line else place
    return ""


def _path(uri: str) -> str:
    """A path as people write it: that of a `file:` address, without what an address escapes."""
    if not uri.lower().startswith("file:"):
        return unquote(uri)
    try:
        return unquote(urlsplit(uri).path)
    except ValueError:
        return uri
