"""What changes from one plan to another, and who must be notified."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PlanChange:
    """One difference. before or after is `–` if one plan lacks it · whom: who is affected."""

    part: str
    what: str
    before: str
    after: str
    whom: str
    reason: str


@dataclass(frozen=True)
class Renotified:
    """Someone who knows the old date and must be notified of the new one."""

    audience: str
    told_by: tuple[str, ...]
    owner: str
