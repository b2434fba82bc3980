"""Reports of other tools: each read as the tool wrote it, and refused when it is not whole (R5)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pilotage.adapters.evidence import LIMIT, ProjectFiles
from pilotage.model.readiness import BadEvidence
from pilotage.readiness import audits, benchmarks, coverage, results
from pilotage.readiness.backups import restore
from pilotage.readiness.timings import timings

from ...programs import needs

pytestmark = pytest.mark.xdist_group("reports")

SHOP = "def double(n):\n    if n < 0:\n        return 0\n    return n * 2\n"
TESTS = """
import pytest
from shop import double
def test_it(): assert double(2) == 4
def test_broken(): assert double(2) == 5
@pytest.mark.skip
def test_later(): pass
def test_speed(benchmark): benchmark.pedantic(double, args=(2,), rounds=20, iterations=100)
"""


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which real tools have looked at a real program."""
    place = tmp_path_factory.mktemp("shop")
    (place / "shop.py").write_text(SHOP)
    (place / "test_shop.py").write_text(TESTS)

    # A run within xdist's own would measure nothing.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}

    def run(*command: str) -> str:
        done = subprocess.run([sys.executable, "-m", *command], cwd=place, capture_output=True, text=True, env=alone)
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    run("pytest", "-q", "--basetemp=made", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir=.", "--cov=shop",
        "--cov-report=xml:coverage.xml", "--cov-report=json:coverage.json", "--cov-report=lcov:coverage.lcov",
        "--junitxml=junit.xml", "--benchmark-json=speed.json", "test_shop.py")  # fmt: skip
    (place / "bad.py").write_text("import os\n")
    (place / "ruff.sarif").write_text(run("ruff", "check", "--no-cache", "--output-format", "sarif", "bad.py"))
    (place / "clean.sarif").write_text(run("ruff", "check", "--no-cache", "--output-format", "sarif", "shop.py"))
    return place


# ── as the tools write them ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["coverage.xml", "coverage.json", "coverage.lcov"])
def test_coverage_as_coverage_py_writes_it(real: Path, name: str) -> None:
    assert coverage.covered((real / name).read_bytes(), name) == (3, 4)


def test_results_as_pytest_writes_them(real: Path) -> None:
    found = results.results((real / "junit.xml").read_bytes(), "junit.xml")
    assert (found.passed, found.skipped, found.failed) == (2, 1, ("test_shop.test_broken",))


def test_findings_as_ruff_writes_sarif(real: Path) -> None:
    (found,) = audits.findings((real / "ruff.sarif").read_bytes(), "ruff.sarif").issues
    assert (found.id, found.place.rpartition("/")[2]) == ("F401", "bad.py:1")
    assert audits.findings((real / "clean.sarif").read_bytes(), "clean.sarif").issues == ()


def test_benchmarks_as_pytest_benchmark_writes_them(real: Path) -> None:
    read = timings((real / "speed.json").read_bytes(), "speed.json").runs
    ((name, runs),) = read.items()
    assert name.endswith("test_speed")
    assert len(runs) == 20
    assert benchmarks.compare(read, read, 1.1, "speed.json").slower == ()
    slower = {name: [2 * run for run in runs]}
    (worse,) = benchmarks.compare(slower, read, 1.1, "speed.json").slower
    assert worse.factor == pytest.approx(2)
    assert worse.chance is not None
    assert worse.chance < 0.01


def test_benchmarks_as_hyperfine_writes_them(tmp_path: Path) -> None:
    out = tmp_path / "h.json"
    command = [needs("hyperfine"), "--runs", "6", "--warmup", "0", "--shell=none", "--export-json", str(out), "true"]
    subprocess.run(command, check=True, capture_output=True)
    read = timings(out.read_bytes(), "h.json").runs
    assert [(name, len(runs)) for name, runs in read.items()] == [("true", 6)]


