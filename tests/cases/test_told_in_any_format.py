"""One run, told in every format, has one result: readers are held against one another (R5).

`PILOTAGE_EXAMPLES=100` makes it a long run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any
from xml.sax.saxutils import quoteattr

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from pilotage.model.readiness import BadEvidence
from pilotage.readiness.audits import findings
from pilotage.readiness.coverage import covered
from pilotage.readiness.results import results
from tests.effort import examples

WORDS = (
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=1, max_size=8)
    .map(str.strip)
    .filter(bool)
)


class Outcome(Enum):
    PASSED, FAILED, SKIPPED = range(3)


Run = Sequence[tuple[str, Outcome]]
RUNS = st.lists(st.tuples(WORDS, st.sampled_from(Outcome)), min_size=1, max_size=12)


def count(run: Run, outcome: Outcome) -> int:
    return sum(one is outcome for _, one in run)


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a writer of JUnit XML differs from others without meaning anything else by it."""

    counts: bool = True
    errors: bool = False
    status: bool = False
    nested: bool = False
    prefix: str = ""
    encoding: str = "utf-8"
    subtests: int = 0


DIALECTS = st.builds(
    Dialect, counts=st.booleans(), errors=st.booleans(), status=st.booleans(), nested=st.booleans(),
    prefix=st.sampled_from(("", "j:")), encoding=st.sampled_from(("utf-8", "utf-8-sig", "utf-16")),
    subtests=st.integers(0, 3),
)  # fmt: skip


def junit(run: Run, how: Dialect) -> bytes:
    p, bad = how.prefix, "error" if how.errors else "failure"
    inside = {Outcome.PASSED: "", Outcome.FAILED: f"<{p}{bad} message='x'/>", Outcome.SKIPPED: f"<{p}skipped/>"}
    cases = []
    for name, outcome in run:
        status = ' status="notrun"' if how.status and outcome is Outcome.SKIPPED else ""
        child = "" if status else inside[outcome]
        cases.append(f"<{p}testcase name={quoteattr(name)}{status}>{child}</{p}testcase>")
    said = {"tests": len(run) + how.subtests, "failures": 0, "errors": 0, "skipped": count(run, Outcome.SKIPPED)}
    said["errors" if how.errors else "failures"] = count(run, Outcome.FAILED)
    counts = "".join(f' {key}="{value}"' for key, value in said.items()) if how.counts else ""
    space = ' xmlns:j="urn:j"' if p else ""
    suite = f"<{p}testsuite{counts}>{''.join(cases)}</{p}testsuite>"
    whole = f"<{p}testsuites{space}>{suite}</{p}testsuites>" if how.nested or p else suite
    declared = how.encoding.removesuffix("-sig")
    return f'<?xml version="1.0" encoding="{declared}"?>{whole}'.encode(how.encoding)


def trx(run: Run) -> bytes:
    words = {Outcome.PASSED: "Passed", Outcome.FAILED: "Failed", Outcome.SKIPPED: "NotExecuted"}
    rows = "".join(f"<UnitTestResult testName={quoteattr(name)} outcome='{words[one]}'/>" for name, one in run)
    failed = count(run, Outcome.FAILED)
    counters = f"<Counters total='{len(run)}' failed='{failed}'/>"
    summary = f"<ResultSummary outcome='{'Failed' if failed else 'Completed'}'>{counters}</ResultSummary>"
    return f"<TestRun xmlns='urn:x'><Results>{rows}</Results>{summary}</TestRun>".encode()


def tap(run: Run) -> bytes:
    lines = [f"1..{len(run)}"]
    for number, (name, outcome) in enumerate(run, 1):
        plain = name.replace("#", "")
        skip = " # SKIP" if outcome is Outcome.SKIPPED else ""
        lines.append(f"{'not ok' if outcome is Outcome.FAILED else 'ok'} {number} - x{plain}{skip}")
    return "\n".join(lines).encode()


