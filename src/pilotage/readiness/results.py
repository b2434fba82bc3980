"""Reads reports of tests: JUnit XML and its dialects, .NET's TRX, and TAP."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pilotage.model.readiness import BadEvidence
from pilotage.readiness.formats import JUNIT, TAP, TRX, recognise
from pilotage.readiness.junit import junit
from pilotage.readiness.outcome import Results
from pilotage.readiness.tap import tap
from pilotage.readiness.trx import trx
from pilotage.readiness.xml_reader import Node

_XML: Mapping[str, Callable[[Node, str], Results]] = {JUNIT: junit, TRX: trx}
READERS = (*_XML, TAP)


def results(content: bytes, name: str) -> Results:
    """Raises BadEvidence for what is no report of tests, for one that is not whole, and when no test ran."""
    report = recognise(content, name, READERS)
    found = tap(report.content, name) if report.format == TAP else _XML[report.format](report.content, name)
    if not found.passed and found.good:
        raise BadEvidence(f"{name}: no tests ran" + f", {found.skipped} were skipped" * bool(found.skipped))
    return found