JACOCO = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE report PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd">
<report name="shop"><package name="a"><counter type="LINE" missed="9" covered="1"/></package>
<counter type="INSTRUCTION" missed="7" covered="3"/><counter type="LINE" missed="2" covered="8"/></report>"""
COBERTURA = """<coverage line-rate="0.5"><packages><package><classes><class><lines>
<line number="1" hits="3"/><line number="2" hits="0"/></lines></class></classes></package></packages></coverage>"""
PIP = {"dependencies": [{"name": "jinja2", "version": "2.10", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.11"]}]}]}
NPM = {
    "auditReportVersion": 2, "metadata": {"vulnerabilities": {"total": 1}},
    "vulnerabilities": {
        "minimist": {"range": "<0.2.1", "via": [
            {"source": 1, "title": "Prototype Pollution", "severity": "moderate",
             "url": "https://github.com/advisories/GHSA-vh95-rmgr-6w4m"},
        ]},
    },
}  # fmt: skip
NPM_6 = {
    "metadata": {},
    "advisories": {"118": {"id": 118, "module_name": "minimatch", "title": "ReDoS", "severity": "high",
                           "findings": [{"version": "0.3.0"}]}},
}  # fmt: skip
OSV = {
    "results": [{"packages": [{"package": {"name": "lodash", "version": "4.17.15"},
                               "vulnerabilities": [{"id": "GHSA-p6mc", "summary": "pollution"}]}]}],
}  # fmt: skip
K6 = {
    "metrics": {"http_req_duration": {"values": {"med": 10.0, "p(95)": 31.0}}, "iterations": {"values": {"count": 9}}}
}


def test_formats_as_their_documentation_has_them() -> None:
    """k6 and OSV's scanner cannot be run here; of the others, what test_tools.py does not make them write."""
    assert coverage.covered(JACOCO.encode(), "jacoco.xml") == (8, 10)
    assert coverage.covered(COBERTURA.encode(), "cobertura.xml") == (1, 2)
    assert [i.id for i in audits.findings(json.dumps(PIP).encode(), "pip.json").issues] == ["PYSEC-1"]
    assert [i.id for i in audits.findings(json.dumps(NPM).encode(), "npm.json").issues] == ["GHSA-vh95-rmgr-6w4m"]
    assert [(i.id, i.version) for i in audits.findings(json.dumps(NPM_6).encode(), "npm.json").issues] == [
        ("118", "0.3.0")
    ]
    assert [i.id for i in audits.findings(json.dumps(OSV).encode(), "osv.json").issues] == ["GHSA-p6mc"]
    assert set(timings(json.dumps(K6).encode(), "k6.json").runs) == {"http_req_duration med", "http_req_duration p(95)"}


def test_a_package_that_pip_audit_skipped_is_a_finding() -> None:
    skipped = {"dependencies": [{"name": "jinja2", "skip_reason": "not found on PyPI"}]}
    (found,) = audits.findings(json.dumps(skipped).encode(), "pip.json").issues
    assert "was not checked" in found.sentence


@pytest.mark.parametrize(
    "result",
    [
        {"level": "note"},
        {"kind": "pass"},
        {"suppressions": [{"kind": "inSource"}]},
        {"baselineState": "unchanged"},
    ],
)
def test_what_sarif_says_is_no_new_finding_is_none(result: dict[str, object]) -> None:
    run = {"tool": {"driver": {"name": "x"}}, "results": [{"ruleId": "R", "message": {"text": "t"}, **result}]}
    assert audits.findings(json.dumps({"runs": [run]}).encode(), "s.sarif").issues == ()


def test_a_summary_is_compared_by_the_factor_alone_and_says_so() -> None:
    found = benchmarks.compare({"a": [1.2]}, {"a": [1.0]}, 1.1, "n")
    assert (found.bare, [slower.chance for slower in found.slower]) == (1, [None])


def test_noise_is_not_slower_and_what_is_gone_is_named() -> None:
    old = {"a": [1.0, 1.3, 0.9, 1.2, 1.1, 1.0], "b": [1.0]}
    new = {"a": [1.3, 1.0, 1.2, 1.35, 0.9, 1.31]}
    found = benchmarks.compare(new, old, 1.05, "n")
    assert (found.slower, found.gone) == ((), ("b",))


# ── what is no report ──────────────────────────────────────────────────────────────────────────────────────

BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><testsuite tests="1"><testcase name="&b;"/></testsuite>'
)
OUTSIDE = (
    '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><coverage lines-valid="1" lines-covered="1">&a;</coverage>'
)
READERS: Mapping[str, Callable[[bytes, str], object]] = {
    "coverage": coverage.covered, "tests": results.results, "findings": audits.findings, "benchmarks": timings,
    "restore": restore,
}  # fmt: skip
NO_REPORTS = {
    "nothing": "", "words": "all is well", "a list": "[]", "an object": "{}", "null": "null", "a number": "3",
    "is truncated": '{"totals": {"covered_lines": 3', "cut off XML": "<testsuite><testcase", "another XML": "<html/>",
    "a bomb": BOMB, "a file from outside": OUTSIDE, "deep": "[" * 100_000, "deep XML": "<a>" * 50_000,
    "zero bytes": "\0\0\0", "NaN": '{"totals": {"covered_lines": NaN, "num_statements": 3}}',
}  # fmt: skip


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("name", NO_REPORTS)
def test_what_is_no_report_is_never_a_pass(kind: str, name: str) -> None:
    with pytest.raises(BadEvidence, match="report"):
        READERS[kind](NO_REPORTS[name].encode(), "report")


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("coverage", '<coverage lines-valid="0" lines-covered="0"/>', "covers no lines"),
        ("coverage", '<coverage lines-valid="3" lines-covered="4"/>', "4 of 3 lines covered"),
        ("coverage", '<coverage lines-valid="-3" lines-covered="-3"/>', "lines-covered is '-3'"),
        ("coverage", "SF:a.py\nDA:1,1\nend_of_record\nSF:b.py\nDA:1,0\n", "is truncated"),
        ("coverage", "SF:a.py\nDA:1,x\nend_of_record\n", "not a number"),
        ("coverage", "<report><counter type='BRANCH' covered='1' missed='0'/></report>", "has no line counter"),
        ("tests", "<testsuite tests='0'/>", "no tests ran"),
        ("tests", "<testsuite><testcase name='a'><skipped/></testcase></testsuite>", "no tests ran"),
        ("tests", "<testsuite tests='9'><testcase name='a'/></testsuite>", "announces 9 tests and contains 1"),
        ("findings", '{"runs": []}', "contains no tool run"),
        ("findings", '{"runs": [{"tool": {"driver": {"name": "x"}}}]}', "reports no results"),
        ("findings", '{"runs": [{"tool": {"driver": {"name": "x"}}, "invocations": [{"executionSuccessful": false}],'
                     ' "results": []}]}', "reports that its run failed"),
        ("findings", '{"dependencies": []}', "checked no packages"),
        ("findings", '{"auditReportVersion": 2}', "no totals"),
        ("findings", '{"version": "2.1.0", "runs": [{"results": [{"ruleId": "x"}]}]}', "is incomplete"),
        ("benchmarks", '{"a": []}', "unknown format"),
        ("benchmarks", '{"a": -1}', "a run of a is '-1'"),
        ("benchmarks", '{"machine_info": {}, "benchmarks": [{"name": "a"}]}', "is incomplete"),
        ("restore", '{"taken_at": "2026-01-01T00:00:00Z", "restored_at": "2026-01-01T01:00:00Z", "seconds": 1}',
         "not verified"),
        ("restore", '{"taken_at": "2026-01-02T00:00:00Z", "restored_at": "2026-01-01T00:00:00Z", "seconds": 1,'
                    ' "verified": true}', "restored_at is before taken_at"),
        ("restore", '{"taken_at": "yesterday", "restored_at": "today"}', "not a time"),
        ("restore", '{"taken_at": "2026-01-01T00:00:00", "restored_at": ""}', "needs a time zone"),
    ],
)  # fmt: skip
def test_a_report_that_is_less_than_it_says_is_refused_with_the_reason(kind: str, text: str, words: str) -> None:
    with pytest.raises(BadEvidence, match=words):
        READERS[kind](text.encode(), "report")


# ── files ──────────────────────────────────────────────────────────────────────────────────────────────────


def folder(root: Path, **given: float) -> ProjectFiles:
    now = given.pop("now", root.stat().st_mtime + 60)
    return ProjectFiles(root, given.get("max_age", 3600.0), now, given.get("since", 0.0))


def test_a_file_that_cannot_speak_for_the_release_says_why(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "secret").write_text("s3cret")
    (root / "empty").write_text(" \n")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    with (root / "huge").open("wb") as file:
        file.truncate(2**30)
    for path, words in {
        "missing": "missing is missing", "empty": "empty is empty", ".": "is not a file",
        "../secret": "is outside", "link": "is outside", "/etc/passwd": "is outside", "loop": "is a broken link",
        "pipe": "is not a file", "huge": f"the limit is {LIMIT}", "a\0b": "zero byte",
    }.items():  # fmt: skip
        with pytest.raises(BadEvidence, match=words):
            folder(root).read(path)


def test_old_evidence_is_stale_and_so_is_what_is_older_than_the_commit(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("x")
    written = (tmp_path / "report").stat().st_mtime
    assert folder(tmp_path, now=written + 60).read("report")[0] == b"x"
    with pytest.raises(BadEvidence, match="is 2h old; the limit is 1h"):
        folder(tmp_path, now=written + 7200).read("report")
    with pytest.raises(BadEvidence, match="older than the released commit"):
        folder(tmp_path, now=written + 60, since=written + 1).read("report")


def test_a_digest_is_that_of_the_file_whatever_its_age(tmp_path: Path) -> None:
    (tmp_path / "artifact").write_bytes(b"abc")
    assert folder(tmp_path, now=9e9).digest("artifact").sha256.startswith("ba7816bf8f01cfea")
