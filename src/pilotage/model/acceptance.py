"""Going on in spite of a conflict."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Acceptance:
    """Someone's decision to continue with a conflict. `source` is the line of `pilotage.yaml`, empty for a command."""

    reason: str
    by: str
    source: str = ""
