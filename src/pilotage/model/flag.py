"""Whom a feature flag reaches."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ramp:
    """A release flag's reach: named groups, and a share of everyone else in per mille.

    Users are in or out by a hash of their key, so one that a lower share reached is reached by a higher one too.
    """

    groups: tuple[str, ...] = ()
    share: int = 0


OFF = Ramp()
