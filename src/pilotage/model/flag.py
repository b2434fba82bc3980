"""Whom a feature flag reaches."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FlagPurpose(StrEnum):
    """What a flag is for, and so how long it lives."""

    RELEASE = "release"
    """Brings a feature to everyone, and goes once everyone has it."""
    EXPERIMENT = "experiment"
    """Compares users with the flag and without it, and goes once there is a result."""
    KILL_SWITCH = "kill-switch"
    """Turns a feature off in an emergency: stays, and is tested regularly."""
    PERMISSION = "permission"
    """Gives some users what they paid for or may see: stays, and is no release's flag."""

    @property
    def expires(self) -> bool:
        """Whether its code goes after the release."""
        return self in (FlagPurpose.RELEASE, FlagPurpose.EXPERIMENT)


@dataclass(frozen=True)
class Ramp:
    """A release flag's reach: named groups, and a share of everyone else in per mille.

    Users are in or out by a hash of their key, so one that a lower share reached is reached by a higher one too.
    """

    groups: tuple[str, ...] = ()
    share: int = 0


OFF = Ramp()


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a provider did not take a ramp, as it said. approval: until somebody approves the change there."""

    sentence: str
    approval: bool = False


NOT_ASKED = Refusal(sentence="")
"""This controller has not asked the provider yet."""
