"""A fixed cohort of users, for which a provider's own evaluation must agree with the share that was set.

Whoever has a flag at one share must have it at every larger one. A cohort shows that better than a look at the
configuration: a changed salt, seed or attribute leaves the share as it is and gives the flag to other users.
"""

from __future__ import annotations

from collections.abc import Callable

from pilotage.adapters.ports import AdapterError
from pilotage.model.sampling import sampled
from pilotage.model.traffic import WHOLE, percent

SIZE = 10_000


def cohort(numbers: range = range(SIZE)) -> list[str]:
    """The users' keys."""
    return [f"pilotage-cohort-{number}" for number in numbers]


class Members:
    """Which of the cohort had the flag when it was last evaluated, at which share."""

    def __init__(self) -> None:
        self._share, self._members = 0, frozenset[str]()

    def expect(self, members_of: Callable[[list[str]], set[str]], share: int, where: str) -> None:
        """Raise AdapterError if too few, too many, or the wrong ones have the flag. members_of: who of these users has
        it · share: per mille."""
        members = members_of(cohort())
        found = sampled(
            lambda numbers: len(members if numbers.start == 0 else members_of(cohort(numbers))), SIZE, share / WHOLE
        )
        if not found.fits:
            raise AdapterError(
                f"{where} is on for {found.on} of {found.asked} users of a fixed cohort, not for {percent(share):g} %"
            )
        lost = self._members - members if share >= self._share else members - self._members
        if lost:
            raise AdapterError(
                f"{where} gives {percent(share):g} % to other users than {self._share / 10:g} % before: {len(lost)} of "
                f"{SIZE} of a fixed cohort changed sides. Its salt, or what users are divided by, was changed"
            )
        self._share, self._members = share, frozenset(members)
