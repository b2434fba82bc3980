"""Readiness as findings at lines of `pilotage.yaml`: SARIF 2.1.0, GitLab's Code Quality, and a check of GitHub.

A gate is a rule. One that is not ready is a finding where the configuration names its evidence; one that is waived is a
suppressed finding or a notice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from pilotage.model.check_run import CheckRun, Conclusion, Level, Remark
from pilotage.model.json import Json, JsonList, JsonObject
from pilotage.model.readiness import Gate, GateStatus, Readiness
from pilotage.render.readiness import headline, to_markdown
from pilotage.render.request_comment import harmless

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the gates are configured. path: of the file, from the root of its repository · lines: by gate, from 1."""

    path: str
    lines: Mapping[str, int]

    def line(self, gate: Gate) -> int:
        return self.lines.get(gate.item, 1)


def to_sarif(found: Readiness, version: str, places: Places) -> JsonObject:
    """One result for each gate that is not ready, and a suppressed one for each that is waived. version: of
    Pilotage."""
    numbers = {gate.item: number for number, gate in enumerate(found.gates)}
    driver: JsonObject = {
        "name": "Pilotage", "version": version, "rules": [_rule(gate) for gate in found.gates],
    }  # fmt: skip
    run: JsonObject = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"{_about(found)}/"},
        "results": [_result(found, gate, numbers[gate.item], places) for gate in (*found.missing, *found.waived)],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(gate: Gate) -> JsonObject:
    return {
        "id": gate.item, "name": gate.item, "shortDescription": {"text": gate.title},
        "fullDescription": {"text": f"{gate.title}: {gate.wants}"}, "help": {"text": gate.wants},
        "defaultConfiguration": {"level": "error"},
    }  # fmt: skip


def _result(found: Readiness, gate: Gate, number: int, places: Places) -> JsonObject:
    place: JsonObject = {
        "physicalLocation": {
            "artifactLocation": {"uri": places.path},
            "region": {"startLine": places.line(gate)},
        }
    }
    result: dict[str, Json] = {
        "ruleId": gate.item, "ruleIndex": number, "level": "error", "message": {"text": in_words(gate)},
        "locations": [place], "partialFingerprints": {"gate/v1": _fingerprint(found, gate)},
    }  # fmt: skip
    if gate.standing is GateStatus.WAIVED:
        result["suppressions"] = [{"kind": "external", "justification": gate.reason}]
    return result


def to_code_quality(found: Readiness, places: Places) -> JsonList:
    """The report that GitLab shows in a merge request: what is not ready, and what is waived as information."""
    return [
        {
            "description": in_words(gate),
            "check_name": gate.item,
            "fingerprint": _fingerprint(found, gate),
            "severity": "info" if gate.standing is GateStatus.WAIVED else "major",
            "location": {"path": places.path, "lines": {"begin": places.line(gate)}},
        }
        for gate in (*found.missing, *found.waived)
    ]


def to_check_run(found: Readiness, places: Places, url: str, *, enforced: bool) -> CheckRun:
    """enforced: whether `deploy` refuses what is not ready; the check blocks nothing otherwise · url: of the job."""
    failed = Conclusion.FAILURE if enforced else Conclusion.NEUTRAL
    return CheckRun(
        name=f"pilotage ready: {found.service} in {found.environment}",
        about=f"{_about(found)}/{found.version}",
        conclusion=Conclusion.SUCCESS if found.ready else failed,
        title=headline(found),
        summary=harmless(to_markdown(found)),
        remarks=tuple(_remark(gate, places, enforced=enforced) for gate in (*found.missing, *found.waived)),
        url=url,
    )


def _remark(gate: Gate, places: Places, *, enforced: bool) -> Remark:
    missing = Level.FAILURE if enforced else Level.WARNING
    return Remark(
        path=places.path,
        line=places.line(gate),
        level=Level.NOTICE if gate.standing is GateStatus.WAIVED else missing,
        title=f"{gate.title} is {gate.standing}",
        text=in_words(gate),
    )


def in_words(gate: Gate) -> str:
    """What is missing, and the next command."""
    return f"{gate.title}: {gate.reason}" + (f". Next: {gate.next}" if gate.next else "")


def _about(found: Readiness) -> str:
    return f"pilotage-ready/{found.service}/{found.environment}"


def _fingerprint(found: Readiness, gate: Gate) -> str:
    """The same for the same gate, whatever its reason is today."""
    return hashlib.sha256(f"{_about(found)}/{gate.item}".encode()).hexdigest()
