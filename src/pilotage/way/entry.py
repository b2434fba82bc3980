"""What a stage waits for before it begins, in the order of `Entry`: nothing that is unknown counts as given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pilotage.model.quantity import format_duration
from pilotage.model.way import Begins, EnvironmentStage, StageState, Way, WayStage
from pilotage.way.seen import PlaceStatus, WaySeen


@dataclass(frozen=True, kw_only=True)
class Unmet:
    """wait: what for, in a word · reason: a sentence · lost: it can never hold any more, so the stage fails."""

    wait: str
    reason: str
    lost: bool = False


def first_unmet(way: Way, index: int, state: StageState, seen: WaySeen, now: float) -> Unmet | None:
    """The first of its conditions that does not hold; None where the stage may begin."""
    stage = way.stages[index]
    found = (
        _before(seen), _places(way, index, seen), _tested(way, stage, seen), _baked(way, index, seen, now),
        _person(stage, state), _approval(stage, state), _freeze(stage, seen), _ready(way, index, stage, seen),
        _window(stage, seen),
    )  # fmt: skip
    return next((one for one in found if one is not None), None)


def environments_before(way: Way, index: int) -> Iterator[str]:
    """Those of the stages before, in order."""
    for stage in way.stages[:index]:
        if isinstance(stage, EnvironmentStage):
            yield from stage.environments


def environments_of(way: Way, index: int) -> tuple[str, ...]:
    """What a stage is about: its own environments, or the one that it tests."""
    stage = way.stages[index]
    if isinstance(stage, EnvironmentStage):
        return stage.environments
    return (stage.tests,) if stage.tests else ()


def _before(seen: WaySeen) -> Unmet | None:
    if not seen.before:
        return None
    return Unmet(wait="turn", reason=f"the way of {seen.before} has not ended")


def _places(way: Way, index: int, seen: WaySeen) -> Unmet | None:
    """An environment stage begins only where the state of its environments is known."""
    stage = way.stages[index]
    if not isinstance(stage, EnvironmentStage) or stage.environments[0] in seen.places:
        return None
    return Unmet(wait="unknown", reason=f"what {stage.environments[0]} serves is unknown")


def _tested(way: Way, stage: WayStage, seen: WaySeen) -> Unmet | None:
    """What is tested must be this version."""
    tests = "" if isinstance(stage, EnvironmentStage) else stage.tests
    if not tests:
        return None
    place = seen.places.get(tests)
    if place is None:
        return Unmet(wait="unknown", reason=f"what {tests} serves is unknown")
    if place.status is PlaceStatus.COMPLETE:
        return None
    return Unmet(wait="gone", reason=f"{tests} does not serve {way.version} any more", lost=True)


def _baked(way: Way, index: int, seen: WaySeen, now: float) -> Unmet | None:
    baked = way.stages[index].entry.baked
    if not baked:
        return None
    for name in environments_before(way, index):
        place = seen.places.get(name)
        if place is None:
            return Unmet(wait="unknown", reason=f"what {name} serves is unknown")
        if place.status is not PlaceStatus.COMPLETE:
            return Unmet(wait="gone", reason=f"{name} does not serve {way.version} any more", lost=True)
        if (left := baked - (now - place.since)) > 0:
            # Whole minutes, so that the reason does not change with every look.
            return Unmet(wait="bake", reason=f"{name} bakes for {format_duration(baked)}, {_about(left)} left")
    return None


def _about(seconds: float) -> str:
    return format_duration(max(60.0, round(seconds / 60) * 60.0)) if seconds >= 60 else "less than a minute"


def _person(stage: WayStage, state: StageState) -> Unmet | None:
    if stage.entry.begins is Begins.BY_ITSELF or state.promoted:
        return None
    return Unmet(wait="promotion", reason="a person starts it with `pilotage way promote`")


def _approval(stage: WayStage, state: StageState) -> Unmet | None:
    entry = stage.entry
    if len(state.approved) >= entry.approvals:
        return None
    roles = f" by {' or '.join(entry.roles)}" if entry.roles else ""
    count = f"{len(state.approved)} of {entry.approvals}" if entry.approvals > 1 else "an approval"
    verb = f"needs {count} approvals" if entry.approvals > 1 else f"needs {count}"
    return Unmet(wait="approval", reason=f"it {verb}{roles}; give it with `pilotage way approve`")


def _freeze(stage: WayStage, seen: WaySeen) -> Unmet | None:
    """A freeze of the calendar stops every stage; one that was declared for an environment stops those about it."""
    about = stage.environments if isinstance(stage, EnvironmentStage) else (stage.tests,)
    for name in ("", *about):
        if why := seen.frozen.get(name, ""):
            return Unmet(wait="freeze", reason=why)
    return None


def _ready(way: Way, index: int, stage: WayStage, seen: WaySeen) -> Unmet | None:
    if not stage.entry.ready:
        return None
    for name in environments_of(way, index):
        if name not in seen.unready:
            return Unmet(wait="unknown", reason=f"whether {way.version} is ready for {name} is unknown")
        if why := seen.unready[name]:
            return Unmet(wait="readiness", reason=why)
    return None


def _window(stage: WayStage, seen: WaySeen) -> Unmet | None:
    if not stage.entry.window or seen.closed == "":
        return None
    return Unmet(wait="window", reason=seen.closed or "whether a release window is open is unknown")
