"""How much of the code tests run: Cobertura, JaCoCo, lcov, coverage.py's JSON, and Go's profiles.

A line that a report lists several times, for several classes, methods or tests, is one line, and its best hit counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from pilotage.model.json import object_at
from pilotage.model.readiness import BadEvidence
from pilotage.readiness.evidence import whole
from pilotage.readiness.formats import COBERTURA, COVERAGE_PY, GO, JACOCO, LCOV, recognise
from pilotage.readiness.xml_reader import Node


def covered(content: bytes, name: str) -> tuple[int, int]:
    """Lines that were run, and all lines that could be; statements in a profile of Go. Raises BadEvidence for what is
    no coverage report, and for one that looked at no line."""
    report = recognise(content, name, READERS)
    hit, lines = READERS[report.format](report.content, name)
    if not lines:
        raise BadEvidence(f"{name} covers no lines")
    if hit > lines:
        raise BadEvidence(f"{name} is inconsistent: {hit} of {lines} lines covered")
    return hit, lines


_SUMS = ("lines-covered", "lines-valid")


def _cobertura(root: Node, name: str) -> tuple[int, int]:
    """By its lines where it lists any; the root's own sums count a line once for each class that has it."""
    told = [whole(root.get(key), f"{name}:{root.line}", key) for key in _SUMS if root.get(key)]
    lines: dict[tuple[str, str], bool] = {}
    listed = 0
    for one in root.all("class"):
        file = one.get("filename") or one.get("name")
        for line in one.all("line"):
            place = file, line.get("number")
            hits = whole(line.get("hits"), f"{name}:{line.line}", "hits")
            lines[place] = lines.get(place, False) or hits > 0
            listed += 1
    if not lines and len(told) == 2:
        return told[0], told[1]
    if len(told) == 2 and told[1] > listed:
        raise BadEvidence(f"{name}:{root.line}: counts {told[1]} lines and lists {listed}; it is incomplete")
    if lines:
        return sum(lines.values()), len(lines)
    raise BadEvidence(f"{name} covers no lines: it is Cobertura's without lines and without lines-valid")


def _jacoco(root: Node, name: str) -> tuple[int, int]:
    for counter in root.children:
        if counter.tag == "counter" and counter.get("type") == "LINE":
            place = f"{name}:{counter.line}"
            hit, missed = (whole(counter.get(key), place, key) for key in ("covered", "missed"))
            return hit, hit + missed
    raise BadEvidence(f"{name}: this JaCoCo report has no line counter")


def _coverage_py(read: object, name: str) -> tuple[int, int]:
    totals = object_at(read, "totals")
    if "num_statements" not in totals:
        raise BadEvidence(f"{name} is incomplete: `$.totals` has no num_statements")
    return whole(totals["covered_lines"], name), whole(totals["num_statements"], name)


def _lcov(text: str, name: str) -> tuple[int, int]:
    """By its DA lines; of a file without any, by LF and LH, its own sums."""
    if not text.rstrip().endswith("end_of_record"):
        last = text.rstrip().count("\n") + 1
        raise BadEvidence(f"{name}:{last}: is truncated: its last record has no end")
    lines: dict[tuple[str, str], bool] = {}
    told: dict[str, dict[str, int]] = {}
    listed = Counter[str]()
    source = ""
    for number, line in enumerate(text.split("\n"), 1):
        key, _, value = line.rstrip().partition(":")
        if key == "SF":
            source = value
        elif key == "DA":
            place, _, rest = value.partition(",")
            hits = whole(rest.partition(",")[0], f"{name}:{number}", f"hits of line {place}")
            lines[source, place] = lines.get((source, place), False) or hits > 0
            listed[source] += 1
        elif key in ("LF", "LH"):
            sums = told.setdefault(source, {"LF": 0, "LH": 0})
            sums[key] = max(sums[key], whole(value, f"{name}:{number}", key))
    _whole_files(listed, told, name)
    left = [sums for file, sums in told.items() if file not in listed]
    return sum(lines.values()) + sum(s["LH"] for s in left), len(lines) + sum(s["LF"] for s in left)


def _whole_files(listed: Mapping[str, int], told: Mapping[str, Mapping[str, int]], name: str) -> None:
    """Raises BadEvidence for a file with fewer lines than it counts, and for one that hits more than it has. Some tools
    list a line twice and count it twice."""
    for file, sums in told.items():
        if sums["LH"] > sums["LF"]:
            raise BadEvidence(f"{name} is inconsistent: {sums['LH']} of {sums['LF']} lines of {file} covered")
        if file in listed and sums["LF"] > listed[file]:
            raise BadEvidence(f"{name} counts {sums['LF']} lines of {file} and lists {listed[file]}; it is incomplete")


_BLOCK = re.compile(r"(\S.*:\d+\.\d+,\d+\.\d+) (\d+) (\d+)$")


def _go(text: str, name: str) -> tuple[int, int]:
    """Statements, as `go tool cover -func` sums them; a block that several packages' tests ran is one block."""
    blocks: dict[str, tuple[int, bool]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line or line.startswith("mode: "):
            continue
        if (found := _BLOCK.match(line)) is None:
            raise BadEvidence(f"{name}:{number}: is no block of a Go profile: {line[:60]!r}")
        place = f"{name}:{number}"
        _, hit = blocks.get(found[1], (0, False))
        blocks[found[1]] = whole(found[2], place), hit or whole(found[3], place) > 0
    return sum(count for count, hit in blocks.values() if hit), sum(count for count, _ in blocks.values())


READERS: Mapping[str, Callable[[Any, str], tuple[int, int]]] = {
    COBERTURA: _cobertura, JACOCO: _jacoco, LCOV: _lcov, COVERAGE_PY: _coverage_py, GO: _go,
}  # fmt: skip
