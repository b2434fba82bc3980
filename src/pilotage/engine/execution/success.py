"""The counsel that counts how many requests of the new version succeed."""

from __future__ import annotations

from pilotage.engine.execution.counsel import OfBook
from pilotage.judge.success import METRIC, SuccessBook
from pilotage.model.observation import Reading
from pilotage.model.plan import Plan


class SuccessRate(OfBook[SuccessBook]):
    """Of a plan whose alerts ask for a pause when too few requests succeed."""

    name = METRIC

    def __init__(self, plan: Plan) -> None:
        self._version = plan.version
        limit = plan.setting("alerts.success_rate").number
        super().__init__(SuccessBook(limit, plan.number("alerts.window"), plan.number("alerts.min_requests")))

    def observe(self, reading: Reading) -> None:
        self._book.record(reading.of(self._version), reading.at)
