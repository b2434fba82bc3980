"""Reports of coverage that users bring, and the share of each (R5). The id names the public report of the fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from .evidence import DATA, proof, written


def said(root: Path, name: str = "report", at_least: float = 0) -> tuple[bool, str]:
    found = proof(root, "coverage", coverage=name, min_coverage=at_least)
    return found.ready, found.sentence.removesuffix(f" ({name})")


def test_a_line_counted_twice_is_one_line_of_its_file() -> None:
    """k1LoW/octocov#728, jenkinsci/coverage-model#262."""
    found = said(DATA / "coverage", "cobertura-two-classes.xml", 60)
    assert found == (False, "50.0 % of 2 lines covered (cobertura-two-classes.xml); at least 60 % required")


def test_lcov_with_nothing_but_sums_is_read_by_them() -> None:
    assert said(DATA / "coverage", "sums-only.info", 80) == (True, "90.0 % of 10 lines covered")


LINES = '<class filename="a">{}</class>'
COUNTED = '<line number="1" hits="1"/><line number="2" hits="0"/>'
IN_METHODS = f"<methods><method><lines>{COUNTED}</lines></method></methods><lines>{COUNTED}</lines>"


def cobertura(inside: str, sums: str = "") -> str:
    return (
        f'<coverage line-rate="1" {sums}><packages><package><classes>{inside}</classes></package></packages></coverage>'
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(cobertura(LINES.format(IN_METHODS)), (1, 2),
                     id="Cobertura, methods and class list the same lines"),
        pytest.param(cobertura(LINES.format(COUNTED) * 2, 'lines-valid="4" lines-covered="3"'), (1, 2),
                     id="Cobertura, sums count each class"),
        pytest.param(cobertura("", 'lines-valid="4" lines-covered="3"'), (3, 4), id="Cobertura, sums alone"),
        pytest.param("SF:a\nDA:1,0\nDA:1,3\nLF:2\nLH:1\nend_of_record\n", (1, 1),
                     id="lcov, Coverlet lists a line twice"),
        pytest.param("SF:a\nDA:1,0\nDA:2,0\nend_of_record\nSF:a\nDA:1,5\nend_of_record\n", (1, 2),
                     id="lcov, two tests of one file"),
        pytest.param("TN:t\nSF:a\nDA:1,1\nLF:1\nLH:1\nend_of_record\nSF:b\nLF:3\nLH:0\nend_of_record\n", (1, 4),
                     id="lcov, one file with lines and one with sums"),
        pytest.param("SF:a\r\nDA:1,1,checksum\r\nDA:2,0\r\nend_of_record\r\n", (1, 2), id="lcov, CRLF and checksums"),
        pytest.param("mode: set\nx/a.go:1.1,2.2 3 1\nx/a.go:3.1,4.2 1 0\nx/a.go:3.1,4.2 1 1\n", (4, 4),
                     id="Go, a block that two packages' tests list"),
        pytest.param("mode: atomic\nx/a.go:1.1,2.2 3 17\nx/b.go:3.1,4.2 1 0\n", (3, 4), id="Go"),
    ],
)  # fmt: skip
def test_a_line_counted_twice_is_one_line_in_every_format(
    tmp_path: Path, content: str, expected: tuple[int, int]
) -> None:
    hit, lines = expected
    assert said(written(tmp_path, content)) == (True, f"{100 * hit / lines:.1f} % of {lines} lines covered")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_bytes_are_read_in_the_encoding_they_have(tmp_path: Path, encoding: str) -> None:
    for content in ("SF:a\nDA:1,1\nend_of_record\n", '{"totals": {"covered_lines": 1, "num_statements": 1}}'):
        assert said(written(tmp_path, content.encode(encoding))) == (True, "100.0 % of 1 lines covered")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            "SF:a\nDA:1,1\nLF:9\nLH:1\nend_of_record\n",
            "report counts 9 lines of a and lists 1; it is incomplete",
        ),
        ("SF:a\nLF:1\nLH:2\nend_of_record\n", "is inconsistent: 2 of 1 lines of a covered"),
        ("SF:a\nDA:1,-1\nend_of_record\n", "report:2: hits of line 1 is '-1'"),
        ("mode: set\nx/a.go:1.1,2.2 3\n", "report:2: is no block of a Go profile"),
        (cobertura(LINES.format('<line number="1" hits="many"/>')), "report:1: hits is 'many', not a number"),
        (cobertura(LINES.format(COUNTED), 'lines-valid="9" lines-covered="8"'), "report:1: counts 9 lines and lists 2"),
        (cobertura(""), "covers no lines"),
        ("<coverage generated='1'><project><metrics statements='1'/></project></coverage>", "looks like Clover XML"),
        ('{"total": {"lines": {"pct": 100}, "statements": {}}}', "looks like Istanbul's JSON summary"),
        ("<testsuites/>", "looks like JUnit XML; supported: Cobertura, JaCoCo, lcov, coverage.py JSON, Go's"),
        ('{"totals": {"covered_lines": 1}}', "`$.totals` has no num_statements"),
        ('{"totals": {"covered_lines": 1,\n "num_statements": 1}', "report:2:22: is not valid JSON"),
    ],
)
def test_what_is_less_than_it_says_or_of_another_format_is_refused(tmp_path: Path, content: str, words: str) -> None:
    ready, sentence = said(written(tmp_path, content))
    assert not ready
    assert words in sentence
