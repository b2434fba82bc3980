"""The counsel that counts how many requests of the new version succeed."""

from __future__ import annotations

from pilotage.judge.success import METRIC, SuccessBook
from pilotage.model.json import JsonObject
from pilotage.model.observation import Reading, Verdict
from pilotage.model.plan import Plan


class SuccessRate:
    """Of a plan whose alerts ask for a pause when too few requests succeed."""

    name = METRIC

    def __init__(self, plan: Plan) -> None:
        self._version = plan.version
        limit = plan.setting("alerts.success_rate").number
        self._book = SuccessBook(limit, plan.number("alerts.window"), plan.number("alerts.min_requests"))

    def observe(self, reading: Reading) -> None:
        self._book.record(reading.of(self._version), reading.at)

    def ask(self) -> None:
        """What counts comes with the readings."""

    def verdicts(self) -> tuple[Verdict, ...]:
        return self._book.verdicts()

    def begin_again(self) -> None:
        self._book.forget()

    def saved(self) -> JsonObject:
        return self._book.to_dict()

    def restore(self, saved: JsonObject) -> None:
        self._book.restore(saved)
