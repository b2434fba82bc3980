"""Waves inside an environment: which users get a release when. Plain frozen data; plans have them (R6, C9, R33)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import accumulate


class WaveUndo(StrEnum):
    """What a wave that fails takes back."""

    FAILED = "failed"
    """The users of its own step alone go back to stable; earlier waves keep the version, and a person decides."""
    ALL = "all"
    """All users, as in any other rollout."""


@dataclass(frozen=True, kw_only=True)
class Wave:
    """Some users of an environment, who get a release together.

    members: tenants, in order; empty for the rest · rest: everybody who is in no other wave, known or not ·
    share_percent: its own share of all users, as far as known; the weight of its step is the sum up to it · bake:
    seconds of watching before the next wave · not_before: when its users were told that it starts; None where no day
    was said · step: the id of the step that sends them to the release. Waves that go together have the same one.
    """

    name: str
    members: tuple[str, ...]
    share_percent: int | float
    bake: int | float
    step: str
    rest: bool = False
    not_before: datetime | None = None

    @property
    def share(self) -> int:
        """The same per mille."""
        return round(self.share_percent * 10)


@dataclass(frozen=True, kw_only=True)
class Tenancy:
    """How the tenants of an environment are told apart, and what a wave that fails takes back.

    header: of a request, whose value is its tenant's name.
    """

    header: str
    undo: WaveUndo = WaveUndo.ALL


def levels(waves: Sequence[Wave]) -> tuple[int, ...]:
    """Per mille of users up to each wave."""
    return tuple(accumulate(wave.share for wave in waves))


def names_within(waves: Sequence[Wave], above: int, weight: int) -> tuple[str, ...]:
    """The waves whose users are within `weight` per mille and not within `above`."""
    return tuple(wave.name for wave, level in zip(waves, levels(waves), strict=True) if above < level <= weight)


def digest_of(members: Iterable[str]) -> str:
    """SHA-256 of the members, sorted, each behind its length in bytes: the identity of a cohort."""
    told = hashlib.sha256()
    for member in sorted(members):
        data = member.encode()
        told.update(f"{len(data)}:".encode() + data)
    return told.hexdigest()
