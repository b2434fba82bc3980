"""Reports of scanners that users bring, and what each finds (R5). The id names the public report of the fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pilotage.model.advisory import Advisory
from pilotage.model.readiness import BadEvidence
from pilotage.readiness.audits import findings
from pilotage.readiness.evidence import json_of
from pilotage.readiness.formats import fitting
from pilotage.risk.advisories import Advisories, within
from pilotage.risk.dependencies import findings_of

from .evidence import DATA, proof, written

FINDINGS = DATA / "findings"


def said(root: Path, name: str = "report", **wanted: Any) -> tuple[bool, str]:
    found = proof(root, "findings", findings=[name], **wanted)
    return found.ready, found.sentence


def of(folder: Path, content: Any, **wanted: Any) -> tuple[bool, str]:
    return said(written(folder, json.dumps(content)), **wanted)


# ── one key fits ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("file", "words"),
    [
        pytest.param("semgrep.json", "1 finding: r m (a.py:1)", id="SecObserve/SecObserve#2349, coinbase/salus#314"),
        pytest.param("dependency-check.json", "1 finding: CVE-2021-44228 a.jar has CVE-2021-44228 (a.jar)",
                     id="jeremylong/DependencyCheck#2432"),
        pytest.param("cyclonedx.json", "1 finding: CVE-1", id="DefectDojo/django-DefectDojo#8406"),
        pytest.param("hyperfine.json",
                     "hyperfine.json looks like hyperfine JSON; supported: SARIF, Semgrep JSON, Bandit",
                     id="hyperfine"),
    ],
)  # fmt: skip
def test_taken_for_another_one_by_one_key(file: str, words: str) -> None:
    ready, sentence = said(FINDINGS, file)
    assert not ready
    assert sentence.startswith(words)


SEMGREP = {"results": [], "errors": [], "paths": {"scanned": ["a.py"]}}
BANDIT = {"results": [], "errors": [], "metrics": {"_totals": {}, "a.py": {}}, "generated_at": "2026-01-01"}
TRIVY = {"SchemaVersion": 2, "ArtifactName": "shop", "Results": [{"Target": "shop", "Class": "os-pkgs"}]}
GRYPE = {"matches": [], "source": {}, "distro": {}, "descriptor": {"name": "grype"}}
CHECK = {"reportSchema": "1.1", "dependencies": [{"fileName": "a.jar"}]}
BOM = {"bomFormat": "CycloneDX", "specVersion": "1.5", "dependencies": [], "vulnerabilities": []}
PIP = {"dependencies": [{"name": "flask", "version": "1", "vulns": []}], "fixes": []}
NPM = {"auditReportVersion": 2, "vulnerabilities": {}, "metadata": {"vulnerabilities": {"total": 0}}}
NPM_6 = {"advisories": {}, "muted": [], "metadata": {"vulnerabilities": {"high": 0}}}
OSV: dict[str, Any] = {"results": [], "experimental_config": {}}
CLEAN = {"semgrep": SEMGREP, "bandit": BANDIT, "trivy": TRIVY, "grype": GRYPE, "dependency-check": CHECK,
         "cyclonedx": BOM, "pip-audit": PIP, "npm": NPM, "npm 6": NPM_6, "osv": OSV}  # fmt: skip


@pytest.mark.parametrize("content", CLEAN.values(), ids=CLEAN)
def test_a_clean_report_of_each_scanner_is_recognised_by_it_alone(tmp_path: Path, content: Any) -> None:
    assert of(tmp_path, content) == (True, "no findings in report")
    assert len(fitting(content)) == 1


def of_trivy(kind: str, found: object, target: str = "t") -> Any:
    """Trivy's report of one finding. kind: the list that it stands in."""
    return {**TRIVY, "Results": [{"Target": target, kind: [found]}]}


def of_osv(**found: object) -> Any:
    """OSV's report of what it found in version 1 of one package."""
    return {"results": [{"packages": [{"package": {"name": "a", "version": "1"}, **found}]}]}


