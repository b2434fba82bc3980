"""What changes from one plan to another, and who must be told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PlanChange:
    """One difference. before or after is `–` where one plan has no such thing · whom: the people it concerns."""

    part: str
    what: str
    before: str
    after: str
    whom: str
    reason: str


@dataclass(frozen=True)
class Renotified:
    """Someone who was told the old date by now and must be told the new one."""

    audience: str
    told_by: tuple[str, ...]
    owner: str
