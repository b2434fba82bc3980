"""How tests went: JUnit XML, as pytest, Maven, Gradle, Jest and go-junit-report write it."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.readiness.evidence import BadEvidence, xml_of


@dataclass(frozen=True)
class Results:
    """Counted from the cases themselves, not from what the suite says of them. failed: their names."""

    passed: int
    failed: tuple[str, ...]
    skipped: int


def results(text: str, name: str) -> Results:
    """Raises BadEvidence for what is no JUnit report, one without a case, and one that is less than it says."""
    root = xml_of(text, name)
    if root.tag not in ("testsuite", "testsuites"):
        raise BadEvidence(f"{name} is no JUnit report: its root is <{root.tag[:40]}>")
    passed = skipped = 0
    failed: list[str] = []
    for case in root.iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failed.append(".".join(filter(None, (case.get("classname"), case.get("name")))) or "?")
        elif "skipped" in kinds:
            skipped += 1
        else:
            passed += 1
    if not passed and not failed:
        raise BadEvidence(f"{name}: no test was run")
    for suite in root.iter("testsuite"):
        said, found = suite.get("tests", ""), len(list(suite.iter("testcase")))
        if said.isdigit() and int(said) > found:
            raise BadEvidence(f"{name} speaks of {said} tests and holds {found}: it is not whole")
    return Results(passed, tuple(failed), skipped)