def of_npm(**advisory: object) -> Any:
    """npm's report of one advisory for the package `a` below 2."""
    return {**NPM, "vulnerabilities": {"a": {"range": "<2", "via": [{"title": "bad", "severity": "low", **advisory}]}}}


def of_npm_6(**advisory: object) -> Any:
    """The same of npm 6."""
    return {**NPM_6, "advisories": {"7": {"id": 7, "module_name": "a", "title": "bad", "severity": "low", **advisory}}}


SHELL = {"test_id": "B602", "issue_severity": "LOW", "issue_text": "shell", "filename": "x"}
ZLIB = {"VulnerabilityID": "CVE-1", "PkgName": "zlib", "InstalledVersion": "1.2", "Severity": "LOW"}
AS_ROOT = {"ID": "DS002", "Status": "FAIL", "Message": "runs as root"}
AWS_KEY = {"RuleID": "aws-key", "Title": "AWS key", "StartLine": 3}
AGPL = {"Name": "AGPL-3.0", "Severity": "CRITICAL", "PkgName": "p"}
IN_TRIAGE = {"id": "CVE-1", "analysis": {"state": "in_triage"}}
VULNERABLE: dict[str, tuple[Any, str]] = {
    "semgrep": ({**SEMGREP, "results": [{"check_id": "a.b", "path": "x", "extra": {"severity": "WARNING"}}]}, "a.b"),
    "bandit": ({**BANDIT, "results": [SHELL]}, "B602 shell"),
    "trivy": (of_trivy("Vulnerabilities", ZLIB), "CVE-1 zlib 1.2"),
    "trivy, a misconfiguration": (
        of_trivy("Misconfigurations", AS_ROOT, "Dockerfile"), "DS002 runs as root (Dockerfile)",
    ),
    "trivy, a secret": (of_trivy("Secrets", AWS_KEY, ".env"), "aws-key AWS key (.env:3)"),
    "trivy, a licence": (of_trivy("Licenses", AGPL), "AGPL-3.0"),
    "grype": ({**GRYPE, "matches": [{"vulnerability": {"id": "GHSA-1"}, "artifact": {"name": "a", "version": "1"}}]},
              "GHSA-1 a 1 has GHSA-1"),
    "dependency-check, it failed": ({**CHECK, "scanInfo": {"analysisExceptions": [{"exception": "no network"}]}},
                                    "analysis-exception"),
    "cyclonedx, in triage": ({**BOM, "vulnerabilities": [IN_TRIAGE]}, "CVE-1"),
    "npm": (of_npm(url="https://github.com/advisories/GHSA-2", range="<2"), "GHSA-2 a <2: bad"),
    "npm 6": (of_npm_6(), "7 a: bad"),
    "osv": (of_osv(vulnerabilities=[{"id": "OSV-1"}]), "OSV-1"),
    "osv, a licence": (of_osv(license_violations=["GPL-3.0"]), "license-GPL-3.0"),
    "semgrep, a file that it could not parse": ({**SEMGREP, "errors": [{"level": "error", "message": "bad syntax"}]},
                                                "semgrep-error bad syntax"),
    "bandit, a file that it could not parse": ({**BANDIT, "errors": [{"filename": "x", "reason": "syntax error"}]},
                                               "bandit-error was not checked: syntax error"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words"), VULNERABLE.values(), ids=VULNERABLE)
def test_a_finding_of_each_scanner_shuts_the_gate(tmp_path: Path, content: Any, words: str) -> None:
    ready, sentence = of(tmp_path, content)
    assert not ready
    assert f"1 finding: {words}" in sentence
    assert len(fitting(content)) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([{"filePath": "a.js", "messages": []}], "looks like ESLint JSON"),
        ([{"name": "a", "version": "1", "vulns": []}], "looks like pip-audit JSON from before version 2"),
        ({"spdxVersion": "SPDX-2.3", "packages": []}, "looks like SPDX JSON"),
        ({"@context": "https://openvex.dev/ns", "statements": []}, "looks like OpenVEX JSON"),
        ({"vulnerabilities": [], "packageManager": "npm", "ok": True}, "looks like Snyk JSON"),
        ({"Issues": [], "Stats": {}}, "looks like gosec JSON"),
        ({**GRYPE, "descriptor": {"name": "xeol"}}, "has an unknown format"),
        ({"version": "2.3", "vulnerabilities": [], "remediations": []}, "looks like GitLab's report JSON"),
        ([{"vulnerabilities": [], "ok": True}], "looks like Snyk JSON"),
        ({"error": {"code": "ENOLOCK", "summary": "no lock file"}}, "looks like an error of npm"),
        ({"version": "2.0.0", "runs": []}, "looks like SARIF 2.0.0; supported is 2.1.0"),
        ({"bomFormat": "CycloneDX", "components": []}, "without `vulnerabilities`: use the report of a scan"),
        ({"bomFormat": "SPDX", "vulnerabilities": []}, "bomFormat is 'SPDX', not CycloneDX"),
        ({"results": []}, "looks like an empty list of results, which names no tool"),
        ({"dependencies": []}, "pip-audit checked no packages"),
        ({"dependencies": [{"ref": "a"}]}, "report is incomplete: Object missing required field `name`"),
        ({"dependencies": [{"name": "a"}]}, "a has neither version and vulns nor skip_reason"),
        ({**SEMGREP, "paths": {"scanned": []}}, "Semgrep checked no files"),
        ({**SEMGREP, "results": [{}]}, "missing required field `check_id` - at `$.results[0]`"),
        ({**BANDIT, "metrics": {"_totals": {}}}, "Bandit checked no files"),
        ({**TRIVY, "Results": None}, "Trivy found nothing to scan in 'shop'"),
        ({**CHECK, "dependencies": []}, "dependency-check checked no dependencies"),
        ({**NPM, "metadata": {"vulnerabilities": {"total": 3}}}, "counts 3 vulnerabilities and lists 0"),
        ({**NPM, "vulnerabilities": {"a": {"via": ["b"]}}}, "lists 1 packages and no advisory"),
        ({**NPM_6, "metadata": {"vulnerabilities": {"high": 2}}}, "counts 2 vulnerabilities and lists 0"),
        (
            {**BOM, "vulnerabilities": [{"id": "x", "analysis": {"state": "fine"}}]},
            "`$.vulnerabilities[0].analysis.state`",
        ),
    ],
)  # fmt: skip
def test_taken_for_another_one_or_not_whole_is_not_ready(tmp_path: Path, content: Any, words: str) -> None:
    ready, sentence = of(tmp_path, content)
    assert not ready
    assert words in sentence


