"""The stages of a feature toggle (R16) as one list: segments first, then shares of all users, up to everyone.

`feature_toggle.stages: [internal, beta, {segment: free-tier}, 5%, 25%, 50%, 100%]` sets the two settings that a plan
has: `feature_toggle.segments` and `feature_toggle.percentages`.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from pilotage.model.plan import Unit
from pilotage.model.segment import Segment
from pilotage.plan.steps import Numbers
from pilotage.plan.values import read_value

STAGES = "feature_toggle.stages"
SEGMENTS = "feature_toggle.segments"
PERCENTAGES = "feature_toggle.percentages"

PRESET = ("internal", "beta")
"""Segments that need no rule in `flag.segments`: users whose attribute `group` has this name."""


def divided(written: object) -> tuple[list[object], list[object]]:
    """The segments and the shares of a list of stages, as written. Raises ValueError."""
    if not isinstance(written, list | tuple):
        raise ValueError(f"{written!r} is not a list of stages such as [internal, beta, 5%, 50%, 100%]")
    first = next((index for index, stage in enumerate(written) if not _is_segment(stage)), len(written))
    segments, shares = list(written[:first]), list(written[first:])
    if late := next((stage for stage in shares if _is_segment(stage)), None):
        name = late.get("segment") if isinstance(late, Mapping) else late
        raise ValueError(f"the segment {name} comes after {shares[0]}: name segments before shares")
    read_value(Unit.SEGMENTS, segments)
    if not shares:
        raise ValueError(
            "the stages end at a segment, and a release reaches everyone: end them at 100%, or use a permission flag "
            "for what only some users may have"
        )
    read_value(Unit.WEIGHTS, shares)
    return segments, shares


def unknown_segment(n: Numbers, segments: Mapping[str, Segment] | None, environment: str) -> str:
    """What is wrong with the names of the stages where these segments are configured; empty if nothing is."""
    if segments is None or SEGMENTS not in n.settings:
        return ""
    name = next((name for name in n.names(SEGMENTS) if name not in (*segments, *PRESET)), "")
    if not name:
        return ""
    close = next(iter(get_close_matches(name, [*segments, *PRESET], n=1)), "")
    hint = f"did you mean {close}?" if close else f"add it, such as {name}: {{attribute: tier, values: [free]}}"
    return f"{n.settings[SEGMENTS].source}: the flag of {environment} has no segment {name} under flag.segments: {hint}"


def not_by_chance(n: Numbers) -> str:
    """What is wrong with the stages of an experiment; empty if nothing is."""
    if SEGMENTS not in n.settings or not (names := n.names(SEGMENTS)):
        return ""
    return (
        f"{SEGMENTS}: an experiment compares users by chance, and the users of {' and '.join(names)} are not chosen by "
        f"chance: use {STAGES}: [50%, 100%]"
    )


def _is_segment(stage: object) -> bool:
    return isinstance(stage, Mapping) or (isinstance(stage, str) and not stage.strip()[:1].isdigit())
