"""Who uses a new feature since a release, for reports and for the people who are told (R22, R24)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pilotage.adapters.figures import used_by
from pilotage.adapters.ports import AdapterError
from pilotage.config.loading import Loaded
from pilotage.report.release import Adoption

if TYPE_CHECKING:
    from pilotage.config.reporting import AdoptionSection

_OFF = "off"
"""Variant of users who cannot use the feature."""


def adoption_of(loaded: Loaded, since: float, until: float) -> tuple[Adoption, ...]:
    """Every feature by variant, in a time; Unix seconds. One without figures says why."""
    sections = loaded.configuration.report.adoption
    return tuple(one for section in sections for one in _adopted(loaded, section, since, until))


def adoption_words(loaded: Loaded, since: float, until: float) -> list[tuple[str, str]]:
    """Feature and share of users, of those who could use it and where it is known."""
    found: dict[str, tuple[int, int]] = {}
    for one in adoption_of(loaded, since, until):
        if one.users and one.variant != _OFF:
            users, used = found.get(one.feature, (0, 0))
            found[one.feature] = (users + one.users, used + one.used)
    return [
        (f"users of {feature}", f"{used / users:.0%} ({used:,} of {users:,})")
        for feature, (users, used) in found.items()
    ]


def _adopted(loaded: Loaded, section: AdoptionSection, since: float, until: float) -> Sequence[Adoption]:
    try:
        found = used_by(section, loaded.folder, since, until)
    except AdapterError as error:
        return [Adoption(feature=section.name, error=str(error))]
    if not found:
        return [Adoption(feature=section.name, error="no readings in this time")]
    return [
        Adoption(feature=section.name, variant=variant, users=users, used=used)
        for variant, (users, used) in sorted(found.items())
    ]
