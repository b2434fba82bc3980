"""The Test Anything Protocol, versions 12 to 14 (testanything.org), as prove, node, tape and bats write it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pilotage.model.readiness import BadEvidence
from pilotage.readiness.outcome import Results

_PLAN = re.compile(r"1\.\.(\d{1,9})\s*(?:#\s*(.*))?$")
_TEST = re.compile(r"(not )?ok\b\s*(\d{1,9})?\s*(?:-\s*)?(.*)$")
_DIRECTIVE = re.compile(r"#\s*(skip|todo)", re.IGNORECASE)
_SUMMED = re.compile(r"#\s*(?:fail(?:ed)?|cancelled)\s+(\d{1,9})\s*$")


@dataclass(slots=True)
class _Stream:
    """place: of the plan · inner: failures of subtests whose own line has not come yet."""

    plan: int | None = None
    place: str = ""
    seen: int = 0
    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    inner: list[str] = field(default_factory=list)
    summed: int = 0


def tap(text: str, name: str) -> Results:
    """Raises BadEvidence for a stream that bailed out, and for one whose plan is missing or not kept."""
    stream = _Stream()
    block = ""
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.rstrip()
        bare = line.lstrip()
        if block:
            block = "" if line == f"{block}..." else block
        elif bare == "---" and bare != line:
            block = line.removesuffix("---")
        elif bare.startswith("Bail out!"):
            raise BadEvidence(f"{name}:{number}: {bare[:120]}")
        else:
            _line(stream, bare, bare != line, f"{name}:{number}")
    return _ended(stream, name)


def _line(stream: _Stream, line: str, nested: bool, place: str) -> None:
    if found := _TEST.match(line):
        _test(stream, found, nested)
    elif nested:
        return
    elif found := _PLAN.match(line):
        if stream.plan is not None:
            raise BadEvidence(f"{place}: a second plan; the first is 1..{stream.plan}")
        stream.plan, stream.place = int(found[1]), place
    elif found := _SUMMED.match(line):
        stream.summed += int(found[1])


def _test(stream: _Stream, found: re.Match[str], nested: bool) -> None:
    called = found[3].strip() or f"test {found[2] or stream.seen + 1}"
    excused = _DIRECTIVE.search(found[3])
    if nested:
        if found[1] and not excused:
            stream.inner.append(called)
        return
    stream.seen += 1
    if excused:  # what is to do may fail, and its subtests may
        stream.skipped += 1
    elif found[1]:
        stream.failed.append(called)
    elif stream.inner:
        stream.failed += stream.inner
    else:
        stream.passed += 1
    stream.inner = []


def _ended(stream: _Stream, name: str) -> Results:
    if stream.plan is None:
        raise BadEvidence(f"{name} has no plan such as 1..{max(stream.seen, 1)}; it is incomplete")
    if stream.seen != stream.plan:
        raise BadEvidence(f"{stream.place}: plans {stream.plan} tests, and {stream.seen} are listed; it is incomplete")
    doubts = []
    if stream.inner:
        doubts.append(f"{name}: subtests failed after the last test: {stream.inner[0]}")
    if stream.summed and not stream.failed:
        doubts.append(f"{name} counts {stream.summed} failed tests at its end, and lists none")
    return Results(passed=stream.passed, failed=tuple(stream.failed), skipped=stream.skipped, doubts=tuple(doubts))
