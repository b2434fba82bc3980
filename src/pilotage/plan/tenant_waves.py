"""Waves of tenants instead of random shares (R6, C9, R33): which of them go together, and how many users each has.

Waves keep their order. Consecutive waves without a bake between them are one step, as far as `at_most` and `apart`
allow. Weights are what members are expected to be of all users, so that everything that reads a weight keeps working.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pilotage.model.plan import Setting
from pilotage.model.quantity import format_duration
from pilotage.model.schedule import Conflict
from pilotage.model.traffic import WHOLE, percent
from pilotage.model.wave import Wave, WaveUndo
from pilotage.model.wording import counted
from pilotage.plan.dates import PlanRefused
from pilotage.plan.steps import Numbers

APART = "waves-apart"
"""Name of the conflict."""
_REPLACED = ("canary.weights", "canary.ramp", "canary.holdback", "canary.cohort")
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class WantedWave:
    """One wave as it is configured.

    members: of no other wave · size: the sum of its members' weights, in any unit · bake: seconds; None for the usual
    watch · approval: a person must approve it · day: the working day of the rollout on which it starts, 1 for the
    first; None for as soon as the wave before it has been watched.
    """

    name: str
    members: tuple[str, ...] = ()
    size: float = 0.0
    rest: bool = False
    bake: int | float | None = None
    approval: bool = False
    day: int | None = None


@dataclass(frozen=True, kw_only=True)
class WantedWaves:
    """Waves as they are configured, the rest last.

    apart: sets of tenants or waves of which never two are in one step · source: the place of the configuration.
    """

    header: str
    waves: tuple[WantedWave, ...]
    undo: WaveUndo = WaveUndo.ALL
    at_most: int = 1
    apart: tuple[tuple[str, ...], ...] = ()
    source: str = "waves"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Waves that start in one step. weight: per mille of all users once they have, those before them included."""

    waves: tuple[WantedWave, ...]
    weight: int
    before: int

    @property
    def name(self) -> str:
        return "+".join(wave.name for wave in self.waves)

    @property
    def step(self) -> str:
        return f"wave-{self.name}"

    @property
    def rest(self) -> bool:
        return self.waves[-1].rest

    @property
    def title(self) -> str:
        """`wave early (2 tenants)`, `waves early and eu (14 tenants)`, `everyone else`."""
        named = [wave for wave in self.waves if not wave.rest]
        if not named:
            return "everyone else"
        count = sum(len(wave.members) for wave in named)
        words = f"{self.audience} ({counted(count, 'tenant')})"
        return f"{words} and everyone else" if self.rest else words

    @property
    def audience(self) -> str:
        """`wave early`; of the rest alone, `everyone else`."""
        named = [wave.name for wave in self.waves if not wave.rest]
        return f"wave{'s' * (len(named) > 1)} {' and '.join(named)}" if named else "everyone else"

    def seconds(self, n: Numbers) -> tuple[int | float, str]:
        """How long its step is watched, and the setting that says so; empty where the wave itself does."""
        own, path = self.waves[-1].bake, "canary.bake_duration" if self.rest else "canary.phase_duration"
        return (own, "") if own else (n.value(path), path)


# ── which go together ──────────────────────────────────────────────────────────────────────────────────────


def groups_of(wanted: WantedWaves) -> tuple[Group, ...]:
    weights = iter(_cumulated(wanted.waves))
    groups: list[Group] = []
    for waves in _together(wanted):
        weight = [next(weights) for _ in waves][-1]
        groups.append(Group(waves=waves, weight=weight, before=groups[-1].weight if groups else 0))
    return tuple(groups)


def _together(wanted: WantedWaves) -> Iterator[tuple[WantedWave, ...]]:
    group: list[WantedWave] = []
    for wave in wanted.waves:
        if group and (group[-1].bake != 0 or len(group) == wanted.at_most or collision((*group, wave), wanted.apart)):
            yield tuple(group)
            group = []
        group.append(wave)
    yield tuple(group)


def _cumulated(waves: Sequence[WantedWave]) -> tuple[int, ...]:
    """Per mille up to each wave: rounded, rising by at least 1 at each, and the whole at the last."""
    total, so_far, found = sum(wave.size for wave in waves) or 1.0, 0.0, list[int]()
    for index, wave in enumerate(waves[:-1], 1):
        so_far += wave.size
        lowest, highest = (found[-1] if found else 0) + 1, WHOLE - (len(waves) - index)
        found.append(min(highest, max(lowest, round(WHOLE * so_far / total))))
    return (*found, WHOLE)


