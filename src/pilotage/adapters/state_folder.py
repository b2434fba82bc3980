"""Where the state of a project is, for whoever knows no more than the project's folder."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder(project: Path) -> Path:
    """`.pilotage` in the project's folder, or where PILOTAGE_STATE says."""
    named = os.environ.get("PILOTAGE_STATE")
    return Path(named).resolve() if named else project / ".pilotage"
