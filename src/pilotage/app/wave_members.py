"""Who is in which wave: from the configuration, the list of tenants, and the wishes that hold today."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches

from pilotage.config.environment import EnvironmentSection
from pilotage.config.waves import WaveSection
from pilotage.model.errors import Invalid
from pilotage.model.tenant import Tenant
from pilotage.model.wave import WaveUndo
from pilotage.model.wave_move import Move
from pilotage.plan.tenant_waves import WantedWave, WantedWaves, in_the_rest

Place = Callable[..., str]
"""The place in the configuration of a path within the environment."""


class BadWaves(Invalid):
    """The waves and the list of tenants do not fit together. The message says where, and what would be right."""


def members_of(
    section: EnvironmentSection, tenants: Mapping[str, Tenant], moves: Mapping[str, Move], place: Place
) -> dict[str, str]:
    """The wave of each listed tenant. Raises BadWaves.

    A wave that names a tenant has it; `where` takes the others; a wish comes before both.
    """
    named = _named(section.waves, tenants, place)
    found = {name: named.get(name) or _matching(section.waves, tenant, place) for name, tenant in tenants.items()}
    rest, known = section.waves[-1].name, {wave.name for wave in section.waves}
    wished = {name: move.to for name, move in moves.items() if name in tenants and move.to in known}
    members = {name: wished.get(name) or wave or rest for name, wave in found.items()}
    for index, wave in enumerate(section.waves):
        if not wave.rest and wave.name not in found.values():
            raise BadWaves(f"{place('waves', index)}: wave {wave.name} has no tenant: correct where, or leave it out")
    return members


def _named(waves: list[WaveSection], tenants: Mapping[str, Tenant], place: Place) -> dict[str, str]:
    named: dict[str, str] = {}
    for index, wave in enumerate(waves):
        for at, name in enumerate(wave.tenants):
            if name not in tenants:
                where = place("waves", index, "tenants", at)
                raise BadWaves(f"{where}: no tenant is called {name!r}{_close(name, tenants)}")
            named[name] = wave.name
    return named


def _close(name: str, tenants: Mapping[str, Tenant]) -> str:
    close = get_close_matches(name, list(tenants)[:5000], n=1)
    return f"; did you mean {close[0]}?" if close else ": add it to the list of tenants, or leave it out"


def _matching(waves: list[WaveSection], tenant: Tenant, place: Place) -> str:
    """The wave whose conditions the tenant satisfies; empty for the rest."""
    found = ""
    for index, wave in enumerate(waves):
        conditions = wave.conditions
        if not conditions or not all(tenant.attributes.get(key) in values for key, values in conditions.items()):
            continue
        if found:
            raise BadWaves(
                f"{place('waves', index, 'where')}: {tenant.name} is in the waves {found} and {wave.name}: narrow "
                "where, or name it under tenants of one of them"
            )
        found = wave.name
    return found


def waves_of(
    section: EnvironmentSection, tenants: Mapping[str, Tenant], moves: Mapping[str, Move], place: Place
) -> WantedWaves:
    """The waves for a plan. A wave that wishes have emptied is left out. Raises BadWaves."""
    assert section.tenants is not None
    members, rules = members_of(section, tenants, moves, place), section.wave_rules
    by_wave: dict[str, list[str]] = {wave.name: [] for wave in section.waves}
    for name, wave in members.items():
        by_wave[wave].append(name)
    rest = section.waves[-1].name
    waves = tuple(
        WantedWave(
            name=wave.name, members=() if wave.rest else tuple(by_wave[wave.name]), rest=wave.rest, bake=wave.bake,
            approval=wave.approval, day=wave.day, size=sum(tenants[name].weight for name in by_wave[wave.name]),
        )
        for wave in section.waves
        if by_wave[wave.name] or wave.rest
    )  # fmt: skip
    known = {wave.name for wave in section.waves}
    for index, several in enumerate(rules.apart if rules else ()):
        for at, one in enumerate(several):
            if one not in members and one not in known:
                where = place("wave_rules", "apart", index, at)
                raise BadWaves(f"{where}: no tenant or wave is called {one!r}{_close(one, tenants)}")
    apart = tuple(
        tuple(in_the_rest(one) if members.get(one) == rest else one for one in several)
        for several in (rules.apart if rules else ())
    )
    return WantedWaves(
        header=section.tenants.header.lower(), waves=waves, apart=apart, source=place("waves"),
        undo=rules.undo if rules else WaveUndo.ALL, at_most=rules.at_most if rules else 1,
    )  # fmt: skip