def test_json_lines_are_no_report(tmp_path: Path) -> None:
    ready, sentence = said(written(tmp_path, '{"type": "auditAdvisory"}\n{"type": "auditSummary"}\n'))
    assert not ready
    assert "report:2:1: is not valid JSON: Extra data: several documents in one file" in sentence


def test_of_one_key_twice_readers_take_either_so_it_is_refused(tmp_path: Path) -> None:
    ready, sentence = said(written(tmp_path, '{"runs": [{"tool": {"driver": {"name": "x"}}}], "runs": []}'))
    assert not ready
    assert "the key 'runs' appears twice" in sentence


# ── fields that decide ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        pytest.param("sarif-rejected.json", (False, "1 finding: R1 m (a.py:3)"), id="microsoft/sarif-web-component#12"),
        pytest.param("sarif-rule.json", (False, "1 finding: R9 m"), id="microsoft/sarif-sdk#810"),
        pytest.param(
            "sarif-note-cvss.json", (False, "1 finding: CVE-2024-1 m (a.py:3)"), id="microsoft/sarif-tools#43"
        ),
        pytest.param(
            "sarif-unchanged.json",
            (True, "no findings in sarif-unchanged.json; ignored: 1 unchanged since the baseline"),
            id="microsoft/sarif-tutorials#12",
        ),
        pytest.param("sarif-utf-16.json", (True, "no findings in sarif-utf-16.json"), id="morganstanley/testplan#1346"),
    ],
)
def test_a_field_of_sarif_that_decides_is_read(file: str, expected: tuple[bool, str]) -> None:
    assert said(FINDINGS, file) == expected


