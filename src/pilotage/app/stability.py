"""Watches the version that serves after a rollback, for `incidents.watch`: its instances, its errors, its probes.

The engine has checked it once, when users came back to it. What fails later would be met by nobody, because the rollout
is over.
"""

from __future__ import annotations

import logging
from pathlib import Path

from pilotage.adapters.ports import AdapterError
from pilotage.app.aftermath import origin_of
from pilotage.engine.execution.targets import Target, open_target
from pilotage.engine.records import followups
from pilotage.engine.records.store import Store, StoreConflict
from pilotage.model.aftermath import STABILITY
from pilotage.model.events import StabilityConfirmed, StabilityLost
from pilotage.model.json import JsonObject
from pilotage.model.observation import Health
from pilotage.model.plan import Plan
from pilotage.model.record import Rollout, RolloutSummary, Unreadable
from pilotage.model.rollout import Status

_log = logging.getLogger(__name__)
_LEAST = 100
"""Requests from which a share of errors counts."""

_IN_A_ROW = 3
"""Failed tries of a probe, at whichever instances, or looks without a healthy instance, from which they count."""


class Stability:
    """Of one worker's folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._watches: dict[str, Watch] = {}
        self._over: set[str] = set()

    def look(self, store: Store, one: RolloutSummary, seconds: float) -> None:
        """Look once at the version that serves after a rollback. one: the newest rollout of an environment; with the
        next one begins another time · seconds: how long to watch."""
        if one.id in self._over:
            return
        now = store.clock.now()
        if one.status is not Status.ROLLED_BACK or one.old is None or one.finished_at is None:
            self._watches.pop(one.id, None)
            return
        if not seconds or now - one.finished_at > 2 * seconds + 60 or _is_told(store, one.id):
            self._over.add(one.id)
            return
        try:
            watch = self._watches.get(one.id) or Watch(self._directory, store.get(one.id))
            self._watches[one.id] = watch
            watch.look()
            ends = now - one.finished_at >= seconds
            if event := watch.found() or (watch.confirmed(now - one.finished_at) if ends else None):
                store.note_after(store.get(one.id), event.record(), now)
                self._over.add(one.id)
                self._watches.pop(one.id).stop()
                if isinstance(event, StabilityConfirmed):
                    followups.done_by_itself(store.engine, origin_of(one.id, STABILITY), event.sentence, now)
        except StoreConflict:
            pass  # somebody else has recorded; again at the next look
        except Unreadable as error:
            _log.warning("%s cannot be watched: %s", one.id, error)
            self._over.add(one.id)


def _is_told(store: Store, rollout: str) -> bool:
    return bool(store.told(rollout, StabilityConfirmed.type) or store.told(rollout, StabilityLost.type))


class Watch:
    """Of the version that serves after one rollback."""

    def __init__(self, directory: Path, rollout: Rollout) -> None:
        assert rollout.old is not None
        self._version, self._plan = rollout.old, rollout.plan
        self._target: Target = open_target(directory, rollout.snapshot, rollout.service, rollout.environment, 0)
        self._cursor: JsonObject | None = None
        self._requests = self._errors = self._passed = self._ill = 0
        self._failing: dict[str, int] = {}
        self._reason = ""

    def look(self) -> None:
        """Count what happened since the last look. What does not answer is asked again."""
        try:
            self._look_at_instances()
            reading = self._target.metrics.observe([self._version], self._cursor)
        except AdapterError as error:
            _log.info("watching %s: %s", self._version, error)
            return
        self._cursor = reading.cursor
        seen = reading.of(self._version)
        self._requests, self._errors = self._requests + seen.requests, self._errors + seen.errors

    def _look_at_instances(self) -> None:
        there = [one for one in self._target.fleet.instances() if one.version == self._version]
        healthy = [one for one in there if one.health is Health.HEALTHY]
        self._ill = 0 if healthy else self._ill + 1
        if self._ill >= _IN_A_ROW:
            self._reason = _ill(len(there))
        if self._target.probes is not None:
            self._target.probes.keep_up({self._version: [(one.host, one.port) for one in there]})
            for result in self._target.probes.results():
                self._failing[result.probe] = 0 if result.passed else self._failing.get(result.probe, 0) + 1
                self._passed += result.passed
                if self._failing[result.probe] >= _IN_A_ROW:
                    self._reason = f"the probe {result.probe} fails: {result.detail}"

    def found(self) -> StabilityLost | None:
        """What is wrong, if anything."""
        limit = error_limit(self._plan)
        if self._requests >= _LEAST and self._errors / self._requests > limit:
            share = f"{self._errors / self._requests:.1%}"
            self._reason = (
                f"{share} of its requests fail ({self._errors} of {self._requests:,}), the limit is {limit:.1%}"
            )
        return StabilityLost(version=self._version, reason=self._reason) if self._reason else None

    def confirmed(self, seconds: float) -> StabilityConfirmed:
        return StabilityConfirmed(
            version=self._version, seconds=seconds, requests=self._requests, errors=self._errors, probes=self._passed
        )

    def stop(self) -> None:
        if self._target.probes is not None:
            self._target.probes.stop()


def error_limit(plan: Plan) -> float:
    """The share of failed requests from which a version is rolled back."""
    return plan.number("rollback_triggers.error_rate", 0.05)


def _ill(count: int) -> str:
    """count: of instances that are there, none of which is healthy."""
    if not count:
        return "no instance of it is running"
    return "its instance is not healthy" if count == 1 else f"none of its {count} instances is healthy"
