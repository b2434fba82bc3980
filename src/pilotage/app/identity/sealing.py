"""The seal of a project: for second factors, and for what a browser keeps for the server."""

from __future__ import annotations

from pilotage.adapters.sealing import Seal, SealUnusable, seal_of
from pilotage.app.project import Project
from pilotage.engine.placement.location import made
from pilotage.model.json import JsonObject

__all__ = ["Seal", "SealUnusable", "opened", "seal_for"]


def seal_for(project: Project) -> Seal:
    """Raises SealUnusable."""
    return seal_of(made(project.directory))


def opened(project: Project, purpose: str, text: str, lifetime: float) -> JsonObject | None:
    """What was sealed for this purpose within the last `lifetime` seconds; None for anything else."""
    if not text:
        return None
    try:
        found = seal_for(project).open(purpose, text, project.clock.now(), lifetime)
    except SealUnusable:
        return None
    return found if isinstance(found, dict) else None
