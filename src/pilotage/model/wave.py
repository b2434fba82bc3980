"""Waves inside an environment: which users get a release when. Plain frozen data; plans have them (R6, C9, R33)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Wave:
    """Some users of an environment, who get a release together.

    members: tenants, in order; empty for the rest · rest: everybody who is in no other wave, known or not ·
    share_percent: of all users, as far as known: what the steps call their weight · bake: seconds of watching before
    the next wave · not_before: when its users were told that it starts; None where no day was said · step: the id of
    the step that sends them to the release.
    """

    name: str
    members: tuple[str, ...]
    share_percent: int | float
    bake: int | float
    step: str
    rest: bool = False
    not_before: datetime | None = None


def digest_of(members: Iterable[str]) -> str:
    """SHA-256 of the members, sorted, each behind its length in bytes: the identity of a cohort."""
    told = hashlib.sha256()
    for member in sorted(members):
        data = member.encode()
        told.update(f"{len(data)}:".encode() + data)
    return told.hexdigest()
