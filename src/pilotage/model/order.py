"""Services that wait for one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter


def cycle_in(after: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Names that wait for each other in a cycle, the first repeated at the end; empty if there is none."""
    try:
        TopologicalSorter(after).prepare()
    except CycleError as error:
        return tuple(error.args[1])
    return ()


def in_order(after: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Every name after those it waits for."""
    return tuple(TopologicalSorter(after).static_order())
