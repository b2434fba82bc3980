"""Descriptions of operations of a migration: they destroy data, break the old version, hold a lock, or cannot be
read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pilotage.model.risk import RiskLevel

Found = tuple[RiskLevel, str, str]
"""How risky an operation is, what it does in words, and what to do about it."""

_EXPAND = "expand first, contract in a later release: the schema must work with both versions"
_LOCK = "avoid the lock: build indexes concurrently, add constraints as NOT VALID and validate later"
_BACKUP = (
    "take a backup and test its restore before the release; set rollback.enabled: false if it cannot be rolled back"
)


def destroys(what: str) -> Found:
    return RiskLevel.CRITICAL, what, _BACKUP


def breaks(what: str) -> Found:
    return RiskLevel.HIGH, what, _EXPAND


def locks(what: str) -> Found:
    return RiskLevel.MEDIUM, what, _LOCK


def lasting(found: Iterable[Found]) -> Iterator[Found]:
    """What matters of a table that is created only where it is missing: it may be there and in use, but a lock of one
    that is new harms nobody."""
    return (one for one in found if one[0].rank >= RiskLevel.HIGH.rank)


def unread(what: str) -> Found:
    """An unreadable operation may do anything, so a person must look at it."""
    return RiskLevel.MEDIUM, f"{what}{BY_HAND}", _EXPAND


def is_unread(found: Found) -> bool:
    return found[1].endswith(BY_HAND)


BY_HAND = ": review it by hand"
