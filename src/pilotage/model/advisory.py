"""What is known against a package: one advisory, as a report of a scanner names it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Advisory:
    """version: the one that has it, empty where `range` names several, such as `>=1.0 <1.4 || 2.0.0`."""

    id: str
    package: str
    version: str = ""
    range: str = ""
