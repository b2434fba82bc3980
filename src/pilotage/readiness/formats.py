"""Recognises the format of a report by what only that format has.

One table knows the formats that Pilotage reads and the commonest that it does not. So no report is read by the wrong
reader, and a refusal names what the report looks like. No two entries fit one report.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any, TypeVar

from pilotage.model.json import Json, find
from pilotage.model.readiness import BadEvidence
from pilotage.readiness.evidence import json_of, text_of
from pilotage.readiness.ways_out import WAYS_OUT
from pilotage.readiness.xml_reader import Node, xml_of

_T = TypeVar("_T")

JUNIT, TRX, TAP = "JUnit XML", ".NET TRX", "TAP"
COBERTURA, JACOCO, LCOV, COVERAGE_PY, GO = "Cobertura", "JaCoCo", "lcov", "coverage.py JSON", "Go's coverage profile"
SARIF, SEMGREP, BANDIT, TRIVY, GRYPE = "SARIF", "Semgrep JSON", "Bandit JSON", "Trivy JSON", "Grype JSON"
DEPENDENCY_CHECK, CYCLONEDX = "dependency-check JSON", "CycloneDX JSON"
PIP_AUDIT, NPM_AUDIT, OSV_SCANNER = "pip-audit JSON", "npm audit JSON", "OSV-Scanner JSON"
PYTEST_BENCHMARK, HYPERFINE, K6, SECONDS = (
    "pytest-benchmark JSON",
    "hyperfine JSON",
    "k6's summary",
    "{name: [seconds]}",
)
RESTORE = "a record of a restore"


@dataclass(frozen=True, kw_only=True)
class Report:
    """content: a Node of XML, plain data of JSON, or text."""

    format: str
    content: Any


def recognise(content: bytes, name: str, supported: Collection[str]) -> Report:
    """Parse a report and say what it is. Raises BadEvidence for what cannot be parsed and for any other format."""
    report = _parsed(content, name)
    if report.format in supported:
        return report
    known = f"supported: {', '.join(supported)}"
    if not report.format:
        raise BadEvidence(f"{name} has an unknown format; {known}")
    cure = WAYS_OUT.get(report.format, "")
    raise BadEvidence(f"{name} looks like {report.format}; {known}{f'. {cure}' if cure else ''}")


def _parsed(content: bytes, name: str) -> Report:
    start = content.lstrip(b"\xef\xbb\xbf\xfe\xff\x00 \t\r\n")[:1]
    if start == b"<":
        root = xml_of(content, name)
        return Report(format=_first(_XML, root), content=root)
    text = text_of(content, name)
    if start in (b"{", b"["):
        data = json_of(text, name)
        return Report(format=_first(_JSON, data), content=data)
    return Report(format=_first(_TEXT, _first_line(text)), content=text)


def _first(table: Mapping[str, Callable[[_T], bool]], content: _T) -> str:
    return next((format_ for format_, fits in table.items() if fits(content)), "")


def fitting(content: Node | Json) -> tuple[str, ...]:
    """Every format that fits parsed content; more than one would be a fault of the tables."""
    if isinstance(content, Node):
        return tuple(format_ for format_, fits in _XML.items() if fits(content))
    if isinstance(content, str):
        return tuple(format_ for format_, fits in _TEXT.items() if fits(content))
    return tuple(format_ for format_, fits in _JSON.items() if fits(content))


# ── XML, by the root ───────────────────────────────────────────────────────────────────────────────────────


def _root(*tags: str) -> Callable[[Node], bool]:
    return lambda root: root.tag in tags


def _holds(root: Node, *tags: str) -> bool:
    return any(child.tag in tags for child in root.children)


_XML: Mapping[str, Callable[[Node], bool]] = {
    JUNIT: _root("testsuites", "testsuite"),
    TRX: _root("TestRun"),
    COBERTURA: lambda root: root.tag == "coverage" and not _holds(root, "project", "file", "module"),
    JACOCO: lambda root: root.tag == "report" and _holds(root, "counter", "package", "group", "sessioninfo"),
    "Clover XML": lambda root: root.tag == "coverage" and _holds(root, "project"),
    "SonarQube's coverage XML": lambda root: root.tag == "coverage" and _holds(root, "file"),
    "OpenCover XML": _root("CoverageSession"),
    "NCover XML": lambda root: root.tag == "coverage" and _holds(root, "module"),
    "dotCover XML": _root("Root"),
    "Visual Studio's coverage XML": lambda root: root.tag == "results" and _holds(root, "modules"),
    "scoverage XML": _root("scoverage"),
    "NUnit 3 XML": _root("test-run"),
    "NUnit 2 XML": _root("test-results"),
    "xUnit.net XML": _root("assemblies", "assembly"),
    "TestNG XML": _root("testng-results"),
    "Failsafe's summary": _root("failsafe-summary"),
    "Catch2 XML": _root("Catch2TestRun", "Catch"),
    "Qt Test XML": _root("TestCase"),
    "Robot Framework XML": _root("robot"),
    "CTest XML": _root("Site"),
    "Boost.Test XML": _root("TestResult", "TestLog"),
    "Checkstyle XML": _root("checkstyle"),
    "PMD XML": _root("pmd"),
    "SpotBugs XML": _root("BugCollection"),
    "dependency-check XML": _root("analysis"),
    "CycloneDX XML": _root("bom"),
    "a web page": _root("html"),
}

# ── JSON, by the keys that nobody else has ─────────────────────────────────────────────────────────────────


def _object(*keys: str) -> Callable[[Json], bool]:
    return lambda data: isinstance(data, Mapping) and data.keys() >= set(keys)


def _list(*keys: str) -> Callable[[Json], bool]:
    """A list whose first entry has these keys."""
    return lambda data: isinstance(data, list) and bool(data) and _object(*keys)(data[0])


def _either(*keys: str) -> Callable[[Json], bool]:
    """An object with these keys, or a list of such objects."""
    one, several = _object(*keys), _list(*keys)
    return lambda data: one(data) or several(data)


def _lists(data: Json, key: str, *of_each: str) -> bool:
    """Whether `key` holds a list of at least one object, each with the given keys."""
    found = data.get(key) if isinstance(data, Mapping) else None
    return isinstance(found, list) and bool(found) and all(_object(*of_each)(one) for one in found)


def _is_sarif(data: Json) -> bool:
    runs = find(data, "runs")
    if not isinstance(data, Mapping) or not isinstance(runs, list):
        return False
    return "sarif" in str(data.get("$schema")) or "version" in data or all(_object("tool")(run) for run in runs)


def _is_semgrep(data: Json) -> bool:
    return _object("results", "errors")(data) and (_object("paths")(data) or _lists(data, "results", "check_id"))


def _is_grype(data: Json) -> bool:
    if not _object("matches")(data):
        return False
    if not isinstance(data, Mapping) or "descriptor" not in data:
        return _object("source", "distro")(data)
    return find(data, "descriptor", "name") == "grype"  # Xeol writes the same keys


def _is_pip_audit(data: Json) -> bool:
    return isinstance(data, Mapping) and {"dependencies"} <= data.keys() <= {"dependencies", "fixes"}


def _is_npm(data: Json) -> bool:
    company = ("metadata", "actions", "muted")
    return _object("auditReportVersion")(data) or any(_object("advisories", beside)(data) for beside in company)


def _is_osv(data: Json) -> bool:
    """An empty list of results says only in the company of OSV-Scanner's own keys whose it is."""
    if not isinstance(data, Mapping) or "results" not in data or data.keys() & {"errors", "metrics"}:
        return False
    return "experimental_config" in data or _lists(data, "results", "packages")


