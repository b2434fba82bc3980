"""The counsel that compares how many requests are answered with 4xx, where nobody says which answers are errors."""

from __future__ import annotations

from pilotage.engine.execution.counsel import OfBook
from pilotage.engine.execution.targets import kept_capabilities
from pilotage.judge.refusals import METRIC, RefusalBook
from pilotage.model.json import JsonObject, find
from pilotage.model.observation import Reading
from pilotage.model.record import Rollout


def says_what_fails(environment: JsonObject) -> bool:
    """Whether an environment's configuration says which answers or pages count."""
    errors = find(environment, "errors")
    return errors not in (None, ["5xx"]) or bool(find(environment, "probes")) or bool(find(environment, "routes"))


class Refusals(OfBook[RefusalBook]):
    """Of a rollout whose environment has neither `errors:` nor `probes:`."""

    name = METRIC

    def __init__(self, rollout: Rollout) -> None:
        self._new, self._old, plan = rollout.state.new, rollout.state.old, rollout.plan
        sticky = kept_capabilities(rollout.snapshot).router.sticky
        alpha, least = plan.number("analysis.false_positive_rate"), plan.number("analysis.min_requests")
        super().__init__(RefusalBook(alpha, least, sticky=sticky))

    def observe(self, reading: Reading) -> None:
        self._book.record(reading.of(self._new), reading.of(self._old) if self._old else None, reading.at)
