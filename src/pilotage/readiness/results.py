"""Reads reports of tests: JUnit XML and its dialects, .NET's TRX, and TAP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pilotage.model.readiness import BadEvidence
from pilotage.readiness.formats import JUNIT, TAP, TRX, recognise
from pilotage.readiness.junit import junit
from pilotage.readiness.outcome import Results
from pilotage.readiness.tap import tap
from pilotage.readiness.trx import trx

READERS: Mapping[str, Callable[[Any, str], Results]] = {JUNIT: junit, TRX: trx, TAP: tap}


def results(content: bytes, name: str) -> Results:
    """Raises BadEvidence for what is no report of tests, for one that is not whole, and when no test ran."""
    report = recognise(content, name, READERS)
    found = READERS[report.format](report.content, name)
    if not found.passed and found.good:
        raise BadEvidence(f"{name}: no tests ran" + f", {found.skipped} were skipped" * bool(found.skipped))
    return found
