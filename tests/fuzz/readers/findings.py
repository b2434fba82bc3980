"""Reports of findings: what stands open in plain JSON must be an issue, or refuse the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pilotage.model.readiness import BadEvidence
from pilotage.readiness.audits import findings
from tests.fuzz.reader import Reader, Sample, refusal
from tests.fuzz.readers.junit import CASES

_SCANS = ("sarif", "semgrep", "bandit", "trivy", "grype", "dependency", "cyclonedx", "audit", "osv")


def _check(sample: Sample) -> Iterator[str]:
    try:
        found = findings(sample.content, sample.name)
    except BadEvidence as error:
        yield from refusal(str(error))
        return
    try:
        read = json.loads(sample.content)
    except (ValueError, RecursionError):
        return
    told = len(found.issues) + sum(found.passed.values())
    if "runs" in read:
        yield from _sarif(read, len(found.issues), told)
    elif isinstance(results := read.get("results"), list) and "errors" in read and len(results) > told:
        yield f"fewer findings than results: {told} of {len(results)}"


def _sarif(read: Any, issues: int, told: int) -> Iterator[str]:
    results = [result for run in read["runs"] for result in run.get("results") or ()]
    if len(results) > told:
        yield f"fewer findings than SARIF results: {told} of {len(results)}"
    open_ = [result for result in results if _is_open(result)]
    if len(open_) > issues:
        yield f"a SARIF result that is open is no issue: {json.dumps(open_[0])[:300]}"
    for run in read["runs"]:
        if any(one.get("executionSuccessful") is False for one in run.get("invocations") or ()):
            yield "a run that says that it failed was taken"


def _is_open(result: Any) -> bool:
    """By the keys alone, where the result itself has them (SARIF 2.1.0, section 3.27)."""
    return (
        result.get("level") in ("error", "warning")
        and result.get("kind") in (None, "fail")
        and all(one.get("status") in ("rejected", "underReview") for one in result.get("suppressions") or ())
        and result.get("baselineState") in (None, "new", "updated")
    )


_SEED = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {"driver": {"name": "t", "rules": [{"id": "R", "defaultConfiguration": {"level": "note"}}]}},
            "invocations": [{"executionSuccessful": True, "exitCode": 0}],
            "results": [
                {"ruleId": "R", "level": "error", "message": {"text": "m"}, "suppressions": [{"status": "accepted"}]},
                {"ruleIndex": 0, "message": {"text": "n"}, "properties": {"security-severity": "9.8"}},
            ],
        }
    ],
}

READER = Reader(
    name="sarif",
    check=_check,
    seeds=(
        Sample("seed", json.dumps(_SEED, indent=1).encode()),
        *(Sample(path.name, path.read_bytes()) for path in sorted((CASES / "findings").iterdir())),
    ),
    takes=lambda path: path.suffix == ".sarif"
    or (path.suffix == ".json" and any(scan in str(path).lower() for scan in _SCANS)),
    words=(
        '"level": "error"', '"level": "none"', '"kind": "pass"', '"suppressions": []', '"status": "rejected"', "null",
        '"suppressions": [{"kind": "inSource"}]', '"baselineState": "unchanged"', '"executionSuccessful": false',
        "[]",
        '"results": null', '"ruleIndex": 7', '"version": "2.0.0"', "{}", '"properties": {"security-severity": "x"}',
        '"exitCode": 2', '"runs": []', '"level": "warning"', '"a": 1, "a": 2', "NaN",
    ),
)  # fmt: skip