def test_a_rule_that_is_found_by_its_index_is_accepted_by_its_id() -> None:
    assert said(FINDINGS, "sarif-rule.json", accepted_findings={"R9": "a false alarm"})[0]


RULES = [
    {"id": "R", "defaultConfiguration": {"level": "note"}},
    {"id": "E", "defaultConfiguration": {"level": "error"}},
]


def sarif(*results: Any, rules: Any = (), **run: Any) -> Any:
    tool = {"driver": {"name": "T", "rules": list(rules)}, **run.pop("tool", {})}
    found = [{"message": {"text": "m"}, **result} for result in results]
    return {"version": "2.1.0", "runs": [{"tool": tool, "results": found, **run}]}


EXTENSION = {"extensions": [{"name": "queries", "rules": RULES}]}
LOWERED = [{"ruleConfigurationOverrides": [{"descriptor": {"id": "E"}, "configuration": {"level": "note"}}]}]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(sarif({"ruleId": "R"}, rules=RULES), id="the rule's level by its id"),
        pytest.param(sarif({"ruleIndex": 0}, rules=RULES), id="by its index"),
        pytest.param(sarif({"rule": {"index": 0}}, rules=RULES), id="by a reference"),
        pytest.param(sarif({"ruleId": "R/a"}, rules=RULES), id="a part of the rule"),
        pytest.param(
            sarif({"rule": {"index": 0, "toolComponent": {"index": 0}}}, tool=EXTENSION), id="in an extension"
        ),
        pytest.param(sarif({"ruleId": "R"}, tool=EXTENSION), id="in an extension by its id"),
        pytest.param(sarif({"ruleId": "E"}, rules=RULES, invocations=LOWERED), id="overridden for the run"),
        pytest.param(sarif({"level": "none"}), id="its own level"),
        pytest.param(sarif({"kind": "informational"}), id="its kind"),
        pytest.param(sarif({"level": "note", "properties": {"security-severity": "3.9"}}), id="a low score"),
    ],
)
def test_a_note_is_passed_over_and_counted(tmp_path: Path, content: Any) -> None:
    assert of(tmp_path, content) == (True, "no findings in report; ignored: 1 of level note")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(sarif({"ruleId": "E"}, rules=RULES), id="error by its rule"),
        pytest.param(sarif({"ruleId": "unknown"}, rules=RULES), id="no rule: a warning"),
        pytest.param(sarif({"ruleId": "E", "ruleIndex": 0}, rules=RULES), id="an index that is another rule's"),
        pytest.param(sarif({"level": "error", "ruleId": "R"}, rules=RULES), id="its own level before the rule's"),
        pytest.param(sarif({"kind": "review", "level": "none"}), id="left to people"),
        pytest.param(sarif({"kind": "open"}), id="undecided"),
        pytest.param(sarif({"suppressions": []}), id="no suppression"),
        pytest.param(sarif({"suppressions": [{"kind": "external", "status": "underReview"}]}), id="under review"),
        pytest.param(sarif({"suppressions": [{"kind": "inSource"}, {"kind": "external", "status": "rejected"}]}),
                     id="one of two was rejected"),
        pytest.param(sarif({"baselineState": "updated"}), id="changed since the baseline"),
        pytest.param(sarif({"level": "note", "properties": {"security-severity": 7}}), id="a score of its own"),
        pytest.param(sarif(invocations=[{"executionSuccessful": True, "toolExecutionNotifications": [
            {"level": "error", "message": {"text": "cannot parse a.py"}}]}]), id="a file that was not analysed"),
    ],
)  # fmt: skip
def test_what_is_no_note_and_nobody_accepted_is_a_finding(tmp_path: Path, content: Any) -> None:
    ready, sentence = of(tmp_path, content)
    assert not ready
    assert sentence.startswith("1 finding: ")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (sarif({"suppressions": [{"kind": "inSource", "status": "accepted"}]}), "1 suppressed"),
        (sarif({"suppressions": [{"kind": "inSource"}]}), "1 suppressed"),
        (sarif({"baselineState": "absent"}), "1 gone since the baseline"),
        ({**SEMGREP, "results": [{"check_id": "a", "path": "x", "extra": {"severity": "ERROR", "is_ignored": True}}]},
         "1 suppressed"),
        ({**SEMGREP, "results": [{"check_id": "a", "path": "x", "extra": {"severity": "INFO"}}]}, "1 of level note"),
        ({**BOM, "vulnerabilities": [{"id": "a", "analysis": {"state": "not_affected"}},
                                     {"id": "b", "analysis": {"state": "resolved"}}]}, "2 not affected by VEX"),
        ({**GRYPE, "ignoredMatches": [{}]}, "1 suppressed"),
        ({**CHECK, "dependencies": [{"fileName": "a.jar", "suppressedVulnerabilities": [{}]}]}, "1 suppressed"),
        ({**TRIVY, "Results": [{"Target": "t", "Licenses": [{"Name": "MIT", "Severity": "LOW"}]}]},
         "1 licences of low severity"),
    ],
)  # fmt: skip
def test_what_somebody_decided_is_passed_over_and_counted(tmp_path: Path, content: Any, words: str) -> None:
    assert of(tmp_path, content) == (True, f"no findings in report; ignored: {words}")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (sarif({"level": "fatal"}), "at `$.runs[0].results[0].level`"),
        (sarif({"suppressions": [{"status": "maybe"}]}), "at `$.runs[0].results[0].suppressions[0].status`"),
        (sarif(invocations=[{"exitCode": 2}]), "ended with status 2 and does not claim success"),
        (sarif(invocations=[{"exitSignalName": "SIGKILL"}]), "reports that its run failed: SIGKILL"),
        ({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "T"}}, "externalPropertyFileReferences": {}}]},
         "reports no results"),
        ({**sarif(), "inlineExternalProperties": [{"results": [{}]}]}, "keeps results under inlineExternalProperties"),
    ],
)  # fmt: skip
def test_a_field_of_sarif_with_an_impossible_value_is_refused_with_its_place(
    tmp_path: Path, content: Any, words: str
) -> None:
    ready, sentence = of(tmp_path, content)
    assert not ready
    assert words in sentence


