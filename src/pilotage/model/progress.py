"""State of a rollout that only one strategy needs. Stored as a union with the strategy's name as its tag."""

from __future__ import annotations

from enum import IntEnum

import msgspec


class _Progress(msgspec.Struct, frozen=True, kw_only=True, tag_field="strategy"):
    """A struct, because a dataclass has no tag to be read back by."""


class CanaryProgress(_Progress, frozen=True, omit_defaults=True, tag="canary"):
    """A canary's progress is its step, and what the router shows."""

    kept: int = 0
    """Withdrawn: per mille of users who keep the version, because they are of other waves than the one that failed."""


class BlueGreenProgress(_Progress, frozen=True, tag="blue-green"):
    preserved: bool = False
    """Whether the failed environment still runs, for debugging."""


class RollingProgress(_Progress, frozen=True, tag="rolling"):
    restored: bool = False
    """Forward: whether this step's batch runs the new version, is healthy and serves."""
    undone: int = 0
    """Backward: batches that run the old version again, the last one first."""


class WayBack(IntEnum):
    """The parts of a big-bang's way back, in their order. Stored as the number of those that are done."""

    BEGUN = 0
    CLOSED = 1
    """Users see the maintenance page, and their last requests have had their time."""
    STOPPED = 2
    """The new version is gone."""
    RESTORED = 3
    """The check `restore` has passed."""
    STARTED = 4
    """Every instance of the old version is healthy."""
    OPEN = 5
    """Users have the old version again."""


class BigBangProgress(_Progress, frozen=True, omit_defaults=True, tag="big-bang"):
    came_to: WayBack = msgspec.field(default=WayBack.BEGUN, name="undone")
    """Backward: the part that was read back last."""
    shut: bool = False
    """Whether the last look saw users get the maintenance page."""
    closed: float = 0.0
    """Seconds for which they have got it so far."""


class ToggleProgress(_Progress, frozen=True, tag="feature-toggle"):
    parts: int = 0
    """Forward: parts of the fleet that run the new code, dark."""
    undone: int = 0
    """Backward: parts that run the old code, counted from the last; parts that never began are among them."""
    dark: bool = False
    """Whether it was rolled back by its flag alone: its code stays where it is."""
    code: bool = False
    """Backward: whether the code goes back, too, because it fails with the flag off."""


NOTHING = CanaryProgress()

Progress = CanaryProgress | BlueGreenProgress | RollingProgress | BigBangProgress | ToggleProgress
