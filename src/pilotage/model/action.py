"""Actions on the outside world, as values; `engine.execution.acting` executes them."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.flag import Ramp
from pilotage.model.traffic import Split


@dataclass(frozen=True)
class Ensure:
    """So many instances of a version should run; 0 retires it."""

    version: str
    count: int


@dataclass(frozen=True)
class Apply:
    """The router should split like this. keep: at most so many of a version's instances get requests, the first ·
    without: instances (`host:port`) that get none, because they are about to be replaced."""

    split: Split
    keep: tuple[tuple[str, int], ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """The configured checks of a step should have been started, for the `attempt`-th time. version: what is checked."""

    name: str
    attempt: int
    version: str


@dataclass(frozen=True)
class SetFlag:
    """The flag should be on for exactly these."""

    ramp: Ramp


@dataclass(frozen=True)
class Replace:
    """Replace this instance (`host:port`) with a fresh one of its version; meanwhile it gets no requests."""

    version: str
    instance: str


Action = Ensure | Apply | Check | SetFlag | Replace
