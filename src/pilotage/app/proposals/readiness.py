"""The checks of a rollout and the evidence of readiness that a folder's files suggest, as lines of `pilotage.yaml`.

What is found is written as a setting, everything else as a commented example. Readiness is not enforced by what `init`
writes: a first release needs no sign-off, and each release says what was not asked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from pilotage.model import step_ids as ids
from pilotage.model.answers import DeploymentStrategy as S

_SCRIPTS = ("smoke-test", "smoke", "smoke-test.sh", "smoke.sh", "smoke_test.py", "smoke_test.sh")
_FOLDERS = ("", "scripts", "bin", "ci", "tests", "test")

_REPORTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "unit_test_coverage": ("coverage", (
        "coverage.xml", "coverage.json", "lcov.info", "coverage/lcov.info", "coverage/cobertura-coverage.xml",
        "cover.out",
        "target/site/jacoco/jacoco.xml", "build/reports/jacoco/test/jacocoTestReport.xml",
    )),
    "integration_test_coverage": ("tests", ("junit.xml", "reports/junit.xml", "test-results/junit.xml")),
    "security_scan_passing": ("findings", ("bandit.sarif", "semgrep.sarif", "trivy.sarif", "results.sarif")),
    "runbook_documentation": ("runbooks", ("runbooks", "docs/runbooks", "RUNBOOK.md", "docs/runbook.md")),
}  # fmt: skip
"""By item: the kind of evidence, and where programs usually write it."""

_LISTS = ("tests", "findings", "runbooks")

_OF_STRATEGY: Mapping[S, tuple[tuple[str, str], ...]] = {
    S.BLUE_GREEN: (
        (ids.CHECK_DATA, '[{command: [./check-schema, "{version}"]}]'), (ids.CHECK_CACHES, "[{http: /, requests: 50}]"),
        (ids.CHECK_SMOKE, "[{http: /}]"), (ids.CHECK_FUNCTIONS, "[{http: /login, contains: Sign in}]"),
    ),
    S.ROLLING: (
        (ids.CHECK_PACKAGE, '[{command: [./check-package, "{version}"]}]'),
        (ids.CHECK_FUNCTIONS, "[{http: /login, contains: Sign in}]"),
    ),
    S.CANARY: ((ids.CHECK_SMOKE, "[{http: /}]"), (ids.CHECK_FUNCTIONS, "[{http: /login, contains: Sign in}]")),
    S.FEATURE_TOGGLE: ((ids.CHECK_SMOKE, "[{http: /}]"), (ids.CHECK_FUNCTIONS, "[{http: /login, contains: Sign in}]")),
}  # fmt: skip
"""Checks that only the service can answer, with an example each."""


def checks_in(folder: Path, strategy: str) -> str:
    """The lines of an environment's checks; empty for a strategy that has none to configure."""
    examples = _OF_STRATEGY.get(S(strategy), ())
    if not examples:
        return ""
    script = _script(folder)
    known = {ids.CHECK_SMOKE, ids.CHECK_FUNCTIONS}
    answered = next((name for name, _ in examples if name in known), "") if script else ""
    lines = ["    # Checks of the new version. `pilotage plan` says which of them a release requires."]
    lines.append("    checks:" if answered else "    # checks:")
    for name, example in examples:
        if name == answered:
            lines.append(
                f"      {name}: [{{command: {json.dumps([script, '{version}', '{instances}'])}}}]   # found here"
            )
        else:
            lines.append(f"    #   {name}: {example}")
    return "\n".join(lines) + "\n"


def readiness_in(folder: Path) -> str:
    """The lines of the section `readiness`."""
    found = list(_evidence(folder))
    evidence = ["  evidence:", *found] if found else [
        "  # evidence:", "  #   unit_test_coverage: {coverage: coverage.xml}",
        "  #   security_scan_passing: {findings: [results.sarif]}",
        "  #   runbook_documentation: {runbooks: [runbooks]}",
    ]  # fmt: skip
    return "\n".join((
        "# What must be ready before a release. `pilotage ready VERSION` shows every item and how to get it ready.",
        "readiness:",
        "  enforce: false   # true: `deploy` refuses what is not ready; until then it says what nobody asked",
        *evidence,
    )) + "\n"  # fmt: skip


def _evidence(folder: Path) -> Iterator[str]:
    for item, (kind, places) in _REPORTS.items():
        place = next((name for name in places if (folder / name).exists()), None)
        if place is not None:
            yield f"    {item}: {{{kind}: {f'[{place}]' if kind in _LISTS else place}}}   # found here"


def _script(folder: Path) -> str:
    """A program of this folder that tests a running service; empty without one."""
    for place in _FOLDERS:
        for name in _SCRIPTS:
            path = folder / place / name
            if path.is_file() and os.access(path, os.X_OK):
                return f"./{path.relative_to(folder)}"
    return ""
