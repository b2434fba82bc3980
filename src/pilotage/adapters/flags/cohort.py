"""A fixed cohort of users, for which a provider's own evaluation must agree with the share that was set.

Whoever has a flag at one share must have it at every larger one. A cohort shows that better than a look at the
configuration: a changed salt, seed or attribute leaves the share as it is and gives the flag to other users.
"""

from __future__ import annotations

from collections.abc import Set

from pilotage.adapters.ports import AdapterError
from pilotage.model.traffic import WHOLE

SIZE = 10_000
_DEVIATIONS = 4.0
"""Of a cohort that is fixed, one share in 16,000 lies further off by chance, and would do so for ever."""


def cohort() -> list[str]:
    """The users' keys."""
    return [f"pilotage-cohort-{number}" for number in range(SIZE)]


class Members:
    """Which of the cohort had the flag when it was last evaluated, at which share."""

    def __init__(self) -> None:
        self._share, self._members = 0, frozenset[str]()

    def expect(self, members: Set[str], share: int, where: str) -> None:
        """Raise AdapterError if too few, too many, or the wrong ones have the flag. share: per mille."""
        chance = share / WHOLE
        if abs(len(members) - SIZE * chance) > _DEVIATIONS * (SIZE * chance * (1 - chance)) ** 0.5:
            raise AdapterError(
                f"{where} is on for {len(members)} of {SIZE} users of a fixed cohort, not for {100 * chance:g} %"
            )
        lost = self._members - members if share >= self._share else members - self._members
        if lost:
            raise AdapterError(
                f"{where} gives {100 * chance:g} % to other users than {self._share / 10:g} % before: {len(lost)} of "
                f"{SIZE} of a fixed cohort changed sides. Its salt, or what users are divided by, was changed"
            )
        self._share, self._members = share, frozenset(members)