def collision(waves: Sequence[WantedWave], apart: Sequence[Sequence[str]]) -> tuple[str, str] | None:
    """The first two tenants or waves that are together and must not be."""
    of = {tenant: wave.name for wave in waves for tenant in wave.members}
    names, rest = {wave.name for wave in waves}, any(wave.rest for wave in waves)
    for several in apart:
        here = [one for one in several if one in names or one in of or (rest and one.startswith(_IN_REST))]
        if len(here) > 1:
            return here[0].removeprefix(_IN_REST), here[1].removeprefix(_IN_REST)
    return None


_IN_REST = "\0"
"""Marks a tenant of the rest, whose members are not listed, in a set of `apart`."""


def in_the_rest(tenant: str) -> str:
    """A tenant of the rest as a set of `apart` names it."""
    return _IN_REST + tenant


def conflicts_of_waves(wanted: WantedWaves) -> Iterator[Conflict]:
    """Tenants of one wave that must be apart: only a person can move them."""
    for wave in wanted.waves:
        found = collision((replace(wave, name=""),), wanted.apart)
        if found is None:
            continue
        one, other = found
        free = next(
            (w.name for w in wanted.waves if w is not wave and not w.rest and collision(
                (replace(w, name="", members=(*w.members, other)),), wanted.apart) is None), "",
        )  # fmt: skip
        move = f"move {other} to the wave {free}" if free else f"a wave of its own for {other}"
        yield Conflict(
            APART, (f"wave: {wave.name}", f"wave_rules.apart: {one}, {other}"),
            f"{one} and {other} must never get a release in one step, and both are in the wave {wave.name}",
            f"{move}: pilotage waves move {other} --to {free}" if free else move, True, "R33, R8",
        )  # fmt: skip


def notes_of(wanted: WantedWaves, n: Numbers) -> Iterator[str]:
    """What waves mean for whoever reads the plan."""
    for group in groups_of(wanted):
        last = group.waves[-1]
        if last.bake == 0 and not group.rest:
            seconds, path = group.seconds(n)
            following = wanted.waves[wanted.waves.index(last) + 1]
            found = collision((*group.waves, following), wanted.apart)
            why = f"{found[0]} and {found[1]} must be apart" if found else f"wave_rules.at_most is {wanted.at_most}"
            yield (
                f"wave {last.name} has no bake and starts a step before {following.name}, because {why}: it is watched "
                f"for {format_duration(seconds)} ({path})"
            )
    yield (
        "waves differ in their users, so a comparison of a wave with everybody else also compares their habits: read "
        "a failed verdict of a wave with that in mind, and compare it with the same tenants before the release"
    )
    if wanted.undo is WaveUndo.FAILED:
        yield "a wave that fails goes back alone; earlier waves keep the new version, and a person decides"


# ── the plan's parts ───────────────────────────────────────────────────────────────────────────────────────


def with_waves(n: Numbers, wanted: WantedWaves, overridden: Mapping[str, object]) -> Numbers:
    """The numbers with the waves' shares as weights. Raises PlanRefused where weights are set as well."""
    if beside := next((path for path in _REPLACED if path in overridden), ""):
        raise PlanRefused(
            f"{n.settings[beside].source}: {beside} and {wanted.source} both say who gets the release first: leave "
            f"{beside} out, or the waves"
        )
    weights = n.settings["canary.weights"]
    shares = tuple(percent(group.weight) for group in groups_of(wanted))
    changed = Setting(
        weights.path, shares, weights.unit, wanted.source, "share of users after each wave, as far as known"
    )
    return Numbers({**n.settings, weights.path: changed})


def waves_of(wanted: WantedWaves, n: Numbers, starts: Mapping[str, datetime]) -> tuple[Wave, ...]:
    """The waves as the plan has them. starts: the day that its users are told, by the id of the step."""
    weights = _cumulated(wanted.waves)
    own = {
        wave.name: weight - before for wave, weight, before in zip(wanted.waves, weights, (0, *weights), strict=False)
    }
    return tuple(
        Wave(
            name=wave.name, members=wave.members, share_percent=percent(own[wave.name]), rest=wave.rest,
            bake=group.seconds(n)[0] if wave is group.waves[-1] else 0, step=group.step,
            not_before=starts.get(group.step),
        )
        for group in groups_of(wanted)
        for wave in group.waves
    )  # fmt: skip


def first_names(wave: Wave) -> str:
    """Its tenants in a few words: `acme, globex, initech and 4,997 more`."""
    if wave.rest:
        return "everyone else"
    shown, more = ", ".join(wave.members[:_SHOWN]), len(wave.members) - _SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown
