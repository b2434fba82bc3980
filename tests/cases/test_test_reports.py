"""Reports of tests that users bring, and what each is worth (R5). The id names the public report of the fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from .evidence import DATA, proof, written

TESTS = DATA / "tests"


def said(root: Path, name: str = "report") -> tuple[bool, str]:
    found = proof(root, "tests", tests=[name])
    return found.ready, found.sentence


def suite(inside: str, **counts: object) -> str:
    attributes = " ".join(f'{key}="{value}"' for key, value in counts.items())
    return f'<testsuite name="s" {attributes}>{inside}</testsuite>'


PASSED = '<testcase classname="c" name="a"/>'


@pytest.mark.parametrize(
    ("file", "words"),
    [
        pytest.param("regrtest-failures.xml", "counts 3 failures, and its cases show none", id="python/cpython#126237"),
        pytest.param("suite-failure.xml", "x counts 1 failure, and its cases show none", id="a suite's failure alone"),
        pytest.param("suite-setup-error.xml", "x: setUpClass failed", id="google/googletest#5034"),
        pytest.param("pytest-teardown.xml", "1 of 1 tests failed: t.a (failed on teardown)",
                     id="pytest-dev/pytest#3850"),
    ],
)  # fmt: skip
def test_counted_one_way_a_failure_that_no_case_shows_is_a_failure(file: str, words: str) -> None:
    ready, sentence = said(TESTS, file)
    assert not ready
    assert words in sentence


@pytest.mark.parametrize(
    ("file", "words"),
    [
        pytest.param(
            "surefire-flaky.xml", "2 tests passed, 1 of them flaky (S.b)",
            id="EnricoMi/publish-unit-test-result-action#539",
        ),
        pytest.param(
            "pytest-subtests.xml", "3 tests passed, 5 more are counted without a test case",
            id="pytest-dev/pytest-subtests#209",
        ),
    ],
)  # fmt: skip
def test_counted_one_way_more_tests_than_cases_are_no_failure(file: str, words: str) -> None:
    assert said(TESTS, file) == (True, words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (suite(PASSED, tests=1, errors=1), "counts 1 failure"),
        (f'<testsuites errors="1">{suite(PASSED, tests=1, failures=0)}</testsuites>', "testsuites counts 1 failure"),
        (suite(PASSED + '<testcase name="b"><failure/></testcase>', tests=2, failures=2), "its cases show 1"),
        (suite(suite(PASSED, failures=0) + suite(PASSED, failures=1)), "counts 1 failure"),
        (suite(PASSED + "<failure message='teardown'/>"), "s: teardown"),
        (
            suite('<testcase name="b"><failure/><rerunFailure/></testcase>', tests=1, failures=1),
            "1 of 1 tests failed: b",
        ),
        (suite('<testcase name="b"><rerunError/></testcase>', tests=1), "1 of 1 tests failed: b"),
        (suite('<testcase name="b" status="failed"/>'), "b (failed)"),
        (suite('<testcase name="b" result="broken"/>'), "b (broken)"),
        (suite('<testcase name="b" success="False"/>'), "tests failed: b"),
        (suite('<testcase name="b"><warning>No tests found in class "B".</warning></testcase>'), "b (warning)"),
        (suite('<testcase name="b"><skipped/><error/></testcase>'), "tests failed: b"),
        (f'<x:testsuite xmlns:x="y" failures="1">{PASSED}</x:testsuite>', "counts 1 failure"),
        (suite(PASSED, tests=9), "report:1: announces 9 tests and contains 1"),
        (suite(PASSED, tests="many"), "report:1: tests is 'many', not a number"),
        (suite(PASSED, failures=-1), "failures is '-1'"),
    ],
)  # fmt: skip
def test_counted_one_way_every_word_for_a_failure_is_read(tmp_path: Path, content: str, words: str) -> None:
    ready, sentence = said(written(tmp_path, content))
    assert not ready
    assert words in sentence


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(suite(PASSED, tests=12, failures=0, errors=0), "1 test passed, 11 more",
                     id="Catch2 counts assertions"),
        pytest.param(suite('<testcase name="b"><flakyError/><flakyFailure/></testcase>', tests=3, failures=2),
                     "1 test passed, 1 of them flaky (b)", id="two flaky attempts"),
        pytest.param(suite('<testcase name="b"/><testcase name="c"><skipped/></testcase>', tests=2, skipped=1),
                     "1 test passed, 1 were skipped", id="skipped"),
        pytest.param(suite('<testcase name="b" status="run" result="completed"/>', tests=1, disabled=0),
                     "1 test passed", id="GoogleTest, run"),
        pytest.param(suite(PASSED * 3, tests=3, skipped=1), "2 tests passed, 1 were skipped",
                     id="skipped by count alone"),
        pytest.param(suite(PASSED, tests="", failures=""), "1 test passed", id="empty counts"),
        pytest.param(suite("<properties/><testcase name='a'><system-out/></testcase><system-err/>"), "1 test passed",
                     id="output"),
    ],
)  # fmt: skip
def test_counted_one_way_what_is_no_failure_does_not_shut_the_gate(tmp_path: Path, content: str, words: str) -> None:
    ready, sentence = said(written(tmp_path, content))
    assert ready
    assert sentence.startswith(words)


@pytest.mark.parametrize(
    "content",
    [
        suite('<testcase name="a" status="disabled"/>'),
        suite('<testcase name="a" executed="False"/>'),
        suite('<testcase name="a" status="untested"/><testcase name="b" status="not_run"/>'),
        suite(PASSED, tests=1, disabled=1),
        suite(PASSED, tests=1, skipped=1),
        "<testsuites/>",
    ],
)
def test_tests_that_did_not_run_are_no_pass_in_any_dialect(tmp_path: Path, content: str) -> None:
    ready, sentence = said(written(tmp_path, content))
    assert not ready
    assert "no tests ran" in sentence


def test_tests_that_did_not_run_are_no_pass_of_googletest() -> None:
    """google/googletest#3836: status="notrun"."""
    assert said(TESTS, "googletest-notrun.xml") == (False, "googletest-notrun.xml: no tests ran, 2 were skipped")


# ── encodings ──────────────────────────────────────────────────────────────────────────────────────────────


def test_bytes_are_read_as_their_declaration_says() -> None:
    """morganstanley/testplan#1346."""
    assert said(TESTS, "latin-1.xml") == (True, "1 test passed")


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "windows-1252", "iso-8859-15", "shift_jis", "gb18030"]
)
def test_bytes_are_read_in_any_encoding_that_xml_declares(tmp_path: Path, encoding: str) -> None:
    name = "試験" if encoding in ("shift_jis", "gb18030") else "prüft"
    declared = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
    content = f'{declared}<testsuite><testcase name="{name}"><failure/></testcase></testsuite>'.encode(encoding)
    assert said(written(tmp_path, content)) == (False, f"1 of 1 tests failed: {name}")


def test_utf_16_that_still_declares_utf_8_is_what_powershell_writes(tmp_path: Path) -> None:
    content = f'<?xml version="1.0" encoding="utf-8"?>{suite(PASSED)}'.encode("utf-16")
    assert said(written(tmp_path, content)) == (True, "1 test passed")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'<?xml version="1.0" encoding="punycode"?><testsuite/>', "report:1: declares the encoding 'punycode'"),
        (b'<?xml version="1.0" encoding="nonsense"?><testsuite/>', "report:1: declares the encoding 'nonsense'"),
        (b'<testsuite>\n <testcase name="pr\xfcft"/></testsuite>', "report:2:20: is not valid XML"),
        (b"<testsuite>\n<testcase></testsuite>", "report:2:13: is not valid XML: mismatched tag"),
        (b"<testsuite>" * 200, "report:1: is nested deeper than 100 elements"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(tmp_path: Path, content: bytes, words: str) -> None:
    ready, sentence = said(written(tmp_path, content))
    assert not ready
    assert words in sentence


# ── other formats ──────────────────────────────────────────────────────────────────────────────────────────


def trx(results: str, counters: str = "", outcome: str = "Completed") -> str:
    summary = f'<ResultSummary outcome="{outcome}"><Counters {counters}/></ResultSummary>' if outcome else ""
    return f'<TestRun xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010"><Results>{results}</Results>{summary}</TestRun>'


ONE = '<UnitTestResult testName="a" outcome="Passed"/>'
ROWS = '<UnitTestResult testName="r" outcome="{}"><InnerResults>{}</InnerResults></UnitTestResult>'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (trx(ONE, 'total="1" failed="0"'), (True, "1 test passed")),
        (trx(ONE + ONE.replace("Passed", "NotExecuted")), (True, "1 test passed, 1 were skipped")),
        (trx(ROWS.format("Passed", ONE * 2), 'total="2"'), (True, "2 tests passed")),
        (trx(ONE.replace("Passed", "Failed"), outcome="Failed"), (False, "1 of 1 tests failed: a")),
        (trx(ONE.replace("Passed", "Timeout")), (False, "1 of 1 tests failed: a")),
        (trx(ROWS.format("Failed", ONE)), (False, "1 of 2 tests failed: r")),
        (trx(ONE, outcome="Failed"), (False, "report:1: the run ended as 'Failed', and no test explains why")),
        (trx(ONE, 'total="1" aborted="1"'), (False, "report:1: counts 1 failed tests, and 0 are listed")),
        (trx(ONE, 'total="5"'), (False, "report:1: counts 5 tests, and 1 are listed")),
        (trx(ONE, outcome=""), (False, "report has no ResultSummary: the run did not finish")),
        (trx(ONE.replace("Passed", "Inconclusive")), (False, "report: no tests ran, 1 were skipped")),
    ],
)
def test_trx_of_dotnet_is_read_with_its_summary(tmp_path: Path, content: str, expected: tuple[bool, str]) -> None:
    assert said(written(tmp_path, "\ufeff" + content)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("TAP version 13\n1..2\nok 1 - a\nok 2 - b # SKIP no network\n", (True, "1 test passed, 1 were skipped")),
        ("ok\nok\n1..2\n", (True, "2 tests passed")),
        ("1..2\nok 1\nnot ok 2 - later # TODO some day\n", (True, "1 test passed, 1 were skipped")),
        ("1..1\n    1..1\n    ok 1 - inner\nok 1 - outer\n", (True, "1 test passed")),
        ("1..2\nok 1\nnot ok 2 - b\n  ---\n  message: |\n    ok 3\n  ...\n", (False, "1 of 2 tests failed: b")),
        ("1..1\n    not ok 1 - inner\nok 1 - outer\n", (False, "1 of 1 tests failed: inner")),
        ("1..1\nok 1\n# tests 3\n# fail 2\n", (False, "report counts 2 failed tests at its end, and lists none")),
        ("TAP version 14\n1..3\nok 1\nBail out! no database\n", (False, "report:4: Bail out! no database")),
        ("1..3\nok 1\nok 2\n", (False, "report:1: plans 3 tests, and 2 are listed; it is incomplete")),
        ("ok 1\nok 2\n", (False, "report has no plan such as 1..2; it is incomplete")),
        ("1..0 # SKIP nothing here\n", (False, "report: no tests ran")),
        ("1..1\n1..1\nok 1\n", (False, "report:2: a second plan; the first is 1..1")),
    ],
)
def test_tap_is_read_with_its_plan(tmp_path: Path, content: str, expected: tuple[bool, str]) -> None:
    assert said(written(tmp_path, content)) == expected


@pytest.mark.parametrize(
    ("content", "looks"),
    [
        ('<test-run id="1" result="Passed"/>', "NUnit 3 XML"),
        ("<assemblies><assembly failed='0'/></assemblies>", "xUnit.net XML"),
        ("<robot><suite/></robot>", "Robot Framework XML"),
        ('{"numTotalTests": 1, "testResults": []}', "Jest JSON"),
        ('{"version": "2.1.0", "runs": []}', "SARIF"),
        ("<html><body>no access</body></html>", "a web page"),
    ],
)
def test_a_report_taken_for_another_one_says_what_it_looks_like(tmp_path: Path, content: str, looks: str) -> None:
    ready, sentence = said(written(tmp_path, content))
    assert not ready
    assert sentence.startswith(f"report looks like {looks}; supported: JUnit XML, .NET TRX, TAP")