@settings(max_examples=examples(60), deadline=None)
@given(RUNS, DIALECTS)
def test_tests_have_one_result_in_every_format(run: Run, how: Dialect) -> None:
    wanted = tuple(count(run, outcome) for outcome in Outcome)
    for content in (junit(run, how), trx(run), tap(run)):
        if not (wanted[0] or wanted[1]):
            with pytest.raises(BadEvidence, match="no test"):
                results(content, "report")
            continue
        found = results(content, "report")
        assert (found.passed, len(found.failed), found.skipped) == wanted, content
        assert found.good == (not wanted[1])


@settings(max_examples=examples(60), deadline=None)
@given(RUNS, DIALECTS, st.integers(1, 3))
def test_a_failure_more_than_is_shown_is_never_good(run: Run, how: Dialect, hidden: int) -> None:
    """Whatever the dialect: a count of failures that no case shows."""
    told = junit(run, Dialect(**{**how.__dict__, "counts": True, "encoding": "utf-8"})).decode()
    key, real = ("errors" if how.errors else "failures"), count(run, Outcome.FAILED)
    more = told.replace(f'{key}="{real}"', f'{key}="{real + hidden}"').encode()
    with suppress(BadEvidence):
        assert not results(more, "report").good


# ── scanners ───────────────────────────────────────────────────────────────────────────────────────────────

NAMES = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
KNOWN = st.lists(st.tuples(NAMES, st.from_regex(r"CVE-20[0-9]{2}-[0-9]{4}", fullmatch=True)), max_size=6, unique=True)
Found = Sequence[tuple[str, str]]

SCANNERS: Mapping[str, Callable[[Found], Any]] = {
    "pip-audit": lambda found: {"dependencies": [{"name": "ok", "version": "1", "vulns": []}, *(
        {"name": name, "version": "1", "vulns": [{"id": cve}]} for name, cve in found)]},
    "osv": lambda found: {"experimental_config": {}, "results": [{"packages": [
        {"package": {"name": name, "version": "1"}, "vulnerabilities": [{"id": cve}]}]} for name, cve in found]},
    "npm": lambda found: {"metadata": {"vulnerabilities": {"total": len(found)}}, "advisories": {
        str(number): {"id": cve, "module_name": name, "title": "t", "severity": "low"}
        for number, (name, cve) in enumerate(found)}},
    "trivy": lambda found: {"SchemaVersion": 2, "ArtifactName": "a", "Results": [{"Target": "t", "Vulnerabilities": [
        {"VulnerabilityID": cve, "PkgName": name, "InstalledVersion": "1"} for name, cve in found] or None}]},
    "grype": lambda found: {"descriptor": {"name": "grype"}, "matches": [
        {"vulnerability": {"id": cve}, "artifact": {"name": name, "version": "1"}} for name, cve in found]},
    "dependency-check": lambda found: {"reportSchema": "1.1", "dependencies": [{"fileName": "ok"}, *(
        {"fileName": name, "packages": [{"id": f"pkg:npm/{name}@1"}], "vulnerabilities": [{"name": cve}]}
        for name, cve in found)]},
    "cyclonedx": lambda found: {"bomFormat": "CycloneDX", "components": [
        {"name": name, "version": "1", "bom-ref": name} for name, _ in found], "vulnerabilities": [
        {"id": cve, "affects": [{"ref": name}]} for name, cve in found]},
    "sarif": lambda found: {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "T"}}, "results": [
        {"ruleId": cve, "message": {"text": name}} for name, cve in found]}]},
    "semgrep": lambda found: {"errors": [], "paths": {"scanned": ["a"]}, "results": [
        {"check_id": cve, "path": name, "extra": {"severity": "ERROR"}} for name, cve in found]},
}  # fmt: skip


@settings(max_examples=examples(30), deadline=None)
@given(KNOWN)
def test_findings_are_the_same_in_every_format(found: Found) -> None:
    for scanner, told in SCANNERS.items():
        read = findings(json.dumps(told(found)).encode(), "report").issues
        assert sorted(one.id for one in read) == sorted(cve for _, cve in found), scanner
        named = {(one.package, one.version) for one in read if one.package}
        assert named in (set(), {(name, "1") for name, _ in found} if scanner != "npm" else {(n, "") for n, _ in found})


# ── coverage ───────────────────────────────────────────────────────────────────────────────────────────────

LINES = st.dictionaries(st.tuples(NAMES, st.integers(1, 9)), st.booleans(), min_size=1, max_size=12)
Lines = Mapping[tuple[str, int], bool]


