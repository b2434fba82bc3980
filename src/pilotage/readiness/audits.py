"""Reads findings of static analysis and security scans, whichever tool wrote them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from pilotage.readiness.findings.code import bandit, semgrep
from pilotage.readiness.findings.images import grype, trivy
from pilotage.readiness.findings.inventories import cyclonedx, dependency_check
from pilotage.readiness.findings.issue import Findings, Issue, Passed
from pilotage.readiness.findings.packages import npm_audit, osv_scanner, pip_audit
from pilotage.readiness.findings.sarif import sarif
from pilotage.readiness.formats import (
    BANDIT,
    CYCLONEDX,
    DEPENDENCY_CHECK,
    GRYPE,
    NPM_AUDIT,
    OSV_SCANNER,
    PIP_AUDIT,
    SARIF,
    SEMGREP,
    TRIVY,
    recognise,
)

READERS: Mapping[str, Callable[[object, str], Iterator[Issue | Passed]]] = {
    SARIF: sarif, SEMGREP: semgrep, BANDIT: bandit, TRIVY: trivy, GRYPE: grype, DEPENDENCY_CHECK: dependency_check,
    CYCLONEDX: cyclonedx, PIP_AUDIT: pip_audit, NPM_AUDIT: npm_audit, OSV_SCANNER: osv_scanner,
}  # fmt: skip


def findings(content: bytes, name: str) -> Findings:
    """The content of a report. Raises BadEvidence for an invalid report, and for a run that failed."""
    report = recognise(content, name, READERS)
    issues, passed = list[Issue](), Counter[Passed]()
    for one in READERS[report.format](report.content, name):
        if isinstance(one, Issue):
            issues.append(one)
        else:
            passed[one] += 1
    return Findings(issues=tuple(issues), passed=dict(passed))
