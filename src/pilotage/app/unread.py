"""Whether pilotage.yaml can be used now: a server runs for weeks, and people edit the file meanwhile."""

from __future__ import annotations

from pilotage.app.project import Project
from pilotage.model.errors import Invalid

READYZ = "pilotage.yaml cannot be used; run `pilotage validate`"
"""For whoever asks without signing in."""


def unread(project: Project) -> str:
    """Why it cannot, as its first problem; empty while it can."""
    try:
        _ = project.names, project.whole
    except Invalid as error:
        first, *more = str(error).splitlines()
        return first + (f" (and {len(more)} more: run `pilotage validate`)" if more else "")
    return ""


def require_something(project: Project) -> str:
    """What a server starts with: pilotage.yaml, or records of rollouts, which somebody may have to stop. Returns why
    the file cannot be used, empty where it can. Raises ConfigError where there are no records either."""
    if not (why := unread(project)):
        project.publish_settings()
        return ""
    if not project.has_store or not project.store.places():
        _ = project.names, project.whole
    return why
