"""JUnit XML as pytest, Maven, Gradle, GoogleTest, Jest, Catch2, xmlrunner and go-junit-report write it.

The format has no owner, so that a suite's own counts and its cases disagree in known ways. Failures decide in both
directions: a failure that a suite counts and no case shows is a failure. Tests that a suite counts and does not list
are not: flaky reruns, subtests, teardown errors and assertions are counted like that.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pilotage.model.readiness import BadEvidence
from pilotage.readiness.evidence import whole
from pilotage.readiness.outcome import Results
from pilotage.readiness.xml_reader import Node

_BAD = frozenset({"failure", "error"})
_FLAKY = frozenset({"flakyFailure", "flakyError"})
_RERUN = frozenset({"rerunFailure", "rerunError"})
_WARNED = "warning"
"""What PHPUnit before 10 writes for a test that it could not run as one, and exits with 1."""
_GROUPS = frozenset({"testsuite", "testsuites"})

_STATUS_RAN = frozenset(
    ("", "run", "ran", "passed", "pass", "success", "successful", "succeeded", "ok", "complete", "completed",
     "finished", "executed", "true")
)  # fmt: skip
_STATUS_NOT_RUN = frozenset(
    ("notrun", "disabled", "skipped", "skip", "suppressed", "ignored", "pending", "todo", "untested", "undefined",
     "inconclusive", "notexecuted", "notrunnable", "excluded", "filtered")
)  # fmt: skip
"""`status` and `result` of a case, as GoogleTest, behave, NUnit's converter and others write them."""


@dataclass(slots=True)
class _Tally:
    """The content of one element. cases: test cases · shown: elements with a failure · reruns: failed attempts that
    passed later, or that are listed next to a failure · unlisted: tests counted but not listed."""

    cases: int = 0
    passed: int = 0
    skipped: int = 0
    shown: int = 0
    reruns: int = 0
    unlisted: int = 0
    failed: list[str] = field(default_factory=list)
    flaky: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def add(self, other: _Tally) -> None:
        self.cases += other.cases
        self.passed += other.passed
        self.skipped += other.skipped
        self.shown += other.shown
        self.reruns += other.reruns
        self.unlisted += other.unlisted
        self.failed += other.failed
        self.flaky += other.flaky
        self.doubts += other.doubts


def junit(root: Node, name: str) -> Results:
    """Raises BadEvidence with the line of a suite that is less than it says."""
    found = _group(root, name)
    return Results(
        passed=found.passed, failed=tuple(found.failed), skipped=found.skipped, flaky=tuple(found.flaky),
        more=found.unlisted, doubts=tuple(found.doubts),
    )  # fmt: skip


def _group(suite: Node, name: str) -> _Tally:
    found = _Tally()
    for child in suite.children:
        if child.tag in _GROUPS:
            found.add(_group(child, name))
        elif child.tag == "testcase":
            found.add(_case(child, name))
        elif child.tag in _BAD:
            # The suite itself failed, such as its setup: its tests never ran.
            found.add(_Tally(shown=1, failed=[_called(suite, child)]))
    _hold_against_its_counts(suite, found, name)
    return found


def _case(case: Node, name: str) -> _Tally:
    kinds = [child.tag for child in case.children]
    shown = sum(kind in _BAD for kind in kinds)
    reruns = sum(kind in _RERUN or kind in _FLAKY for kind in kinds)
    called = ".".join(filter(None, (case.get("classname"), case.get("name")))) or f"the case in line {case.line}"
    found = _Tally(cases=1, shown=shown, reruns=reruns)
    status = {case.get(key).strip().lower().replace("_", "").replace(" ", "") for key in ("status", "result")}
    if shown or _RERUN.intersection(kinds):
        found.failed = [f"{called}{_beside(case)}"]
    elif _WARNED in kinds:
        found.failed, found.shown = [f"{called} (warning)"], 1
    elif status - _STATUS_RAN - _STATUS_NOT_RUN:
        found.failed, found.shown = [f"{called} ({' '.join(sorted(filter(None, status)))[:40]})"], 1
    elif "skipped" in kinds or status & _STATUS_NOT_RUN or case.get("executed").lower() == "false":
        found.skipped = 1
    elif case.get("success").lower() == "false":
        found.failed, found.shown = [called], 1
    else:
        found.passed, found.flaky = 1, [called] if reruns else []
    for child in case.children:
        if child.tag == "testcase":
            found.add(_case(child, name))
    return found


def _beside(case: Node) -> str:
    """Where pytest failed outside the test itself: such a test can have passed."""
    said = {" ".join(child.get("message").split()[:3]) for child in case.children if child.tag in _BAD}
    return f" ({said.pop()})" if len(said) == 1 and said <= {"failed on setup", "failed on teardown"} else ""


def _called(suite: Node, failure: Node) -> str:
    message = " ".join(failure.get("message").split())[:80]
    return ": ".join(filter(None, (suite.get("name") or f"the suite in line {suite.line}", message)))


def _hold_against_its_counts(suite: Node, found: _Tally, name: str) -> None:
    """Add to `found` what the suite counts and its cases do not show."""
    said = {key: _said(suite, key, name) for key in ("tests", "failures", "errors", "skipped", "disabled")}
    failures = (said["failures"] or 0) + (said["errors"] or 0)
    if (hidden := failures - found.shown - found.reruns) > 0:
        called = suite.get("name") or suite.tag
        shown = f"show {found.shown}" if found.shown else "show none"
        counted = "1 failure" if failures == 1 else f"{failures} failures"
        found.doubts.append(f"{name}:{suite.line}: {called} counts {counted}, and its cases {shown}")
        found.shown += hidden
    listed = found.cases + found.reruns
    if said["tests"] is not None and said["tests"] > max(listed, found.cases + found.shown) + found.unlisted:
        if said["failures"] is None:
            raise BadEvidence(
                f"{name}:{suite.line}: announces {said['tests']} tests and contains {found.cases}; it is incomplete"
            )
        found.unlisted = said["tests"] - listed
    idle = (said["skipped"] or 0) + (said["disabled"] or 0) - found.skipped - found.unlisted
    if idle > 0:
        moved = min(idle, found.passed)
        found.passed, found.skipped = found.passed - moved, found.skipped + moved


def _said(suite: Node, key: str, name: str) -> int | None:
    value = suite.get(key).strip()
    return whole(value, f"{name}:{suite.line}", key) if value else None
