"""The tables of formats in the documentation are those of the readers (R5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.model.readiness import BadEvidence
from pilotage.readiness import audits, coverage, results, timings
from pilotage.readiness.formats import recognise

PAGE = (Path(__file__).parents[2] / "docs/reference/evidence.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("heading", "readers"),
    [
        ("Test reports", results.READERS),
        ("Coverage reports", coverage.READERS),
        ("Scanner reports", audits.READERS),
        ("Benchmark reports", timings.READERS),
    ],
)
def test_the_page_lists_the_formats_that_are_read_and_no_other(heading: str, readers: dict[str, object]) -> None:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("|")][2:]
    listed = {row.removesuffix(" 2.1.0").strip("`").replace(", …", "") for row in rows}
    assert listed == set(readers)


@pytest.mark.parametrize(
    ("content", "looks"),
    [
        (b'{"scan_info": {}, "warnings": [], "errors": []}', "Brakeman JSON"),
        (b'{"report_meta": {}, "scanned_packages": {}, "vulnerabilities": []}', "Safety JSON"),
        (b'{"version": "0.9", "created_at": "now", "results": []}', "bundler-audit JSON"),
        (b'{"results": [{"long_id": "aws-x", "severity": "HIGH"}]}', "tfsec JSON"),
        (b'{"version": 1, "parameters": "--vulnerable", "projects": []}', "JSON of dotnet list package"),
        (b'{"@version": "2", "site": []}', "ZAP JSON"),
        (b'{"meta": {"simplecov_version": "0.22"}, "coverage": {}}', "SimpleCov JSON"),
        (b'{"format_version": "1", "files": []}', "gcov JSON"),
        (b'<failsafe-summary result="255"><errors>1</errors></failsafe-summary>', "Failsafe's summary"),
        (b"<Catch2TestRun/>", "Catch2 XML"),
        (b"<TestCase/>", "Qt Test XML"),
    ],
)
def test_a_report_taken_for_another_one_is_named_with_a_way_out(content: bytes, looks: str) -> None:
    """However good its news is, a report of a format that is not read opens no gate."""
    with pytest.raises(BadEvidence, match=f"report looks like {looks}; supported: SARIF"):
        recognise(content, "report", ("SARIF",))