# ── one finding has several names ──────────────────────────────────────────────────────────────────────────


def test_a_finding_is_accepted_by_any_of_its_names() -> None:
    """semantica-agi/semantica#1543: which name is the id changes with the database."""
    for name in ("CVE-2019-1010083", "GHSA-5wv5-4vpf-pj6m", "PYSEC-2019-179", "cve-2019-1010083"):
        expected = f"no findings in pip-audit-aliases.json; accepted: {name} (not reachable)"
        assert said(FINDINGS, "pip-audit-aliases.json", accepted_findings={name: "not reachable"}) == (True, expected)
    assert not said(FINDINGS, "pip-audit-aliases.json", accepted_findings={"CVE-2": "another one"})[0]


@pytest.mark.parametrize(
    "content",
    [
        of_osv(vulnerabilities=[{"id": "GHSA-1", "aliases": ["CVE-1"]}]),
        of_osv(vulnerabilities=[{"id": "GHSA-1"}], groups=[{"ids": ["GHSA-1"], "aliases": ["CVE-1"]}]),
        {**GRYPE, "matches": [{"vulnerability": {"id": "GHSA-1"}, "artifact": {"name": "a"},
                               "relatedVulnerabilities": [{"id": "CVE-1"}]}]},
        {**BOM, "vulnerabilities": [{"id": "GHSA-1", "references": [{"id": "CVE-1"}]}]},
        of_npm_6(cves=["CVE-1"]),
        of_trivy("Vulnerabilities", {"VulnerabilityID": "DLA-1", "PkgName": "a", "VendorIDs": ["CVE-1"]}),
    ],
)  # fmt: skip
def test_a_finding_is_accepted_by_any_of_its_names_in_every_format(tmp_path: Path, content: Any) -> None:
    assert of(tmp_path, content, accepted_findings={"CVE-1": "not reachable"})[0]
    assert not of(tmp_path, content)[0]


