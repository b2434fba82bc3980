"""Test results of .NET: TRX, as `dotnet test --logger trx` and Visual Studio write them."""

from __future__ import annotations

from pilotage.model.readiness import BadEvidence
from pilotage.readiness.evidence import whole
from pilotage.readiness.outcome import Results
from pilotage.readiness.xml_reader import Node

_PASSED = frozenset({"Passed", "Completed", "Warning"})
_NOT_RUN = frozenset({"NotExecuted", "Inconclusive", "Pending", "NotRunnable"})
_COUNTED_AS_BAD = ("failed", "error", "timeout", "aborted", "passedButRunAborted", "disconnected")


def trx(root: Node, name: str) -> Results:
    """Raises BadEvidence for a run without a summary: one that did not end."""
    summary = next((child for child in root.children if child.tag == "ResultSummary"), None)
    if summary is None:
        raise BadEvidence(f"{name} has no ResultSummary: the run did not finish")
    passed, skipped, failed = 0, 0, list[str]()
    for one in _leaves(root):
        outcome = one.get("outcome")
        if outcome in _PASSED:
            passed += 1
        elif outcome in _NOT_RUN:
            skipped += 1
        else:  # Failed, Timeout, Aborted, …; an outcome that is missing is an error by the schema
            failed.append(one.get("testName") or f"the result in line {one.line}")
    doubts = list(_doubts(summary, passed + skipped + len(failed), len(failed), name))
    return Results(passed=passed, failed=tuple(failed), skipped=skipped, doubts=tuple(doubts))


def _leaves(root: Node) -> list[Node]:
    """Results without the totals of data-driven ones, which list each row as a result."""
    found, left = list[Node](), [root]
    while left:
        node = left.pop()
        inner = [child for child in node.children if child.tag == "InnerResults" and child.children]
        if node.tag.endswith("Result") or node.tag == "TestResultAggregation":
            if not inner or node.get("outcome") not in _PASSED | _NOT_RUN:
                found.append(node)
            left += reversed(inner)
        elif node.tag in ("TestRun", "Results", "InnerResults"):
            left += reversed(node.children)
    return found


def _doubts(summary: Node, listed: int, failed: int, name: str) -> list[str]:
    found = []
    outcome = summary.get("outcome")
    if outcome not in ("Completed", "Passed", "Warning") and not failed:
        found.append(f"{name}:{summary.line}: the run ended as {outcome or 'nothing'!r}, and no test explains why")
    for counters in summary.all("Counters"):
        said = {key: whole(counters.get(key, "0") or "0", f"{name}:{counters.line}", key) for key in _COUNTED_AS_BAD}
        if sum(said.values()) > failed:
            found.append(f"{name}:{counters.line}: counts {sum(said.values())} failed tests, and {failed} are listed")
        total = whole(counters.get("total", "0") or "0", f"{name}:{counters.line}", "total")
        if total > listed:
            found.append(f"{name}:{counters.line}: counts {total} tests, and {listed} are listed")
    return found
