"""Findings of static analysis and security scans: SARIF 2.1.0, pip-audit, npm audit (v6 and v7 on), OSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pilotage.model.readiness import BadEvidence
from pilotage.readiness.evidence import json_of


@dataclass(frozen=True)
class Issue:
    """One finding of a scanner. severity: as it says, empty where it does not · package, version: of a dependency."""

    id: str
    sentence: str
    place: str = ""
    severity: str = ""
    package: str = ""
    version: str = ""


def issues(text: str, name: str) -> tuple[Issue, ...]:
    """All findings of a report. Raises BadEvidence for what is none, and for a run that did not end well."""
    read = json_of(text, name)
    for recognised, reader in ((_is_sarif, _sarif), (_is_pip, _pip), (_is_npm, _npm), (_is_osv, _osv)):
        if recognised(read):
            try:
                return tuple(reader(read, name))
            except (KeyError, TypeError, AttributeError, IndexError) as error:
                raise BadEvidence(f"{name} is not whole: {type(error).__name__}: {error}") from None
    raise BadEvidence(f"{name} is none of SARIF, pip-audit, npm audit, OSV")


def vulnerabilities(text: str, name: str) -> Mapping[str, str]:
    """`package version` → what is known of it."""
    known: dict[str, str] = {}
    for issue in issues(text, name):
        if issue.package and issue.version:
            key = f"{issue.package} {issue.version}"
            known[key] = f"{known[key]}, {issue.id}" if key in known else issue.id
    return known


def _is_sarif(read: Any) -> bool:
    return isinstance(read, dict) and "runs" in read


def _sarif(read: dict[str, Any], name: str) -> Iterator[Issue]:
    if not read["runs"]:
        raise BadEvidence(f"{name} holds no run of any tool")
    for run in read["runs"]:
        for invocation in run.get("invocations") or ():
            if invocation.get("executionSuccessful") is False:
                raise BadEvidence(f"{name}: {run['tool']['driver']['name']} says that its run did not succeed")
        if run.get("results") is None:
            raise BadEvidence(f"{name}: {run['tool']['driver']['name']} gives no results")
        for result in run["results"]:
            quiet = result.get("level") in ("none", "note") or result.get("kind", "fail") not in (
                "fail",
                "open",
                "review",
            )
            if quiet or result.get("suppressions") or result.get("baselineState") in ("unchanged", "absent"):
                continue
            yield Issue(
                str(result.get("ruleId", "?")), str(result["message"].get("text", "")), _place(result),
                str(result.get("level", "warning")),
            )  # fmt: skip


def _place(result: dict[str, Any]) -> str:
    for location in result.get("locations") or ():
        physical = location.get("physicalLocation") or {}
        path = (physical.get("artifactLocation") or {}).get("uri", "")
        line = (physical.get("region") or {}).get("startLine")
        return f"{path}:{line}" if line else str(path)
    return ""


def _is_pip(read: Any) -> bool:
    return isinstance(read, dict) and isinstance(read.get("dependencies"), list)


def _pip(read: dict[str, Any], name: str) -> Iterator[Issue]:
    if not read["dependencies"]:
        raise BadEvidence(f"{name}: pip-audit looked at no package")
    for package in read["dependencies"]:
        if "skip_reason" in package:
            yield Issue("skipped", f"{package['name']} was not looked at: {package['skip_reason']}", package["name"])
        for known in package.get("vulns") or ():
            fixed = f", repaired in {', '.join(known['fix_versions'])}" if known.get("fix_versions") else ""
            sentence = f"{package['name']} {package['version']} has {known['id']}{fixed}"
            yield Issue(known["id"], sentence, package["name"], "", package["name"], package["version"])


def _is_npm(read: Any) -> bool:
    return isinstance(read, dict) and ("auditReportVersion" in read or "advisories" in read)


def _npm(read: dict[str, Any], name: str) -> Iterator[Issue]:
    if "metadata" not in read:
        raise BadEvidence(f"{name}: npm audit gives no totals; it did not end well")
    for known in (read.get("advisories") or {}).values():
        for found in known.get("findings") or [{}]:
            sentence = f"{known['module_name']}: {known['title']}"
            yield Issue(
                str(known.get("github_advisory_id") or known["id"]), sentence, known["module_name"],
                known["severity"], known["module_name"], str(found.get("version", "")),
            )  # fmt: skip
    for package, known in (read.get("vulnerabilities") or {}).items():
        for via in known["via"]:
            if isinstance(via, dict):
                sentence = f"{package} {known.get('range', '')}: {via['title']}"
                yield Issue(
                    via.get("url", str(via.get("source"))).rpartition("/")[2],
                    sentence,
                    package,
                    via["severity"],
                    package,
                )


def _is_osv(read: Any) -> bool:
    return isinstance(read, dict) and isinstance(read.get("results"), list)


def _osv(read: dict[str, Any], _name: str) -> Iterator[Issue]:
    """osv-scanner's JSON."""
    for result in read["results"]:
        for entry in result.get("packages") or ():
            package = entry["package"]
            for known in entry.get("vulnerabilities") or ():
                sentence = f"{package['name']} {package['version']} has {known['id']}: {known.get('summary', '')}"
                yield Issue(known["id"], sentence, package["name"], "", package["name"], package["version"])
