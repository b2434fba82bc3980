"""What a file of evidence proves, asked as `pilotage ready` asks it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pilotage.adapters.evidence import ProjectFiles
from pilotage.app.readiness.assessment import safely
from pilotage.app.readiness.files import BY_REPORT, Reports
from pilotage.config.readiness import EvidenceSection
from pilotage.model.answers import RiskTolerance
from pilotage.model.readiness import Evidence
from tests.plans import planned

DATA = Path(__file__).with_name("data")
ITEM = {item.id: item for item in planned().readiness}["unit_test_coverage"]


def proof(root: Path, kind: str, **wanted: Any) -> Evidence:
    """wanted: the keys of one item of `readiness.evidence`."""
    reports = Reports(ProjectFiles(root, float("inf"), time.time()), RiskTolerance.MEDIUM)
    section = EvidenceSection.model_validate(wanted)
    return safely(kind, lambda: BY_REPORT[kind](reports, ITEM, section))


def written(folder: Path, content: str | bytes, name: str = "report") -> Path:
    """The folder, with a report in it."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder
