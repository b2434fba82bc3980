"""How much of the code tests run: Cobertura, JaCoCo, lcov, and coverage.py's JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pilotage.model.readiness import BadEvidence
from pilotage.readiness.evidence import json_of, number, xml_of

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def covered(text: str, name: str) -> tuple[int, int]:
    """Lines that were run, and all lines that could be. Raises BadEvidence for what is no coverage report, and for one
    that looked at no line."""
    start = text.lstrip()[:1]
    if start == "<":
        hit, lines = _of_xml(xml_of(text, name), name)
    elif start == "{":
        hit, lines = _of_json(json_of(text, name), name)
    elif re.search(r"^(SF|TN|DA):", text, re.MULTILINE):
        hit, lines = _of_lcov(text, name)
    else:
        raise BadEvidence(f"{name} is none of Cobertura, JaCoCo, lcov, coverage.py JSON")
    if not lines:
        raise BadEvidence(f"{name} looked at no line")
    if hit > lines:
        raise BadEvidence(f"{name} says that {hit} of {lines} lines were run")
    return hit, lines


def _of_xml(root: Element, name: str) -> tuple[int, int]:
    if root.tag == "coverage" and "lines-valid" in root.attrib:
        return _whole(root.get("lines-covered"), name), _whole(root.get("lines-valid"), name)
    if root.tag == "coverage" and "line-rate" in root.attrib:
        lines = [line for line in root.iter("line") if "hits" in line.attrib]
        return sum(_whole(line.get("hits"), name) > 0 for line in lines), len(lines)
    if root.tag == "report":
        for counter in root.findall("counter"):
            if counter.get("type") == "LINE":
                hit, missed = _whole(counter.get("covered"), name), _whole(counter.get("missed"), name)
                return hit, hit + missed
        raise BadEvidence(f"{name}: this JaCoCo report counts no lines")
    raise BadEvidence(f"{name} is XML, but neither Cobertura nor JaCoCo: its root is <{root.tag[:40]}>")


def _of_json(read: Any, name: str) -> tuple[int, int]:
    try:
        totals = read["totals"]
        return _whole(totals["covered_lines"], name), _whole(totals["num_statements"], name)
    except (KeyError, TypeError):
        raise BadEvidence(f"{name} is JSON, but not coverage.py's: it has no totals") from None


def _of_lcov(text: str, name: str) -> tuple[int, int]:
    if not text.rstrip().endswith("end_of_record"):
        raise BadEvidence(f"{name} is cut off: its last record has no end")
    lines: dict[tuple[str, str], bool] = {}
    source = ""
    for line in text.splitlines():
        if line.startswith("SF:"):
            source = line[3:]
        elif line.startswith("DA:"):
            place, _, rest = line[3:].partition(",")
            hits = number(rest.partition(",")[0], name, f"hits of line {place}")
            lines[source, place] = lines.get((source, place), False) or hits > 0
    return sum(lines.values()), len(lines)


def _whole(value: object, name: str) -> int:
    return int(number(value, name, "a count"))