def by_file(lines: Lines) -> Mapping[str, Mapping[int, bool]]:
    return {file: {n: hit for (f, n), hit in lines.items() if f == file} for file, _ in lines}


def cobertura(lines: Lines) -> str:
    classes = ""
    for file, its in by_file(lines).items():
        told = "".join(f'<line number="{n}" hits="{int(hit)}"/>' for n, hit in its.items())
        classes += f'<class filename="{file}">{told}</class>'
    return f"<coverage line-rate='1'>{classes}{classes}</coverage>"


def lcov(lines: Lines) -> str:
    return "".join(
        f"SF:{file}\n" + "".join(f"DA:{n},{int(hit)}\n" for n, hit in its.items())
        + f"LF:{len(its)}\nLH:{sum(its.values())}\nend_of_record\n" for file, its in by_file(lines).items()
    )  # fmt: skip


def lcov_sums(lines: Lines) -> str:
    sums = [
        f"SF:{file}\nLF:{len(its)}\nLH:{sum(its.values())}\nend_of_record\n" for file, its in by_file(lines).items()
    ]
    return "".join(sums)


def go(lines: Lines) -> str:
    blocks = [f"{file}.go:{n}.1,{n}.9 1 {int(hit)}" for (file, n), hit in lines.items()]
    return "\n".join(["mode: set", *blocks, *blocks])


def coverage_py(lines: Lines) -> str:
    return json.dumps({"totals": {"covered_lines": sum(lines.values()), "num_statements": len(lines)}})


def jacoco(lines: Lines) -> str:
    hit = sum(lines.values())
    return f"<report><counter type='LINE' missed='{len(lines) - hit}' covered='{hit}'/></report>"


@settings(max_examples=examples(60), deadline=None)
@given(LINES)
def test_lines_are_the_same_in_every_format(lines: Lines) -> None:
    for told in (cobertura, lcov, lcov_sums, go, coverage_py, jacoco):
        assert covered(told(lines).encode(), "report") == (sum(lines.values()), len(lines)), told


# ── anything at all ────────────────────────────────────────────────────────────────────────────────────────

READERS: Mapping[str, Callable[[bytes, str], object]] = {
    "tests": results, "findings": findings, "coverage": covered,
}  # fmt: skip
EXAMPLE: Run = (("a", Outcome.PASSED), ("b", Outcome.FAILED), ("c", Outcome.SKIPPED))
COVERED: Lines = {("a", 1): True, ("b", 2): False}
SEEDS: Sequence[bytes] = (
    *(junit(EXAMPLE, Dialect(nested=True)), junit(EXAMPLE, Dialect(encoding="utf-16")), trx(EXAMPLE), tap(EXAMPLE)),
    *(json.dumps(told((("a", "CVE-2020-0001"),))).encode() for told in SCANNERS.values()),
    *(told(COVERED).encode() for told in (cobertura, lcov, lcov_sums, go, coverage_py, jacoco)),
)
TOKENS = (
    *(b"<", b">", b'"', b"'", b"{", b"}", b"[", b"]", b",", b":", b"\r", b"    ", b"---"),
    *(b"&a;", b"<!DOCTYPE a [<!ENTITY a 'b'>]>", b"encoding='utf-7'"),
    *(b"\x00", b"\xff", b"\xfe\xff", b"\xed\xa0\x80", b"\\ud800"),
    *(b"null", b"NaN", b"1e999", b"-1", b"99999999999999999999"),
    *(b"testsuite", b"# TODO", b"not ok", b"1..9", b"level", b"version"),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A report with a few of its bytes replaced, taken away, doubled or moved."""
    content = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(content)))
        end = draw(st.integers(begin, min(len(content), begin + 40)))
        part = draw(st.one_of(st.sampled_from(TOKENS), st.binary(max_size=3), st.just(content[begin:end] * 2)))
        content = content[:begin] + part + content[end:]
    return content


@settings(max_examples=examples(150), deadline=None)
@given(damaged())
def test_a_damaged_report_is_read_or_refused_by_every_reader(content: bytes) -> None:
    for read in READERS.values():
        with suppress(BadEvidence):
            read(content, "report")