def test_npm_7_names_ranges_and_the_lock_file_the_version() -> None:
    """npm/rfcs#372: its report has no version of the package."""
    url = "https://github.com/advisories/GHSA-9qmh"
    pollution = {"title": "Pollution", "severity": "high", "url": url, "range": "<8.0.1"}
    report = {**NPM, "vulnerabilities": {"immer": {"range": "7.0.0 - 9.0.5", "via": [pollution]}}}
    known = Advisories(
        Advisory(id=one.id, package=one.package, version=one.version, range=one.range)
        for one in findings(json.dumps(report).encode(), "npm.json").issues
    )
    locks = [
        json.dumps({"packages": {"": {}, "node_modules/immer": {"version": v}}}) for v in ("6.0.0", "7.0.0", "8.0.1")
    ]
    (found, _) = findings_of("package-lock.json", locks[0], locks[1], known)
    assert found.sentence == "immer 7.0.0 is vulnerable: GHSA-9qmh"
    assert "vulnerable" not in str(findings_of("package-lock.json", locks[1], locks[2], known))


@pytest.mark.parametrize(
    ("version", "span", "expected"),
    [
        ("7.0.0", "<8.0.1", True), ("8.0.1", "<8.0.1", False), ("8.0.1-beta.2", "<8.0.1", True),
        ("1.2.3", ">= 1.0.0 < 1.2.3 || >=2.0.0 <2.1.0", False), ("2.0.5", ">=1.0.0 <1.2.3 || >=2.0.0 <2.1.0", True),
        ("2.1.0", "1.0.0 - 2.1.0", True), ("2.1.1", "1.0.0 - 2.1.0", False), ("1.9.9", "1.x", True),
        ("2.0.0", "1.x", False), ("1.2.9", "~1.2.3", True), ("1.3.0", "~1.2.3", False), ("1.9.0", "^1.2.3", True),
        ("2.0.0", "^1.2.3", False), ("0.2.5", "^0.2.3", True), ("0.3.0", "^0.2.3", False), ("3.0.0", "*", True),
        ("3.0.0", "", True), ("1.0.0-alpha.10", ">1.0.0-alpha.9 <1.0.0", True), ("1.3.0", "<=1.2", False),
        ("1.2.7", "<=1.2", True), ("1.2.7", ">1.2", False), ("1.0.0", "=1.0.0", True), ("file:../a", "<1", True),
        ("1.0.0", "what is this", True),
    ],
)  # fmt: skip
def test_a_range_of_npm_holds_what_npm_says(version: str, span: str, expected: bool) -> None:
    assert within(version, span) is expected


def test_a_handed_report_fits_one_format_alone() -> None:
    for path in FINDINGS.glob("*.json"):
        try:
            content = json_of(path.read_bytes().decode("utf-8-sig"), path.name)
        except (BadEvidence, UnicodeDecodeError):
            continue
        assert len(fitting(content)) == 1, path


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("file:///srv/shop/my%20app.py", "/srv/shop/my app.py:3"),
        ("src/a%20b.py", "src/a b.py:3"),
        ("file://[", "file://[:3"),
    ],
)
def test_a_finding_stands_at_a_path_and_not_at_an_address(tmp_path: Path, uri: str, shown: str) -> None:
    place = {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 3}}}
    result = {"ruleId": "r", "level": "error", "message": {"text": "m"}, "locations": [place]}
    run = {"tool": {"driver": {"name": "scan"}}, "results": [result]}
    assert of(tmp_path, {"version": "2.1.0", "runs": [run]}) == (False, f"1 finding: r m ({shown})")
