"""Reports of tests: what ElementTree and junitparser call failed must not pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

from pilotage.model.readiness import BadEvidence
from pilotage.readiness.results import results
from tests.fuzz.reader import Reader, Sample, refusal

CASES = Path(__file__).parents[2] / "cases" / "data"
_BAD = {"failure", "error"}


_FAILED, _NESTED = re.compile(r"^not ok\b(?!.*#)", re.M), re.compile(r"^ +(?:not ok|---)", re.M)


def tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2].rpartition(":")[2]


def plain_tree(content: bytes) -> ElementTree.Element | None:
    """None where ElementTree does not read it: expat is strict about it, too."""
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError):
        return None


def _check(sample: Sample) -> Iterator[str]:
    try:
        found = results(sample.content, sample.name)
    except BadEvidence as error:
        yield from refusal(str(error))
        return
    if not found.good:
        return
    if (root := plain_tree(sample.content)) is not None:
        yield from (f"a pass, though ElementTree sees a failure: {said}" for said in _failures(root))
        listed = sum(tag(one) == "testcase" or tag(one).endswith("Result") for one in root.iter())
        if found.passed > listed:
            yield f"more passed than listed: {found.passed} of {listed}"
        yield from _by_junitparser(sample.content)
    elif sample.content.lstrip()[:1] != b"<" and _FAILED.search(sample.text) and not _NESTED.search(sample.text):
        yield "a pass, though a line begins with `not ok`"


def _failures(root: ElementTree.Element) -> Iterator[str]:
    for one in root.iter():
        if tag(one) == "testcase" and any(tag(child) in _BAD for child in one) and not _is_foreign(root, one):
            yield f"{one.get('classname')}.{one.get('name')}"
        if tag(one) == "UnitTestResult" and one.get("outcome") in ("Failed", "Error", "Timeout", "Aborted"):
            yield str(one.get("testName"))


def _is_foreign(root: ElementTree.Element, case: ElementTree.Element) -> bool:
    """A case that stands in what is neither a suite nor a case: no reader takes it for a test."""
    parents = {child: parent for parent in root.iter() for child in parent}
    while case in parents:
        case = parents[case]
        if tag(case) not in ("testsuites", "testsuite", "testcase"):
            return True
    return False


def _by_junitparser(content: bytes) -> Iterator[str]:
    if not find_spec("junitparser"):
        return
    import junitparser

    try:
        read = junitparser.JUnitXml.fromstring(content)
        suites = [read] if isinstance(read, junitparser.TestSuite) else list(read)
        failed = [str(case.name) for suite in suites for case in suite if case.is_failure or case.is_error]
    except Exception:  # what it does not read says nothing
        return
    if failed:
        yield f"a pass, though junitparser sees failures: {failed[:3]}"


_SEEDS = (
    b'<?xml version="1.0"?><testsuites tests="2" failures="1"><testsuite name="s" tests="2" failures="1" errors="0" '
    b'skipped="0"><testcase classname="c" name="a" time="0.1"/><testcase classname="c" name="b"><failure message="m">'
    b"t</failure></testcase></testsuite></testsuites>",
    b"TAP version 13\n1..2\nok 1 - a\n  ---\n  x: 1\n  ...\nok 2 # SKIP no\n",
    b'<TestRun xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010"><Results><UnitTestResult testName="a" '
    b'outcome="Passed"/></Results><ResultSummary outcome="Completed"><Counters total="1" executed="1" passed="1" '
    b'failed="0"/></ResultSummary></TestRun>',
)

READER = Reader(
    name="junit",
    check=_check,
    seeds=(
        *(Sample(f"seed-{number}", seed) for number, seed in enumerate(_SEEDS)),
        *(Sample(path.name, path.read_bytes()) for path in sorted((CASES / "tests").iterdir())),
    ),
    takes=lambda path: path.suffix in (".trx", ".tap") or (path.suffix == ".xml" and "cov" not in path.name.lower()),
    words=(
        "<failure/>", "<error message='m'/>", "<skipped/>", "<rerunFailure/>", "<flakyFailure/>",
        "<testcase name='z'/>",
        "</testcase>", "<testsuite>", "</testsuite>", ' failures="3"', ' errors="1"', ' tests="9"',
        ' status="notrun"',
        ' result="failed"', "<system-out><![CDATA[", "]]>", "<!DOCTYPE a [<!ENTITY b 'c'>]>", "not ok 3", "1..7",
        "Bail out!", ' outcome="Failed"', '<?xml version="1.0" encoding="utf-16"?>',
    ),
)  # fmt: skip