_K6_METRIC = re.compile(r"(http_req|iteration|group_duration|grpc_req|ws_|browser_|vus|data_(sent|received)|checks\b)")


def _is_gitlab(data: Json) -> bool:
    company = ("scan", "remediations")
    return any(_object("vulnerabilities", "version", beside)(data) for beside in company)


def _is_k6(data: Json) -> bool:
    found = data.get("metrics") if isinstance(data, Mapping) and "results" not in data else None
    return isinstance(found, dict) and any(map(_K6_METRIC.match, found))


def _is_seconds(data: Json) -> bool:
    return isinstance(data, Mapping) and bool(data) and all(map(_is_runs, data.values()))


def _is_runs(value: Json) -> bool:
    runs = value if isinstance(value, list) else [value]
    return bool(runs) and all(isinstance(run, int | float) and not isinstance(run, bool) for run in runs)


def _within(key: str, *inner: str) -> Callable[[Json], bool]:
    return lambda data: isinstance(data, Mapping) and _object(*inner)(data.get(key))


_JSON: Mapping[str, Callable[[Json], bool]] = {
    SARIF: _is_sarif,
    SEMGREP: _is_semgrep,
    BANDIT: _object("results", "errors", "metrics"),
    TRIVY: _object("SchemaVersion", "ArtifactName"),
    GRYPE: _is_grype,
    DEPENDENCY_CHECK: _object("reportSchema", "dependencies"),
    CYCLONEDX: _object("bomFormat"),
    PIP_AUDIT: _is_pip_audit,
    NPM_AUDIT: _is_npm,
    OSV_SCANNER: _is_osv,
    COVERAGE_PY: _within("totals", "covered_lines"),
    PYTEST_BENCHMARK: lambda data: _lists(data, "benchmarks", "stats") or _object("benchmarks", "machine_info")(data),
    HYPERFINE: lambda data: _lists(data, "results", "command"),
    K6: _is_k6,
    RESTORE: _object("taken_at", "restored_at"),
    "ESLint JSON": _list("filePath", "messages"),
    "Ruff JSON": _list("code", "filename", "location"),
    "Pylint JSON": _list("message-id", "path"),
    "Gitleaks JSON": _list("RuleID", "Fingerprint"),
    "Trivy JSON from before version 0.20": _list("Target", "Vulnerabilities"),
    "pip-audit JSON from before version 2": _list("name", "version", "vulns"),
    "Trivy JSON of a cluster": _object("ClusterName"),
    "Trivy Operator's report": _object("apiVersion", "kind"),
    "gosec JSON": _object("Issues", "Stats"),
    "Brakeman JSON": _object("scan_info", "warnings"),
    "Safety JSON": _object("report_meta", "scanned_packages"),
    "bundler-audit JSON": _object("results", "created_at", "version"),
    "tfsec JSON": lambda data: _lists(data, "results", "long_id"),
    "JSON of dotnet list package": _object("projects", "parameters"),
    "ZAP JSON": _object("site", "@version"),
    "SimpleCov JSON": _within("meta", "simplecov_version"),
    "gcov JSON": _object("format_version", "files"),
    "golangci-lint JSON": _object("Issues", "Report"),
    "Snyk JSON": _either("vulnerabilities", "ok"),
    "GitLab's report JSON": _is_gitlab,
    "govulncheck JSON": _list("config"),
    "an empty list of results, which names no tool": lambda data: data == {"results": []},
    "cargo audit JSON": _object("lockfile", "vulnerabilities"),
    "Composer's audit JSON": _object("advisories", "abandoned"),
    "Checkov JSON": _either("check_type", "results"),
    "SonarQube JSON": _object("issues", "components", "paging"),
    "SPDX JSON": _object("spdxVersion"),
    "OpenVEX JSON": lambda data: _object("@context", "statements")(data) and "openvex" in str(find(data, "@context")),
    "CSAF JSON": _within("document", "csaf_version"),
    "an error of npm": _within("error", "code", "summary"),
    "Google Benchmark JSON": lambda data: _lists(data, "benchmarks", "real_time"),
    "JMH JSON": _list("benchmark", "primaryMetric"),
    "Vegeta JSON": _object("latencies", "status_codes"),
    "Istanbul's JSON summary": _within("total", "lines", "statements"),
    "llvm-cov JSON": lambda data: _object("data", "type")(data) and "llvm.coverage" in str(find(data, "type")),
    "Jest JSON": _object("numTotalTests", "testResults"),
    "Mocha JSON": _within("stats", "tests", "passes"),
    "Playwright JSON": _object("config", "suites", "stats"),
    "pytest-json-report JSON": _object("exitcode", "summary", "tests"),
    "CTRF JSON": _within("results", "tool", "summary", "tests"),
    "Cucumber JSON": _list("keyword", "elements"),
    SECONDS: _is_seconds,  # last: any table of numbers fits
}  # fmt: skip

# ── text, by its first line ────────────────────────────────────────────────────────────────────────────────


def _first_line(text: str) -> str:
    """The first line that is neither empty nor a comment; both TAP and lcov start comments with #."""
    lines = (line.strip() for line in StringIO(text))
    return next((line for line in lines if line and not line.startswith("#")), "")


_TEXT: Mapping[str, Callable[[str], bool]] = {
    TAP: lambda line: re.match(r"(TAP version \d+$|(not )?ok\b|1\.\.\d+\s*(#|$))", line[:200]) is not None,
    LCOV: lambda line: line.startswith(("SF:", "TN:")),
    GO: lambda line: re.fullmatch(r"mode: (set|count|atomic)", line[:200]) is not None,
}
