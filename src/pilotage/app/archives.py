"""Evidence as the bytes of an archive, for whoever has no folder here to write it into."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from pilotage.app import incidents
from pilotage.app.project import Project, Unclear
from pilotage.app.readiness import bundle as readiness
from pilotage.app.readiness.assessment import assess_readiness
from pilotage.model.plan import Plan
from pilotage.model.record import Rollout


def incident_archive(project: Project, rollout: Rollout) -> bytes:
    """All evidence of a rollout that was rolled back or failed. Raises Unclear for another one, BadBundle."""
    if rollout.status not in incidents.UNDONE:
        raise Unclear(f"{rollout.id} was neither rolled back nor did it fail")
    return _written(lambda path: incidents.bundle(project, rollout, path))


def readiness_archive(project: Project, actor: str, plan: Plan) -> bytes:
    """Everything that the readiness of a release rests on. Raises BadEvidence, BadBundle."""
    found = assess_readiness(project, actor, plan, keeps=False)
    return _written(lambda path: readiness.bundle(project.loaded, plan, found, path, project.signer()))


def _written(write: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="pilotage-evidence-") as folder:
        path = Path(folder) / "evidence.zip"
        write(path)
        return path.read_bytes()
