"""The tables of formats in the documentation are those of the readers (R5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.readiness import audits, coverage, results, timings

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
