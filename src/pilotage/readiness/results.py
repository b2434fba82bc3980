"""How tests went: JUnit XML, as pytest, Maven, Gradle, Jest and go-junit-report write it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pilotage.model.readiness import BadEvidence
from pilotage.readiness.evidence import number, xml_of

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


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
    held = _held(root)
    for suite in root.iter("testsuite"):
        said, found = suite.get("tests", ""), held[suite]
        if said.isascii() and said.isdigit() and number(said, name, "tests") > found:
            raise BadEvidence(f"{name} speaks of {said} tests and holds {found}: it is not whole")
    return Results(passed, tuple(failed), skipped)


def _held(root: Element) -> dict[Element, int]:
    """How many cases lie in each element, however deeply."""
    held: dict[Element, int] = {}
    for element in reversed(list(root.iter())):  # children before their parents
        held[element] = (element.tag == "testcase") + sum(held[child] for child in element)
    return held
