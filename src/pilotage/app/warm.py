"""The version before, which stays ready for a rollback for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pilotage.model.wording import counted

if TYPE_CHECKING:
    from pilotage.engine.records.at_once import AtOnce
    from pilotage.engine.records.reader import Reader
    from pilotage.engine.records.store import Store
    from pilotage.model.record import RolloutSummary


@dataclass(frozen=True, kw_only=True)
class Warm:
    """instances: that should run · until: Unix seconds at which they stop."""

    version: str
    instances: int
    until: float

    @property
    def sentence(self) -> str:
        several = counted(self.instances, "instance")
        return f"{self.version} stays ready for a rollback until {clock_here(self.until)} ({several})"


def clock_here(at: float) -> str:
    """A moment by the clock of this machine, to the minute."""
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d %H:%M}"


def warm_of(records: Reader | Store | AtOnce, newest: RolloutSummary | None, now: float) -> Warm | None:
    """Of a release that completed; of a stored plan that cannot be read, nothing."""
    from pilotage.model.status import Status

    if newest is None or newest.status is not Status.COMPLETED or newest.old is None:
        return None
    from pilotage.model.record import Unreadable
    from pilotage.model.warm import is_warm, warm_until

    try:
        whole = records.get(newest.id)
    except Unreadable:
        return None
    until = warm_until(whole.plan, whole.state)
    if until is None or not is_warm(whole.plan, whole.state, now):
        return None
    return Warm(version=newest.old, instances=whole.plan.instances, until=until)
